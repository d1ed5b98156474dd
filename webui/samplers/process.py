"""How a model's training mixes picture and noise, as samplers see it: x = alpha · picture + sigma · noise.

Diffusion models in sigma terms keep alpha at 1 (variance exploding); rectified flow takes 1 - sigma. A sampler whose formulas are written
in log sigma means the half log-SNR log(alpha / sigma): divided by alpha, x is variance exploding with sigma / alpha as its level.
`stepping.SnrRun` does that change of variables, so that such a sampler is the same for all.
"""

import math
from typing import Literal, Protocol

from torch import Tensor

from webui.samplers.schedules import DiscreteSchedule

Kind = Literal["ve", "flow"]


class NoiseProcess(Protocol):
    """What samplers ask a model's prediction."""

    @property
    def kind(self) -> Kind:
        """Compared with `Sampler.processes`."""
        ...

    @property
    def highest(self) -> float:
        """No level is above it."""
        ...

    @property
    def table(self) -> DiscreteSchedule | None:
        """The levels of the training timesteps; None where they are not known."""
        ...

    def half_log_snr(self, sigma: float) -> float:
        """log(alpha / sigma) at a level."""
        ...

    def noise_to_signal(self, sigma: float) -> float:
        """sigma / alpha, which is exp(-half_log_snr)."""
        ...

    def sigma_of(self, noise_to_signal: float) -> float:
        """The level with this ratio."""
        ...

    def alpha(self, sigma: float) -> float:
        """The picture's factor at a level."""
        ...

    def add_noise(self, latents: Tensor, noise: Tensor, sigma: float | Tensor) -> Tensor:
        """Clean latents brought to a level by unit noise."""
        ...

    def ancestral_step(self, sigma: float, sigma_next: float, eta: float) -> tuple[float, float, float]:
        """(level to step down to, noise to add, factor of x before it is added) so that the result lies at `sigma_next`."""
        ...

    def raise_level(self, sigma: float, higher: float) -> tuple[float, float]:
        """(factor of x, noise to add) that bring x from a level to a higher one."""
        ...


class Prediction(NoiseProcess, Protocol):
    """What a network predicts, and how it is asked: from its raw output to the clean latent. `models.prediction` has the kinds."""

    @property
    def name(self) -> str:
        """ "eps", "v" or "flow"."""
        ...

    @property
    def table(self) -> DiscreteSchedule:
        """The levels of the training timesteps."""
        ...

    @property
    def sigma_min(self) -> float:
        """The lowest of them."""
        ...

    @property
    def sigma_max(self) -> float:
        """The highest."""
        ...

    def timestep(self, sigma: Tensor, quantize: bool = True) -> Tensor:
        """The timesteps [batch] that the network is told for these levels; `quantize` takes the nearest of the training's."""
        ...

    def scale_input(self, x: Tensor, sigma: Tensor) -> Tensor:
        """What the network sees of x; sigma is broadcast to it."""
        ...

    def to_denoised(self, output: Tensor, x: Tensor, sigma: Tensor) -> Tensor:
        """The clean latent from the network's output."""
        ...

    def still(self, x: Tensor, sigma: Tensor) -> Tensor:
        """The clean latent that a velocity of zero stands for: rescaling guidance scales the distance from it."""
        ...

    def finalize(self, x: Tensor, sigma: float) -> Tensor:
        """The latent to decode from a sampler's last x, which may lie above zero noise."""
        ...


class VarianceExploding:
    """x = picture + sigma · noise (Karras et al. 2022 with s(t) = 1)."""

    kind: Kind = "ve"
    highest = math.inf
    table: DiscreteSchedule | None = None

    def half_log_snr(self, sigma: float) -> float:
        return -math.log(sigma) if sigma > 0 else math.inf

    def noise_to_signal(self, sigma: float) -> float:
        return sigma

    def sigma_of(self, noise_to_signal: float) -> float:
        return noise_to_signal

    def alpha(self, sigma: float) -> float:
        return 1.0

    def add_noise(self, latents: Tensor, noise: Tensor, sigma: float | Tensor) -> Tensor:
        return latents + noise * sigma

    def ancestral_step(self, sigma: float, sigma_next: float, eta: float) -> tuple[float, float, float]:
        """DDIM's equation 16 (Song et al. 2020) in sigma terms."""
        down, up = ancestral_step(sigma, sigma_next, eta)
        return down, up, 1.0

    def raise_level(self, sigma: float, higher: float) -> tuple[float, float]:
        return 1.0, math.sqrt(higher**2 - sigma**2)


VARIANCE_EXPLODING = VarianceExploding()
_NEARLY_ONE = 1 - 1e-4
"""At sigma 1 rectified flow holds no picture and its log-SNR is infinite: ratios are taken as of this level there."""


class RectifiedFlowProcess:
    """x = (1 - sigma) · picture + sigma · noise, sigma from 1 to 0 (Liu et al. 2022, arXiv:2209.03003)."""

    kind: Kind = "flow"
    highest = 1.0
    table: DiscreteSchedule | None = None

    def half_log_snr(self, sigma: float) -> float:
        return -math.log(self.noise_to_signal(sigma)) if sigma > 0 else math.inf

    def noise_to_signal(self, sigma: float) -> float:
        return min(sigma, _NEARLY_ONE) / self.alpha(sigma)

    def sigma_of(self, noise_to_signal: float) -> float:
        return noise_to_signal / (1 + noise_to_signal)

    def alpha(self, sigma: float) -> float:
        return 1 - min(sigma, _NEARLY_ONE)

    def add_noise(self, latents: Tensor, noise: Tensor, sigma: float | Tensor) -> Tensor:
        return latents * (1 - sigma) + noise * sigma

    def ancestral_step(self, sigma: float, sigma_next: float, eta: float) -> tuple[float, float, float]:
        """`eta` of the way further down than asked, then x shrunk to the picture's share at `sigma_next` and noise for what is missing.

        Of x at `down`, (1 - down) · picture + down · noise, the factor makes (1 - sigma_next) · picture; variances add up to sigma_next².
        """
        if not eta or sigma_next == 0:
            return sigma_next, 0.0, 1.0
        down = sigma_next * max(1 + (sigma_next / sigma - 1) * eta, 0.0)
        factor = (1 - sigma_next) / (1 - down)
        return down, math.sqrt(max(sigma_next**2 - (factor * down) ** 2, 0.0)), factor

    def raise_level(self, sigma: float, higher: float) -> tuple[float, float]:
        factor = (1 - higher) / (1 - sigma)
        return factor, math.sqrt(max(higher**2 - (factor * sigma) ** 2, 0.0))


def ancestral_step(sigma: float, sigma_next: float, eta: float = 1.0) -> tuple[float, float]:
    """(level to step down to, noise to add) of a variance-exploding process (DDIM's equation 16 in sigma terms)."""
    if not eta:
        return sigma_next, 0.0
    up = min(sigma_next, eta * math.sqrt(sigma_next**2 * (sigma**2 - sigma_next**2) / sigma**2))
    return math.sqrt(sigma_next**2 - up**2), up
