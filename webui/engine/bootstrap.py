"""Set an engine up: from settings to the tools that `run` works with, and from a task to its plan."""

from functools import lru_cache
from pathlib import Path

import psutil
import torch

from webui.core.foreign import FileIdentity
from webui.core.job import Plan
from webui.core.protocol import Capabilities, OptionInfo, RunJob
from webui.core.registry import Registry
from webui.devices.memory import ModelFacts
from webui.devices.plan import plan_for
from webui.generation.context import EngineContext
from webui.images.store import ImageStore
from webui.library import Library, read_header
from webui.models.adapters import LoraLoader
from webui.models.cache import ModelCache
from webui.models.families import FAMILIES
from webui.plugins.discovery import extension_folders
from webui.plugins.manager import Extensions
from webui.samplers import builtins
from webui.samplers.catalog import Sampler, Schedule
from webui.settings import Settings

_BARE_PROCESS = 500 * 2**20


def build_context(settings: Settings, off: tuple[str, ...] = ()) -> EngineContext:
    """Load extensions, fill the registries (built-ins first), open the library and the store. No model is loaded yet."""
    extensions = Extensions("engine")
    extensions.add_builtin("darkroom", builtins)
    extensions.load(extension_folders(settings), off)
    samplers: Registry[Sampler] = Registry("sampler", "sampler")
    schedules: Registry[Schedule] = Registry("schedule", "schedule")
    loras: Registry[LoraLoader] = Registry("lora_loader", "prompt")
    for hook, registry in (("register_samplers", samplers), ("register_schedules", schedules), ("register_lora_loaders", loras)):
        _fill(extensions, hook, registry)
    library = Library(settings.all_models_dirs, settings.cache / "library.json")
    images = ImageStore(settings.data_dir, settings.outputs_pattern, settings.picture_format, settings.picture_quality)
    return EngineContext(ModelCache(library), library, images, samplers, schedules, loras, extensions)


def _fill(extensions: Extensions, hook: str, registry: Registry) -> None:  # type: ignore[type-arg]
    """Call a registering hook; what an extension registered before it failed is taken out again."""
    failed_before = set(extensions.failed())
    for _ in extensions.call(hook, register=registry.register):
        pass
    for owner in set(extensions.failed()) - failed_before:
        registry.forget(owner)


def capabilities(context: EngineContext) -> Capabilities:
    """What this engine can do, by whoever registered it."""
    samplers = tuple(_option(context.samplers, entry.name, entry.aliases, entry.default_schedule) for entry in context.samplers)
    schedules = tuple(_option(context.schedules, entry.name, entry.aliases, None) for entry in context.schedules)
    return Capabilities(
        samplers=samplers,
        schedules=schedules,
        lora_loaders=tuple(entry.name for entry in context.loras),
        upscalers=UPSCALERS,
        families=tuple(FAMILIES),
        extensions=context.extensions.states,
    )


UPSCALERS = (
    "Latent",
    "Latent (antialiased)",
    "Latent (bicubic)",
    "Latent (bicubic antialiased)",
    "Latent (nearest)",
    "Latent (nearest-exact)",
    "None",
    "Lanczos",
    "Nearest",
)


def _option(registry: Registry, name: str, aliases: tuple[str, ...], schedule: str | None) -> OptionInfo:  # type: ignore[type-arg]
    return OptionInfo(name=name, aliases=aliases, owner=registry.owner(name), default_schedule=schedule)


def make_plan(task: RunJob, context: EngineContext, device: str, settings: Settings) -> Plan:
    """The task's own plan if it has run before on a device that is here; else a new one for this machine.

    Raises `RequestError` for a model that is not there or a size that does not fit.
    """
    if task.plan is not None and task.plan.device.split(":")[0] == device.split(":")[0]:
        return task.plan.model_copy(update={"device": device})
    facts = facts_of_checkpoint(task, context)
    return plan_for(task.request, device, settings, facts, held=resident_bytes(device) if context.models.loaded else 0)


def facts_of_checkpoint(task: RunJob, context: EngineContext) -> ModelFacts:
    """How large the task's model is, from its file's header."""
    file = context.library.find("checkpoint", task.request.checkpoint or "")
    return _facts(file.path, file.identity) if file.path.suffix.lower() == ".safetensors" else ModelFacts()


@lru_cache(maxsize=8)
def _facts(path: Path, identity: FileIdentity) -> ModelFacts:
    """Remembered by the file's identity: to read a header takes milliseconds, and each job that joins a batch asks twice."""
    return ModelFacts.of(read_header(path).shapes)


def resident_bytes(device: str) -> int:
    """Bytes that this process holds on the device, most of them the loaded model's."""
    if device.startswith("cuda"):
        return int(torch.cuda.memory_allocated(device))
    return max(psutil.Process().memory_info().rss - _BARE_PROCESS, 0)
