"""What the engine works with."""

from collections.abc import Callable
from dataclasses import dataclass

from webui.core.registry import Registry
from webui.engine.turns import DIRECT, Turns
from webui.engine.wishes import PreviewWish, unwatched
from webui.images.store import ImageStore
from webui.library import Library
from webui.pipelines.adapters import LoraLoader
from webui.pipelines.registry import Pipelines
from webui.plugins import Extensions
from webui.samplers.catalog import Sampler, Schedule


@dataclass(frozen=True)
class Tools:
    """Everything that `run` uses besides its task. `previews` is asked before each frame; `turns` share the device with other jobs."""

    pipelines: Pipelines
    library: Library
    images: ImageStore
    samplers: Registry[Sampler]
    schedules: Registry[Schedule]
    loras: Registry[LoraLoader]
    extensions: Extensions
    previews: Callable[[], PreviewWish] = unwatched
    turns: Turns = DIRECT
