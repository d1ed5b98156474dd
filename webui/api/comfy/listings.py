"""What there is, as ComfyUI's clients ask for it: /object_info, /models, /embeddings, /system_stats."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Header

from webui import __version__
from webui.api.comfy import krita
from webui.api.comfy.nodes import EMPTY, ENDS, INPUTS, OPTIONAL, outputs_of
from webui.api.comfy.refusals import REFUSED, ComfyRoute
from webui.api.native import Api
from webui.samplers.catalog import BUILTIN_SAMPLERS, BUILTIN_SCHEDULES, Sampler
from webui.services import Services

FOLDERS: Mapping[str, str] = {
    "checkpoints": "checkpoint",
    "vae": "vae",
    "loras": "lora",
    "embeddings": "embedding",
    "upscale_models": "upscaler",
    "controlnet": "controlnet",
}
"""ComfyUI's folders of models, and our kinds of them."""
_LISTS: Mapping[str, str] = {"CHECKPOINTS": "checkpoints", "VAES": "vae", "LORAS": "loras", "UPSCALERS": "upscale_models"}
_LISTED: Mapping[str, Mapping[str, str]] = {**INPUTS, **EMPTY}
ByKrita = Annotated[str, Header(alias="skip_zrok_interstitial", include_in_schema=False)]
"""A header that Krita AI Diffusion alone sends."""
router = APIRouter(tags=["ComfyUI"], route_class=ComfyRoute, responses=REFUSED)


@router.get("/object_info")
def object_info(api: Api, by_krita: ByKrita = "") -> dict[str, Any]:
    """The nodes that are understood, and ComfyUI's own loaders of what is not here: these have no files to choose."""
    choices = _choices(api)
    info = {kind: _info(kind, inputs, choices) for kind, inputs in _LISTED.items()}
    return krita.with_absent(info) if by_krita else info


@router.get("/object_info/{kind}")
def one_object_info(kind: str, api: Api) -> dict[str, Any]:
    """One node."""
    return {kind: _info(kind, _LISTED[kind], _choices(api))} if kind in _LISTED else {}


def files(api: Services, folder: str) -> list[str]:
    """The names of a folder's usable files."""
    return [model.file_name for model in api.library.models(FOLDERS[folder]) if not model.error]


def _choices(api: Services) -> dict[str, list[str]]:
    models = {name: files(api, folder) for name, folder in _LISTS.items()}
    schedules = [_plain(each.name) for each in BUILTIN_SCHEDULES]
    return models | {"FILES": [], "SAMPLERS": [_comfys(each) for each in BUILTIN_SAMPLERS], "SCHEDULERS": schedules}


def _comfys(sampler: Sampler) -> str:
    """A sampler's name in ComfyUI."""
    return next((alias for alias in sampler.aliases if not alias.startswith(("k_", "sample_"))), _plain(sampler.name))


def _plain(name: str) -> str:
    return name.lower().replace(" ", "_")


def _info(kind: str, inputs: Mapping[str, str], choices: Mapping[str, list[str]]) -> dict[str, Any]:
    outputs, may_lack = list(outputs_of(kind)), OPTIONAL.get(kind, ())
    shown = {name: [choices[what]] if what in choices else [what, {}] for name, what in inputs.items()}
    required = {name: value for name, value in shown.items() if name not in may_lack}
    optional = {name: value for name, value in shown.items() if name in may_lack}
    return {
        "input": {"required": required} | ({"optional": optional} if optional else {}),
        "input_order": {"required": list(required)} | ({"optional": list(optional)} if optional else {}),
        "output": outputs,
        "output_is_list": [False] * len(outputs),
        "output_name": outputs,
        "name": kind,
        "display_name": kind,
        "description": "",
        "python_module": "nodes",
        "category": "darkroom",
        "output_node": kind in ENDS,
    }


@router.get("/models")
def folders() -> list[str]:
    """The folders of models."""
    return list(FOLDERS)


@router.get("/models/{folder}")
def models_in(folder: str, api: Api) -> list[str]:
    """The files of a folder; none of one that is not known."""
    return files(api, folder) if folder in FOLDERS else []


@router.get("/system_stats")
def system_stats(api: Api) -> dict[str, Any]:
    """The program and its devices."""
    devices = [
        {
            "name": each.name,
            "type": each.device.partition(":")[0],
            "index": number,
            "vram_total": each.device_total,
            "vram_free": max(each.device_total - each.device_used, 0),
            "torch_vram_total": each.device_total,
            "torch_vram_free": max(each.device_total - each.device_used, 0),
        }
        for number, each in enumerate(api.queue.engines())
    ]
    return {
        "system": {"os": "", "comfyui_version": f"Darkroom {__version__}", "python_version": "", "embedded_python": False},
        "devices": devices,
    }


@router.get("/embeddings")
def embeddings(api: Api) -> list[str]:
    """Textual inversions."""
    return [model.short_name for model in api.library.models("embedding") if not model.error]
