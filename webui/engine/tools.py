"""What the engine works with, and the two ways a job can be cut short."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from webui.core.registry import Registry
from webui.errors import JobCancelled
from webui.images.store import ImageStore
from webui.library import Library
from webui.pipelines.adapters import LoraLoader
from webui.pipelines.registry import Pipelines
from webui.plugins import Extensions
from webui.samplers.catalog import Sampler, Schedule


class SkipBatch(JobCancelled):
    """Raised by `emit`: leave out the pictures being made now and go on with the next batch."""


@dataclass(frozen=True)
class PreviewWish:
    """How often (seconds; 0 is never) and how somebody wants to watch."""

    period: float = 0.0
    method: Literal["linear", "taesd", "full"] = "linear"


def unwatched() -> PreviewWish:
    """Nobody watches."""
    return PreviewWish()


@dataclass(frozen=True)
class Tools:
    """Everything that `run` uses besides its task. `previews` is asked before each frame."""

    pipelines: Pipelines
    library: Library
    images: ImageStore
    samplers: Registry[Sampler]
    schedules: Registry[Schedule]
    loras: Registry[LoraLoader]
    extensions: Extensions
    previews: Callable[[], PreviewWish] = unwatched
