"""What there is, in A1111's shapes: models, samplers, schedules, upscalers, styles, flags, memory. Only what Darkroom has is listed."""

import sys
from pathlib import Path
from typing import Any

import psutil

from webui.api.sdapi.arguments import number
from webui.api.sdapi.options import known_hash, title
from webui.core.foreign import FileError, read_foreign
from webui.core.names import printable
from webui.core.protocol import OptionInfo
from webui.errors import RequestError, WebUIError
from webui.images.upscaling import BUILTIN_UPSCALERS, LATENT_UPSCALERS
from webui.library import ModelFile, read_header
from webui.library.header import read_any_header
from webui.library.models import VECTORS, VECTORS_OF_ENCODERS
from webui.samplers.catalog import BUILTIN_SAMPLERS, BUILTIN_SCHEDULES, Sampler, find_sampler, find_schedule
from webui.services import Services

_RHO = {"karras": 7.0, "polyexponential": 1.0}
_LEVELS = ("uniform", "sgm_uniform", "simple", "normal", "ddim", "beta", "turbo", "linear_quadratic")
"""Schedules whose levels A1111 takes from the model."""


def samplers(api: Services) -> list[dict[str, Any]]:
    """Built-in samplers and extensions', those that A1111's clients know first."""
    entries = [{"name": each.name, "aliases": _a1111_aliases(each), "options": _sampler_options(each)} for each in BUILTIN_SAMPLERS]
    more = [each for each in api.capabilities.current().samplers if find_sampler(each.name) is None]
    return entries + [{"name": each.name, "aliases": list(each.aliases), "options": _own_schedule(each)} for each in more]


def _a1111_aliases(sampler: Sampler) -> list[str]:
    return list(sampler.aliases) or [sampler.name.lower()]


def _own_schedule(option: OptionInfo) -> dict[str, Any]:
    schedule = option.default_schedule
    return {"scheduler": schedule.lower()} if schedule and schedule != "Automatic" else {}


def _sampler_options(sampler: Sampler) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if sampler.default_schedule and sampler.default_schedule != "Automatic":
        found["scheduler"] = sampler.default_schedule.lower().replace(" ", "_")
    found |= {"discard_next_to_last_sigma": True} if sampler.discard_penultimate else {}
    found |= {"uses_ensd": True} if sampler.noise == "stream" and "eta" in sampler.option_names and sampler.space == "sigma" else {}
    found |= {"second_order": True} if sampler.calls == 2 else {}
    return found | ({"brownian_noise": True} if sampler.noise == "brownian" else {})


def schedulers(api: Services) -> list[dict[str, Any]]:
    """Built-in schedules and extensions'."""
    entries = [_schedule(each.name, each.aliases) for each in BUILTIN_SCHEDULES]
    return entries + [
        _schedule(each.name, each.aliases) for each in api.capabilities.current().schedules if find_schedule(each.name) is None
    ]


def _schedule(label: str, aliases: tuple[str, ...]) -> dict[str, Any]:
    name = label.lower().replace(" ", "_")
    others = [alias for alias in aliases if alias.lower() != name]
    return {
        "name": name,
        "label": label,
        "aliases": others or None,
        "default_rho": _RHO.get(name, -1.0),
        "need_inner_model": name in _LEVELS,
    }


def upscalers(api: Services) -> list[dict[str, Any]]:
    """What makes a picture larger: filters, and files."""
    files = [file for file in api.library.models("upscaler") if not file.error]
    names = [(upscaler.name, None) for upscaler in BUILTIN_UPSCALERS] + [(file.name, below(api, file)) for file in files]
    return [
        {"name": name, "model_name": name if path else None, "model_path": path, "model_url": None, "scale": 4.0} for name, path in names
    ]


def upscaler_named(api: Services, sent: str | float) -> str:
    """An upscaler's name, also by its number in the list. Raises `RequestError`."""
    names = [str(each["name"]) for each in upscalers(api)]
    place = number(sent)
    if place is None:
        return str(sent)
    if place != int(place) or not 0 <= place < len(names):
        raise RequestError("script_args", f"There is no upscaler number {place:g}. GET /sdapi/v1/upscalers lists {len(names)}, from 0 on.")
    return names[int(place)]


def latent_upscale_modes() -> list[dict[str, Any]]:
    """What makes latents larger."""
    return [{"name": name} for name in LATENT_UPSCALERS]


def sd_models(api: Services) -> list[dict[str, Any]]:
    """The checkpoints that can be used. A hash is there once it has been computed."""
    return [
        {
            "title": title(api.library, model),
            "model_name": model.name,
            "hash": known_hash(api.library, model)[:10] or None,
            "sha256": known_hash(api.library, model) or None,
            "filename": below(api, model),
            "config": None,
        }
        for model in api.library.models("checkpoint")
        if not model.error
    ]


def modules(api: Services) -> list[dict[str, Any]]:
    """VAE files."""
    found = [model for model in api.library.models("vae") if not model.error]
    return [{"model_name": model.file_name, "filename": below(api, model)} for model in found]


def face_restorers(api: Services) -> list[dict[str, Any]]:
    """Files of networks that mend faces."""
    found = [model for model in api.library.models("face_restorer") if not model.error]
    return [{"name": model.name, "cmd_dir": below(api, model).rpartition("/")[0] or None} for model in found]


def hypernetworks(api: Services) -> list[dict[str, Any]]:
    """Hypernetwork files."""
    return [{"name": model.name, "path": below(api, model)} for model in api.library.models("hypernetwork") if not model.error]


def loras(api: Services) -> list[dict[str, Any]]:
    """LoRA files with what their headers say of them."""
    return [
        {"name": model.short_name, "alias": model.alias or model.short_name, "path": below(api, model), "metadata": metadata(model.path)}
        for model in api.library.models("lora")
        if not model.error
    ]


def metadata(path: Path) -> dict[str, Any]:
    """What a safetensors header says of the file; nothing for what is no such file."""

    def read(path: Path) -> dict[str, Any]:
        return dict(read_header(path).metadata)

    found = read_foreign(path, read)
    return {} if isinstance(found, FileError) else found


def embeddings(api: Services) -> dict[str, Any]:
    """Textual inversions by name; `skipped` are those that cannot be read."""
    loaded: dict[str, Any] = {}
    skipped: dict[str, Any] = {}
    for model in api.library.models("embedding"):
        width, count = _vectors(model)
        said = {"step": None, "sd_checkpoint": None, "sd_checkpoint_name": None, "shape": width, "vectors": count}
        (skipped if model.error or not count else loaded)[model.short_name] = said
    return {"loaded": loaded, "skipped": skipped}


def _vectors(model: ModelFile) -> tuple[int, int]:
    """(width, number) of a file's vectors."""

    def read(path: Path) -> tuple[int, int]:
        shapes = read_any_header(path).shapes
        names = [*(name for name in (*VECTORS, *VECTORS_OF_ENCODERS) if name in shapes), *shapes]
        shape = shapes[names[0]] if names else ()
        return (shape[-1], shape[0] if len(shape) > 1 else 1) if shape else (0, 0)

    found = read_foreign(model.path, read)
    return (0, 0) if isinstance(found, FileError) else found


def below(api: Services, model: ModelFile) -> str:
    """A file's path from the models folder on: clients expect one, and nobody needs to know where the folder lies."""
    for root in api.settings.current().all_models_dirs:
        if model.path.is_relative_to(root):
            return printable(f"models/{model.path.relative_to(root).as_posix()}")
    return printable(model.file_name)


def extensions(api: Services) -> list[dict[str, Any]]:
    """Darkroom's extensions as A1111 lists its own; they come from no repository."""
    return [
        {
            "name": state.id,
            "remote": "",
            "branch": "",
            "commit_hash": state.file_hash,
            "version": state.version,
            "commit_date": 0,
            "enabled": state.enabled and not state.error,
        }
        for state in api.capabilities.current().extensions
    ]


def flags(api: Services) -> dict[str, Any]:
    """A1111's flags as far as this program has been started with their like: no key, no folder."""
    settings = api.settings.current()
    return {
        "api": True,
        "nowebui": False,
        "listen": settings.listen,
        "port": settings.port,
        "server_name": settings.host,
        "subpath": settings.root_path or None,
        "always_cpu": all(device == "cpu" for device in settings.devices),
        "xformers": settings.attention == "xformers",
        "no_half": settings.dtype == "float32",
        "enable_insecure_extension_access": False,
        "disable_extension_access": True,
        "disable_safe_unpickle": False,
        "api_server_stop": settings.api_server_stop,
        "gradio_auth": None,
        "api_auth": None,
        "share": False,
        "allow_code": False,
        "timeout_keep_alive": 30,
    }


def memory(api: Services) -> dict[str, Any]:
    """Main memory, and the first GPU's as its engine tells."""
    seen, own = psutil.virtual_memory(), psutil.Process().memory_info().rss
    engines = [each for each in api.queue.engines() if each.device_total and each.device != "cpu"]
    ram = {"free": float(seen.available), "used": own + sum(each.resident for each in api.queue.engines()), "total": float(seen.total)}
    if not engines:
        return {"ram": ram, "cuda": {"error": "unavailable"}}
    first = engines[0]
    system = {"free": first.device_total - first.device_used, "used": first.device_used, "total": first.device_total}
    same = {"current": first.device_used, "peak": first.device_used}
    kinds = dict.fromkeys(("active", "allocated", "reserved", "inactive"), same)
    return {"ram": ram, "cuda": {"system": system, **kinds, "events": {"retries": 0, "oom": 0}}}


def refresh(api: Services) -> None:
    """Look for files that have come or gone."""
    try:
        api.library.scan()
    except WebUIError as error:
        print(error, file=sys.stderr)
