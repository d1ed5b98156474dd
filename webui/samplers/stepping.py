"""What all samplers share: k-diffusion's types, the derivative, ancestral steps, calling the model and telling the caller.

Noise levels are read to Python floats once, before the loop, so that no step waits for the device.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from webui.plugins.types import Denoiser
from webui.samplers.process import VARIANCE_EXPLODING, NoiseProcess, ancestral_step

__all__ = ["Denoiser", "Extra", "NoiseSampler", "SamplerRun", "StepCallback", "SnrRun", "ancestral_step", "churn", "renoised", "to_d"]

Extra = Mapping[str, Any] | None
"""What the model is called with besides x and sigma. Two of its entries are not passed on: "prediction", the model's `NoiseProcess` (left
out: variance exploding), and "uncond", where the denoiser puts the last call's unconditional prediction for samplers that need it."""
_OWN = ("uncond", "prediction")
StepCallback = Callable[[dict[str, Any]], None] | None
NoiseSampler = Callable[[Tensor, Tensor], Tensor]
"""`noise_sampler(sigma, sigma_next)` gives unit noise of x's shape for the way between the two levels."""


class SamplerRun:
    """One sampling run: the model with its extra arguments, the levels as floats, the callback and the noise.

    A sampler that works with the model's sigma and the slope dx/dsigma is right for every process. One whose formulas are in log sigma
    makes an `SnrRun`.
    """

    def __init__(
        self, model: Denoiser, x: Tensor, sigmas: Tensor, extra: Extra, callback: StepCallback, noise_sampler: NoiseSampler | None = None
    ) -> None:
        self.levels: list[float] = sigmas.tolist()
        self.model = model
        self._extra = extra if extra is not None else {}
        self.process: NoiseProcess = self._extra.get("prediction") or VARIANCE_EXPLODING
        self._callback = callback
        self._noise = noise_sampler
        self._ones = x.new_ones(len(x))

    def denoise(self, x: Tensor, sigma: float) -> Tensor:
        """Call the model at one noise level."""
        return self.model(x, sigma * self._ones, **{name: value for name, value in self._extra.items() if name not in _OWN})

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


class SnrRun(SamplerRun):
    """A run in ratios of noise to signal: `levels` are sigma / alpha, and x is divided by alpha, so that the process is variance exploding.

    `start` and `end` lead x there and back; the model, the callback and the noise still see the model's own levels. For variance-exploding
    models nothing changes, bit for bit.
    """

    def __init__(
        self, model: Denoiser, x: Tensor, sigmas: Tensor, extra: Extra, callback: StepCallback, noise_sampler: NoiseSampler | None = None
    ) -> None:
        super().__init__(model, x, sigmas, extra, callback, noise_sampler)
        self._converts = self.process.kind != "ve"
        self._sigmas: dict[float, float] = {}
        if self._converts:
            own = self.levels
            self.levels = [self.process.noise_to_signal(sigma) for sigma in own]
            self._sigmas = dict(zip(self.levels, own, strict=True))

    def start(self, x: Tensor) -> Tensor:
        """The x to begin with, from the model's."""
        return x / self._alpha(self.levels[0]) if self._converts and self.levels else x

    def end(self, x: Tensor) -> Tensor:
        """The model's x at the last level."""
        return x * self._alpha(self.levels[-1]) if self._converts and self.levels else x

    def denoise(self, x: Tensor, sigma: float) -> Tensor:
        """Call the model at one level."""
        if not self._converts:
            return super().denoise(x, sigma)
        return super().denoise(x * self._alpha(sigma), self._sigma(sigma))

    def report(self, i: int, x: Tensor, sigma: float, denoised: Tensor, sigma_hat: float | None = None) -> None:
        """Call back with the model's own x and sigma."""
        if self._converts:
            x, sigma, sigma_hat = x * self._alpha(sigma), self._sigma(sigma), None
        super().report(i, x, sigma, denoised, sigma_hat)

    def noise(self, x: Tensor, sigma: float, sigma_next: float) -> Tensor:
        """Unit noise for the way between two levels."""
        return super().noise(x, self._sigma(sigma), self._sigma(sigma_next)) if self._converts else super().noise(x, sigma, sigma_next)

    def _sigma(self, level: float) -> float:
        return self._sigmas.get(level, self.process.sigma_of(level))

    def _alpha(self, level: float) -> float:
        return self.process.alpha(self._sigma(level))


def to_d(x: Tensor, sigma: float, denoised: Tensor) -> Tensor:
    """dx/dsigma of the probability-flow ODE (Karras et al. 2022, equation 3 with s(t) = 1, sigma(t) = t)."""
    return (x - denoised) / sigma


def renoised(run: SamplerRun, x: Tensor, sigma: float, sigma_next: float, up: float, factor: float, s_noise: float) -> Tensor:
    """The end of an ancestral step (`NoiseProcess.ancestral_step`): x times the factor, and noise."""
    return (x if factor == 1.0 else x * factor) + run.noise(x, sigma, sigma_next) * s_noise * up


def churn(run: SamplerRun, x: Tensor, sigma: float, s_churn: float, s_tmin: float, s_tmax: float, s_noise: float) -> tuple[Tensor, float]:
    """Add noise to raise the level before a step (Karras et al. 2022, Algorithm 2, lines 4–6); gives x and the raised level.

    Outside `s_tmin` … `s_tmax` the noise is drawn and not used, as k-diffusion does: a later step's noise is the same whatever the range.
    """
    if s_churn <= 0:
        return x, sigma
    gamma = min(s_churn / (len(run.levels) - 1), math.sqrt(2) - 1) if s_tmin <= sigma <= s_tmax else 0.0
    hat = sigma * (gamma + 1)
    if hat >= run.process.highest:
        gamma, hat = 0.0, sigma
    noise = run.noise(x, sigma, hat)
    if gamma <= 0:
        return x, hat
    factor, up = run.process.raise_level(sigma, hat)
    return (x if factor == 1.0 else x * factor) + noise * s_noise * up, hat
