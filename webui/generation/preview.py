"""Preview frames of the image being made, rate-limited by their cost."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from webui.errors import CheckpointError, JobCancelled

if TYPE_CHECKING:
    from torch import Tensor

    from webui.generation.device import DeviceAccess
    from webui.generation.reporter import JobReporter
    from webui.models.model import Model
    from webui.models.preview_decoders import Method, PreviewDecoders

SHARE = 0.02
"""Share of a run's time that previews may take. With hand-over and cold caches the total cost is 3 % at most."""


class SkipBatch(JobCancelled):
    """Raised by `emit`: leave out the pictures being made now and go on with the next batch."""


@dataclass(frozen=True)
class PreviewSettings:
    """Preview period in seconds (0: never) and method."""

    period: float = 0.0
    method: Literal["linear", "taesd", "full"] = "linear"


def no_previews() -> PreviewSettings:
    """Settings of a job whose previews nobody watches."""
    return PreviewSettings()


class LatentPreviewer:
    """Sends previews of the current batch at the requested period, as far as the time budget allows."""

    def __init__(
        self,
        model: "Model",
        previews: "PreviewDecoders",
        settings: Callable[[], PreviewSettings],
        report: "JobReporter",
        device: "DeviceAccess",
    ) -> None:
        self._model, self._decoders, self._settings, self._report, self._device = model, previews, settings, report, device
        self._began = time.monotonic()
        self._next = self._spent = 0.0
        self._decoder_failed = False
        self._costs: dict[str, float] = model.state.preview_seconds

    def update(self, denoised: "Tensor") -> None:
        """Take a new prediction [n, channels, h, w] of the final latents. Makes a preview when its estimated cost fits the budget
        (`SHARE`).

        The first linear preview (a millisecond or two) is made at once, so that a viewer sees the image start.
        """
        settings, now = self._settings(), time.monotonic()
        is_free = settings.method == "linear" and self._spent == 0
        cost = 0.0 if is_free else self._costs.get(settings.method, 0.0) * len(denoised)
        if settings.period <= 0 or now < self._next or self._spent + cost > SHARE * (now - self._began):
            return
        latents = side_by_side(denoised)
        (width, height, data), seconds = self._device.run_on_device(lambda: self._timed(latents, settings.method))
        self._costs[settings.method] = seconds / len(denoised)
        self._spent += seconds
        self._next = now + settings.period
        self._report.preview(data, width, height)

    def _timed(self, latents: "Tensor", method: "Method") -> tuple[tuple[int, int, bytes], float]:
        began = time.perf_counter()
        try:
            frame = self._decoders.jpeg(self._model, latents, "linear" if self._decoder_failed else method)
        except CheckpointError as error:
            self._decoder_failed = True
            self._report.note(f"Previews were made the fast way: {error}")
            frame = self._decoders.jpeg(self._model, latents, "linear")
        return frame, time.perf_counter() - began


def side_by_side(latents: "Tensor") -> "Tensor":
    """A batch as one latent picture [channels, h, w], as square as possible; missing ones are empty."""
    import torch

    if len(latents) == 1:
        return latents[0]
    rows = max(round(math.sqrt(len(latents))), 1)
    columns = math.ceil(len(latents) / rows)
    filled = torch.cat([latents, latents.new_zeros(rows * columns - len(latents), *latents.shape[1:])])
    return torch.cat([torch.cat(list(row), dim=-1) for row in torch.split(filled, columns)], dim=-2)
