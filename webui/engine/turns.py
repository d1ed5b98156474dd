"""How a job gets the device: at once when it is alone, in turn with its neighbours when the engine runs several.

The story calls nothing heavy but through these, so that it reads the same in both cases.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeVar

from torch import Tensor

from webui.pipelines.conditioning import Conditioning
from webui.pipelines.model import Model

T = TypeVar("T")


class Call(NamedTuple):
    """One question to the UNet, as `Model.predict` takes it; every tensor has the job's pictures along its first side."""

    model: Model
    x: Tensor
    timesteps: Tensor
    cond: Conditioning
    concat: Tensor | None = None

    def answer(self) -> Tensor:
        """Ask the model, for this call alone."""
        return self.model.predict(self.x, self.timesteps, self.cond, self.concat)


class Decoding(NamedTuple):
    """One picture's latents [channels, height / 8, width / 8], to be made pixels [3, height, width] in 0…1."""

    model: Model
    latent: Tensor

    def answer(self) -> Tensor:
        """Ask the VAE, for this picture alone."""
        return self.model.decode(self.latent[None])[0]


class Turns(Protocol):
    """A job's access to what all jobs of an engine share. Each may raise `JobCancelled`."""

    def predict(self, call: Call) -> Tensor:
        """The UNet's output; calls of several jobs may be answered by one forward pass."""
        ...

    def decode(self, decoding: Decoding) -> Tensor:
        """The picture's pixels; small pictures of several jobs may be decoded together."""
        ...

    def do(self, work: Callable[[], T]) -> T:
        """Load or encode: no other job computes meanwhile."""
        ...

    def aside(self, work: Callable[[], T]) -> T:
        """Work that touches neither the device nor the model (writing a file): the others go on meanwhile."""
        ...

    def alone(self) -> None:
        """Return when no other job runs here, and let none join until this one has ended."""
        ...

    def begin_picture(self) -> None:
        """Count `together` anew."""
        ...

    @property
    def together(self) -> int:
        """How many jobs, at most, shared a forward pass since `begin_picture`; 1 when none did."""
        ...


class Direct:
    """Alone: everything at once, in the caller's thread."""

    together = 1

    def predict(self, call: Call) -> Tensor:
        """Ask the model."""
        return call.answer()

    def decode(self, decoding: Decoding) -> Tensor:
        """Ask the VAE."""
        return decoding.answer()

    def do(self, work: Callable[[], T]) -> T:
        """Work."""
        return work()

    def aside(self, work: Callable[[], T]) -> T:
        """Work."""
        return work()

    def alone(self) -> None:
        """It always is."""

    def begin_picture(self) -> None:
        """Nothing to count."""


DIRECT = Direct()
