"""Set an engine up: from settings to the tools that `run` works with, and from a task to its plan."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import psutil
import torch

from webui.core.family import FamilySpec, ModelFacts
from webui.core.finish import details_of
from webui.core.foreign import INDEX, FileIdentity
from webui.core.job import Plan
from webui.core.protocol import Capabilities, OptionInfo, RunJob
from webui.core.registry import Registry
from webui.detection import builtins as detection_builtins
from webui.detection.service import Detectors
from webui.devices.plan import plan_for, plan_of_extras
from webui.generation import builtins as generation_builtins
from webui.generation.context import EngineContext
from webui.images import finishers
from webui.images.store import ImageStore
from webui.images.upscaling import LATENT_UPSCALERS
from webui.library import Library
from webui.library import builtins as library_builtins
from webui.library.families import register_all
from webui.library.header import read_any_header
from webui.models.cache import MemoryLimits, ModelCache
from webui.plugins.adapters import LoraLoader
from webui.plugins.discovery import extension_folders
from webui.plugins.manager import Extensions
from webui.plugins.types import Detector, Finisher, GuidanceMaker, Guider, Upscaler
from webui.samplers import builtins
from webui.samplers.catalog import Sampler, Schedule
from webui.settings import Settings

_BARE_PROCESS = 500 * 2**20


def build_context(settings: Settings, off: tuple[str, ...] = ()) -> EngineContext:
    """Load extensions, fill the registries (built-ins first), open the library and the store. No model is loaded yet."""
    extensions = Extensions("engine")
    extensions.add_builtin("darkroom", builtins)
    extensions.add_builtin("darkroom's families", library_builtins)
    extensions.add_builtin("darkroom's upscalers", generation_builtins)
    extensions.add_builtin("darkroom's finishers", finishers)
    extensions.add_builtin("darkroom's detectors", detection_builtins)
    extensions.load(extension_folders(settings), off)
    samplers: Registry[Sampler] = Registry("sampler", "sampler")
    schedules: Registry[Schedule] = Registry("schedule", "schedule")
    loras: Registry[LoraLoader] = Registry("lora_loader", "prompt")
    guiders: Registry[Guider] = Registry("guider", "guidance")
    parts: Registry[GuidanceMaker] = Registry("guidance part", "guidance")
    upscalers: Registry[Upscaler] = Registry("upscaler", "hires.upscaler")
    chain: Registry[Finisher] = Registry("finisher", "finish")
    found: Registry[Detector] = Registry("detector", "detector")
    for hook, registry in (
        ("register_samplers", samplers),
        ("register_schedules", schedules),
        ("register_lora_loaders", loras),
        ("register_guiders", guiders),
        ("register_guidance_parts", parts),
        ("register_upscalers", upscalers),
        ("register_finishers", chain),
        ("register_detectors", found),
    ):
        extensions.fill(hook, registry)
    library = Library(settings.all_models_dirs, settings.cache / "library.json", register_all(extensions))
    limits = MemoryLimits(int(settings.ram_limit * 1e9), int(settings.vram_limit * 1e9))
    images = ImageStore(settings.data_dir, settings.outputs_pattern, settings.picture_format, settings.picture_quality)
    models = ModelCache(library, limits)
    detectors = Detectors(found, library, extensions)
    tools = EngineContext(models, library, images, samplers, schedules, loras, extensions, detectors, upscalers)
    return replace(tools, finishers=chain, guiders=guiders, guidance_parts=parts)


def capabilities(context: EngineContext) -> Capabilities:
    """What this engine can do, by whoever registered it."""
    samplers = tuple(_option(context.samplers, entry, entry.default_schedule) for entry in context.samplers)
    schedules = tuple(_option(context.schedules, entry, None) for entry in context.schedules)
    return Capabilities(
        samplers=samplers,
        schedules=schedules,
        lora_loaders=tuple(entry.name for entry in context.loras),
        upscalers=(*LATENT_UPSCALERS, *(entry.name for entry in context.upscalers)),
        families=tuple(spec.name for spec in context.library.families.loaded),
        extensions=context.extensions.states,
    )


def _option(registry: Registry, entry: Sampler | Schedule, schedule: str | None) -> OptionInfo:  # type: ignore[type-arg]
    owner = registry.owner(entry.name)
    return OptionInfo(name=entry.name, aliases=entry.aliases, owner=owner, default_schedule=schedule, processes=entry.processes)


def make_plan(task: RunJob, context: EngineContext, device: str, settings: Settings) -> Plan:
    """The task's own plan if it has run before on a device that is here; else a new one for this machine.

    Raises `RequestError` for a model that is not there or a size that does not fit.
    """
    if task.plan is not None and task.plan.device.split(":")[0] == device.split(":")[0]:
        return task.plan.model_copy(update={"device": device})
    if task.request.mode == "extras":
        painted = next(iter(details_of(task.request.finish)), None)
        if painted is None:
            return plan_of_extras(device, settings)
        size = {"width": painted.width or task.request.width, "height": painted.height or task.request.height}
        task = task.model_copy(update={"request": task.request.model_copy(update={"checkpoint": painted.checkpoint, **size})})
    facts = facts_of_checkpoint(task, context)
    return plan_for(task.request, device, settings, facts, held=resident_bytes(device) if context.models.loaded else 0)


def facts_of_checkpoint(task: RunJob, context: EngineContext) -> ModelFacts:
    """How large the task's models are, from their files' headers: the second pass's and the refiner lie beside the first one."""
    facts = _facts_of(task.request.checkpoint, context)
    for checkpoint in task.request.others:
        other = _facts_of(checkpoint, context)
        together = {name: getattr(facts, name) + getattr(other, name) for name in ("unet", "vae", "text")}
        facts = facts.model_copy(update={**together, "in_half": facts.in_half and other.in_half})
    return facts


def _facts_of(checkpoint: str, context: EngineContext) -> ModelFacts:
    file = context.library.find("checkpoint", checkpoint)
    spec = context.library.families.get(file.family)
    readable = file.path.suffix.lower() == ".safetensors" or file.path.name == INDEX
    return _facts(file.path, file.identity, spec) if readable else spec.facts


@lru_cache(maxsize=8)
def _facts(path: Path, identity: FileIdentity, spec: FamilySpec) -> ModelFacts:
    """Remembered by the file's identity: to read a header takes milliseconds, and each job that joins a batch asks twice."""
    header = read_any_header(path)
    return ModelFacts.of(header.shapes, spec, header.dtype)


def resident_bytes(device: str) -> int:
    """Bytes that this process holds on the device, most of them the loaded model's."""
    if device.startswith("cuda"):
        return int(torch.cuda.memory_allocated(device))
    return max(psutil.Process().memory_info().rss - _BARE_PROCESS, 0)
