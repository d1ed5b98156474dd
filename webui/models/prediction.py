"""What a network predicts: the noise (eps), the velocity (v) of diffusion, or the velocity of rectified flow."""

import math

import numpy as np
import torch
from torch import Tensor

from webui.samplers.guidance import diffusion_still
from webui.samplers.process import Prediction, RectifiedFlowProcess, VarianceExploding
from webui.samplers.schedules import DiscreteSchedule

__all__ = ["EpsPrediction", "Prediction", "RectifiedFlow", "VPrediction", "diffusion"]


class EpsPrediction(VarianceExploding):
    """The network sees x at unit variance, with a training timestep, and predicts the noise (Ho et al. 2020)."""

    name = "eps"

    def __init__(self, table: DiscreteSchedule) -> None:
        self.table: DiscreteSchedule = table
        self._logs = table.logs

    @property
    def sigma_min(self) -> float:
        """The lowest level of the training."""
        return self.table.low

    @property
    def sigma_max(self) -> float:
        """The highest."""
        return self.table.high

    def timestep(self, sigma: Tensor, quantize: bool = True) -> Tensor:
        """Timesteps [batch] of levels, float32, found on sigma's device: nothing waits for it.

        Quantised, a level that is as far from two timesteps belongs to the lower one, as in Forge.
        """
        if self._logs.device != sigma.device:
            self._logs = self._logs.to(sigma.device)
        logs, wanted = self._logs, sigma.float().log()
        above = torch.searchsorted(logs, wanted).clamp(1, len(logs) - 1)
        low, high = logs[above - 1], logs[above]
        if quantize:
            return (above - ((wanted - low).abs() <= (high - wanted).abs()).long()).float()
        return above - 1 + ((wanted - low) / (high - low)).clamp(0, 1)

    def scale_input(self, x: Tensor, sigma: Tensor) -> Tensor:
        return x / (sigma**2 + 1) ** 0.5

    def to_denoised(self, output: Tensor, x: Tensor, sigma: Tensor) -> Tensor:
        return x - output * sigma

    def still(self, x: Tensor, sigma: Tensor) -> Tensor:
        return diffusion_still(x, sigma)

    def finalize(self, x: Tensor, sigma: float) -> Tensor:
        return x


class VPrediction(EpsPrediction):
    """The network predicts alpha · noise - sigma · picture of the variance-preserving x (Salimans & Ho 2022)."""

    name = "v"

    def to_denoised(self, output: Tensor, x: Tensor, sigma: Tensor) -> Tensor:
        return x / (sigma**2 + 1) - output * sigma / (sigma**2 + 1) ** 0.5


class RectifiedFlow(RectifiedFlowProcess):
    """The network sees x as it is and predicts noise - picture; its timestep is `multiplier` · sigma.

    `shift` moves the schedule's levels towards noise (Esser et al. 2024, arXiv:2403.03206, section 5.3.2); the network is told the shifted
    level. `family` is whose levels they are called.
    """

    name = "flow"

    def __init__(self, shift: float = 1.0, multiplier: float = 1000.0, steps: int = 1000, family: str = "flow") -> None:
        if not (shift > 0 and math.isfinite(shift)):
            raise ValueError("the shift of a rectified flow is a number above 0")
        time = np.arange(1, steps + 1) / steps
        self.shift, self._multiplier = shift, multiplier
        self.table: DiscreteSchedule = DiscreteSchedule(shift * time / (1 + (shift - 1) * time), family)

    @property
    def sigma_min(self) -> float:
        """The lowest level of the training."""
        return self.table.low

    @property
    def sigma_max(self) -> float:
        """The highest: pure noise."""
        return self.table.high

    def timestep(self, sigma: Tensor, quantize: bool = True) -> Tensor:
        return sigma * self._multiplier

    def scale_input(self, x: Tensor, sigma: Tensor) -> Tensor:
        return x

    def to_denoised(self, output: Tensor, x: Tensor, sigma: Tensor) -> Tensor:
        return x - output * sigma

    def still(self, x: Tensor, sigma: Tensor) -> Tensor:
        return x

    def finalize(self, x: Tensor, sigma: float) -> Tensor:
        """Scaled to the picture's whole share: at `sigma` it has 1 - sigma of it."""
        return x / (1 - sigma) if 0 < sigma < 1 else x


def diffusion(name: str, table: DiscreteSchedule) -> Prediction:
    """The prediction of a diffusion model by its name, "eps" or "v"."""
    return VPrediction(table) if name == "v" else EpsPrediction(table)
