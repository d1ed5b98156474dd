"""Access to the device, exclusive or shared with other jobs.

All model work goes through this interface, so the pipeline is the same for one job and for many.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from torch import Tensor

    from webui.models.conditioning import Conditioning
    from webui.models.model import Model


T = TypeVar("T")


class ForwardRequest(NamedTuple):
    """The arguments of one call of the UNet, as `Model.predict` takes them. The first dimension of every tensor is the job's images."""

    model: "Model"
    x: "Tensor"
    timesteps: "Tensor"
    cond: "Conditioning"
    concat: "Tensor | None" = None

    def execute(self) -> "Tensor":
        """Run the model for this request alone."""
        return self.model.predict(self.x, self.timesteps, self.cond, self.concat)

    def split(self, rows: int) -> "Iterator[ForwardRequest]":
        """Yield the same in requests of at most so many images."""
        for start in range(0, len(self.x), rows):
            part = slice(start, start + rows)
            concat = None if self.concat is None else self.concat[part]
            yield self._replace(x=self.x[part], timesteps=self.timesteps[part], cond=self.cond.rows(start, start + rows), concat=concat)


class DecodeRequest(NamedTuple):
    """Latents of one image [channels, height / 8, width / 8], to be decoded to pixels [3, height, width] in 0…1."""

    model: "Model"
    latent: "Tensor"

    def execute(self) -> "Tensor":
        """Run the VAE for this image alone."""
        return self.model.decode(self.latent[None])[0]


class DeviceAccess(Protocol):
    """A job's access to the device that all jobs of an engine share. Every method may raise `JobCancelled`."""

    def predict(self, request: ForwardRequest) -> "Tensor":
        """Return the UNet's output. Requests of several jobs may share one forward pass."""
        ...

    def decode(self, request: DecodeRequest) -> "Tensor":
        """Return the image's pixels. Small images of several jobs may be decoded by one call."""
        ...

    def run_on_device(self, work: Callable[[], T]) -> T:
        """Run `work` (loading, encoding) while no other job uses the device."""
        ...

    def run_off_device(self, work: Callable[[], T]) -> T:
        """Run `work` that uses neither device nor model (writing a file) while other jobs continue."""
        ...

    def acquire_exclusive(self) -> None:
        """Block until no other job runs here; none is admitted until this one has ended."""
        ...

    def reset_batch_stats(self) -> None:
        """Reset `peak_batch_jobs` to 1."""
        ...

    @property
    def peak_batch_jobs(self) -> int:
        """The largest number of jobs that shared a forward pass since `reset_batch_stats`; 1 when none did."""
        ...


class InlineDevice:
    """Runs everything at once in the caller's thread, for a single job."""

    peak_batch_jobs = 1

    def predict(self, request: ForwardRequest) -> "Tensor":
        """Ask the model."""
        return request.execute()

    def decode(self, request: DecodeRequest) -> "Tensor":
        """Ask the VAE."""
        return request.execute()

    def run_on_device(self, work: Callable[[], T]) -> T:
        """Work."""
        return work()

    def run_off_device(self, work: Callable[[], T]) -> T:
        """Work."""
        return work()

    def acquire_exclusive(self) -> None:
        """Return at once: there are no other jobs."""

    def reset_batch_stats(self) -> None:
        """Do nothing: there are no shared passes."""


INLINE_DEVICE = InlineDevice()


class SplitDevice:
    """Access through `device` in forward passes of at most `rows` images each: slower, in less memory."""

    def __init__(self, device: DeviceAccess, rows: int) -> None:
        self._device, self._rows = device, rows

    def predict(self, request: ForwardRequest) -> "Tensor":
        """Return the outputs of all parts, in order."""
        import torch  # here: the scheduler, which loads no torch, uses this module

        return torch.cat([self._device.predict(part) for part in request.split(self._rows)])

    def decode(self, request: DecodeRequest) -> "Tensor":
        """Return the image's pixels."""
        return self._device.decode(request)

    def run_on_device(self, work: Callable[[], T]) -> T:
        """Run `work` while no other job uses the device."""
        return self._device.run_on_device(work)

    def run_off_device(self, work: Callable[[], T]) -> T:
        """Run `work` while other jobs continue."""
        return self._device.run_off_device(work)

    def acquire_exclusive(self) -> None:
        """Block until no other job runs here."""
        self._device.acquire_exclusive()

    def reset_batch_stats(self) -> None:
        """Reset `peak_batch_jobs`."""
        self._device.reset_batch_stats()

    @property
    def peak_batch_jobs(self) -> int:
        """The largest number of jobs that shared a forward pass."""
        return self._device.peak_batch_jobs
