"""From a network to `model(x, sigma) -> denoised`, as its `Prediction` says."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from webui.plugins.types import Denoiser, DenoiserWrapper
from webui.samplers.process import Prediction

Predict = Callable[..., Tensor]
"""`predict(x_scaled, timesteps, **conditioning) -> raw output`, all [batch, …]; timesteps are floats."""


class SigmaDenoiser:
    """A network with its prediction. `quantize` takes the nearest training timestep for a sigma, as Forge does; else between two."""

    def __init__(self, predict: Predict, prediction: Prediction, *, quantize: bool = True) -> None:
        self._predict, self._prediction, self._quantize = predict, prediction, quantize

    def __call__(self, x: Tensor, sigma: Tensor, **conditioning: Any) -> Tensor:
        """Denoised x (the prediction of the clean latent) at noise level `sigma` [batch]."""
        prediction, level = self._prediction, sigma.view(-1, *[1] * (x.ndim - 1)).to(x.dtype)
        output = self._predict(prediction.scale_input(x, level), prediction.timestep(sigma, self._quantize), **conditioning)
        return prediction.to_denoised(output, x, level)


def wrap(denoiser: Denoiser, wrappers: Sequence[DenoiserWrapper]) -> Denoiser:
    """Wrap a denoiser; the first wrapper ends outermost."""
    for wrapper in reversed(wrappers):
        denoiser = wrapper(denoiser)
    return denoiser
