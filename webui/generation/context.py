"""What a job needs from the engine."""

from collections.abc import Callable
from dataclasses import dataclass, field

from webui.core.registry import Registry
from webui.detection.service import Detectors
from webui.generation.device import INLINE_DEVICE, DeviceAccess
from webui.generation.preview import PreviewSettings, no_previews
from webui.images.store import ImageStore
from webui.library import Library
from webui.models.cache import ModelCache
from webui.models.restorers import RestorerFiles
from webui.models.upscalers import UpscalerFiles
from webui.plugins.adapters import LoraLoader
from webui.plugins.manager import Extensions
from webui.plugins.types import Finisher, GuidanceMaker, Guider, Upscaler
from webui.samplers.catalog import Sampler, Schedule


@dataclass(frozen=True)
class EngineContext:
    """Everything that `run` uses besides its task.

    `preview_settings` is asked before each frame; `device` share the device with other jobs.
    """

    models: ModelCache
    library: Library
    images: ImageStore
    samplers: Registry[Sampler]
    schedules: Registry[Schedule]
    loras: Registry[LoraLoader]
    extensions: Extensions
    detectors: Detectors
    upscalers: Registry[Upscaler] = field(default_factory=lambda: Registry("upscaler", "hires.upscaler"))
    upscaler_files: UpscalerFiles = field(default_factory=UpscalerFiles)
    restorer_files: RestorerFiles = field(default_factory=RestorerFiles)
    finishers: Registry[Finisher] = field(default_factory=lambda: Registry("finisher", "finish"))
    guiders: Registry[Guider] = field(default_factory=lambda: Registry("guider", "guidance"))
    guidance_parts: Registry[GuidanceMaker] = field(default_factory=lambda: Registry("guidance part", "guidance"))
    preview_settings: Callable[[], PreviewSettings] = no_previews
    device: DeviceAccess = INLINE_DEVICE
