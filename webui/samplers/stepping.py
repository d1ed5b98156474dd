"""What all samplers share: k-diffusion's types, the derivative, ancestral steps, calling the model and telling the caller.

Noise levels are read to Python floats once, before the loop, so that no step waits for the device.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from webui.plugins.types import Denoiser as Denoiser

Extra = Mapping[str, Any] | None
"""What the model is called with besides x and sigma. For samplers that need it, the denoiser puts the last call's unconditional
prediction into this very mapping as "uncond"; that one is not passed on."""
StepCallback = Callable[[dict[str, Any]], None] | None
NoiseSampler = Callable[[Tensor, Tensor], Tensor]
"""`noise_sampler(sigma, sigma_next)` gives unit noise of x's shape for the way between the two levels."""


class SamplerRun:
    """One sampling run: the model with its extra arguments, the levels as floats, the callback and the noise."""

    def __init__(
        self, model: Denoiser, x: Tensor, sigmas: Tensor, extra: Extra, callback: StepCallback, noise_sampler: NoiseSampler | None = None
    ) -> None:
        self.levels: list[float] = sigmas.tolist()
        self.model = model
        self._extra = extra if extra is not None else {}
        self._callback = callback
        self._noise = noise_sampler
        self._ones = x.new_ones(len(x))

    def denoise(self, x: Tensor, sigma: float) -> Tensor:
        """Call the model at one noise level."""
        return self.model(x, sigma * self._ones, **{name: value for name, value in self._extra.items() if name != "uncond"})

    def report(self, i: int, x: Tensor, sigma: float, denoised: Tensor, sigma_hat: float | None = None) -> None:
        """Call back with k-diffusion's dict."""
        if self._callback is not None:
            hat = sigma if sigma_hat is None else sigma_hat
            self._callback({"i": i, "x": x, "sigma": torch.tensor(sigma), "sigma_hat": torch.tensor(hat), "denoised": denoised})

    def noise(self, x: Tensor, sigma: float, sigma_next: float) -> Tensor:
        """Unit noise for the way from `sigma` to `sigma_next`."""
        if self._noise is None:
            return torch.randn_like(x)
        return self._noise(torch.tensor(sigma, dtype=torch.float64), torch.tensor(sigma_next, dtype=torch.float64)).to(x)

    def uncond(self, denoised: Tensor) -> Tensor:
        """The last call's unconditional prediction (CFG++); the prediction itself when the model works without guidance."""
        uncond = self._extra.get("uncond")
        return denoised if uncond is None else uncond


def to_d(x: Tensor, sigma: float, denoised: Tensor) -> Tensor:
    """dx/dsigma of the probability-flow ODE (Karras et al. 2022, equation 3 with s(t) = 1, sigma(t) = t)."""
    return (x - denoised) / sigma


def ancestral_step(sigma: float, sigma_next: float, eta: float = 1.0) -> tuple[float, float]:
    """(level to step down to, noise to add) so that the result lies at `sigma_next` (DDIM's equation 16 in sigma terms)."""
    if not eta:
        return sigma_next, 0.0
    up = min(sigma_next, eta * math.sqrt(sigma_next**2 * (sigma**2 - sigma_next**2) / sigma**2))
    return math.sqrt(sigma_next**2 - up**2), up


def churn(run: SamplerRun, x: Tensor, sigma: float, s_churn: float, s_tmin: float, s_tmax: float, s_noise: float) -> tuple[Tensor, float]:
    """Add noise to raise the level before a step (Karras et al. 2022, Algorithm 2, lines 4–6); gives x and the raised level.

    Outside `s_tmin` … `s_tmax` the noise is drawn and not used, as k-diffusion does: a later step's noise is the same whatever the range.
    """
    if s_churn <= 0:
        return x, sigma
    gamma = min(s_churn / (len(run.levels) - 1), math.sqrt(2) - 1) if s_tmin <= sigma <= s_tmax else 0.0
    hat = sigma * (gamma + 1)
    noise = run.noise(x, sigma, hat)
    return (x + noise * s_noise * math.sqrt(hat**2 - sigma**2) if gamma > 0 else x), hat
