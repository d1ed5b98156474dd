"""From a network's raw output to `model(x, sigma) -> denoised`: noise (eps), velocity (v) and flow prediction are different wrappers."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from webui.plugins.types import Denoiser, DenoiserWrapper
from webui.samplers.schedules import DiscreteSchedule

Prediction = Literal["eps", "v", "flow"]
Predict = Callable[..., Tensor]
"""`predict(x_scaled, timesteps, **conditioning) -> raw output`, all [batch, …]; timesteps are floats."""


class SigmaDenoiser:
    """A network with its noise levels. `quantize` takes the nearest training timestep for a sigma, as Forge does; else between two."""

    def __init__(self, predict: Predict, levels: DiscreteSchedule, prediction: Prediction = "eps", *, quantize: bool = True) -> None:
        self._predict = predict
        self._prediction = prediction
        self._quantize = quantize
        self._logs = levels.logs

    def __call__(self, x: Tensor, sigma: Tensor, **conditioning: Any) -> Tensor:
        """Denoised x (the prediction of the clean latent) at noise level `sigma` [batch]."""
        level = sigma.view(-1, *[1] * (x.ndim - 1)).to(x.dtype)
        if self._prediction == "flow":
            return x - self._predict(x, sigma * 1000, **conditioning) * level
        scale = (level**2 + 1) ** 0.5
        output = self._predict(x / scale, self.times(sigma), **conditioning)
        return denoised_from(self._prediction, x, level, output)

    def times(self, sigma: Tensor) -> Tensor:
        """Timesteps [batch] of noise levels, float32, found on sigma's device: nothing waits for it.

        Quantised, a level that is as far from two timesteps belongs to the lower one, as in Forge.
        """
        if self._logs.device != sigma.device:
            self._logs = self._logs.to(sigma.device)
        logs, wanted = self._logs, sigma.float().log()
        above = torch.searchsorted(logs, wanted).clamp(1, len(logs) - 1)
        low, high = logs[above - 1], logs[above]
        if self._quantize:
            return (above - ((wanted - low).abs() <= (high - wanted).abs()).long()).float()
        return above - 1 + ((wanted - low) / (high - low)).clamp(0, 1)


def denoised_from(prediction: Prediction, x: Tensor, sigma: Tensor, output: Tensor) -> Tensor:
    """The clean latent from a raw output: eps (Ho et al. 2020) or v (Salimans & Ho 2022, in sigma terms)."""
    if prediction == "v":
        return x / (sigma**2 + 1) - output * sigma / (sigma**2 + 1) ** 0.5
    return x - output * sigma


def wrap(denoiser: Denoiser, wrappers: Sequence[DenoiserWrapper]) -> Denoiser:
    """Wrap a denoiser; the first wrapper ends outermost."""
    for wrapper in reversed(wrappers):
        denoiser = wrapper(denoiser)
    return denoiser
