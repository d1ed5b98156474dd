"""Where other programs keep their models: A1111, Forge, ComfyUI, InvokeAI and SD.Next, known by what lies in the folder that is named.

A folder of theirs may send on to others: ComfyUI by `extra_model_paths.yaml`, A1111 and Forge by flags in `webui-user`, SD.Next by
`config.json`, InvokeAI by `invokeai.yaml`. Those are followed; a file of theirs that cannot be read sends nowhere.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from os.path import isdir, isfile
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from webui.core.foreign import INDEX, FileError, read_foreign, read_whole
from webui.library.folders import Folders
from webui.library.launcher_flags import flags_in
from webui.library.models import DETECTORS, KINDS, SUFFIXES

ANY = "any"
"""The kind of a folder in which any file may lie: its content tells."""
MOST_CONFIG = 2**20
MOST_SECTIONS, MOST_PATHS = 50, 200
KIND_OF: dict[str, str] = {name: kind for kind, names in KINDS.items() for name in names}

_COMFYUI = ("extra_model_paths.yaml", "extra_model_paths.yml")
_USER_FLAGS = ("webui-user.sh", "webui-user.bat", "webui-macos-env.sh")
_BASES = {"models-dir": "", "data-dir": "models", "forge-ref-a1111-home": "models"}
"""Flags that name a folder of folders, and where in it those of the models are."""
_FLAGS = {
    "ckpt-dir": "checkpoint",
    "lora-dir": "lora",
    "vae-dir": "vae",
    "embeddings-dir": "embedding",
    "hypernetwork-dir": "hypernetwork",
    "controlnet-dir": "controlnet",
    "esrgan-models-path": "upscaler",
    "realesrgan-models-path": "upscaler",
    "text-encoder-dir": "text_encoder",
}
_SDNEXT = {
    "ckpt_dir": "checkpoint",
    "diffusers_dir": "checkpoint",
    "unet_dir": "checkpoint",
    "vae_dir": "vae",
    "lora_dir": "lora",
    "embeddings_dir": "embedding",
    "te_dir": "text_encoder",
    "esrgan_models_path": "upscaler",
    "hypernetwork_dir": "hypernetwork",
}
_INVOKEAI_TYPES = {
    "main": "checkpoint",
    "vae": "vae",
    "lora": "lora",
    "embedding": "embedding",
    "controlnet": "controlnet",
    "spandrel_image_to_image": "upscaler",
    "clip_embed": "text_encoder",
}
_INVOKEAI_BASES = re.compile(r"any|sd-\d|sdxl|sdxl-refiner|flux\d?|sd-3.*|cogview4|qwen-image|z-image")


class Place(NamedTuple):
    """A folder and the kind of the files in it."""

    kind: str
    folder: Path


def program_of(folder: Path) -> str:
    """The program whose folder this is, "" for another one."""
    root = _root(folder)  # os.path's questions, not Path's, which raise where a folder may not be looked into or has too long a name
    if isfile(root / "invokeai.yaml") or isfile(root / "databases" / "invokeai.db"):
        return "InvokeAI"
    if isdir(root / "comfy") or any(isfile(root / name) for name in _COMFYUI):
        return "ComfyUI"
    if isdir(root / "modules_forge"):
        return "Forge"
    if isfile(root / "webui.py") and isfile(root / "html" / "locale_en.json"):
        return "SD.Next"
    if isfile(root / "webui.py") or any(isfile(root / name) for name in _USER_FLAGS):
        return "A1111"
    return ""


def places(folder: Path, seen: Folders) -> Iterator[Place]:
    """Where files of each kind may lie for a folder that the user named. A1111 keeps its embeddings beside its folder of models."""
    for root in (root for root in (folder, folder / "models") if seen.note(root)):
        yield from (Place(kind, root / name) for kind, names in KINDS.items() for name in names)
    if folder.name.lower() == "models" and seen.note(folder.parent):
        yield from (Place("embedding", folder.parent / name) for name in KINDS["embedding"])
    program = program_of(folder)
    if program:
        yield from _places_of(program, _root(folder))


def model_files(folder: Path, seen: Folders, met: set[tuple[int, int]]) -> Iterator[tuple[str, Path, Path]]:
    """(kind, the kind's folder, file) below a models folder, another program's folder, or a plain folder of models.

    `met` are the folders gone through already, by device and inode: one that is reached by two names is gone through once.
    """
    if os.path.isfile(folder / INDEX):
        yield ANY, folder, seen.model_in(folder)
        return  # its parts' folders are called like folders of models
    for kind, root in places(folder, seen):
        if _is_new(root, met):
            for path in seen.walk(root, DETECTORS if kind == "detector" else SUFFIXES):
                if path.name == INDEX and kind not in ("checkpoint", ANY):
                    continue
                yield "vae" if kind == "checkpoint" and is_beside(path) else kind, root, path
    for path in seen.entries(folder):
        if os.path.isfile(path / INDEX):
            yield ANY, folder, seen.model_in(path)
        if path.suffix.lower() in SUFFIXES and os.path.isfile(path):
            yield "vae" if is_beside(path) else ANY, folder, path


def is_beside(path: Path) -> bool:
    """Whether a file is called like a checkpoint's own VAE, `name.vae.pt`."""
    return Path(path.stem).suffix.lower() == ".vae"


def _is_new(folder: Path, met: set[tuple[int, int]]) -> bool:
    """Whether a folder is there and has not been gone through under another name, as on a disk that takes VAE and vae for the same."""
    try:
        status = os.stat(folder)
    except (OSError, ValueError):
        return False
    key = (status.st_dev, status.st_ino)
    if not os.path.isdir(folder) or (status.st_ino and key in met):
        return False
    met.add(key)
    return True


def _root(folder: Path) -> Path:
    """The program's own folder where its folder of models was named."""
    return folder.parent if folder.name.lower() == "models" else folder


def _places_of(program: str, root: Path) -> Iterator[Place]:
    if program == "ComfyUI":
        yield from (place for name in _COMFYUI for place in _comfyui(root / name))
    elif program == "InvokeAI":
        yield from _invokeai(root)
    elif program == "SD.Next":
        yield from _sdnext(root)
    else:
        yield Place("controlnet", root / "extensions" / "sd-webui-controlnet" / "models")
        yield from (place for name in _USER_FLAGS for place in _flags(root / name))


def _comfyui(path: Path) -> Iterator[Place]:
    """The folders of an `extra_model_paths.yaml`: sections with a `base_path`, and one or more lines of folders for each kind."""
    content = _yaml(path)
    for section in list(content.values())[:MOST_SECTIONS]:
        if not isinstance(section, dict):
            continue
        base = _resolved(path.parent, section.get("base_path"))
        for name, value in section.items():
            kind = KIND_OF.get(str(name))
            lines = value.splitlines() if isinstance(value, str) else value if isinstance(value, list) else []
            for line in [line for line in lines if isinstance(line, str) and line.strip()][:MOST_PATHS] if kind else []:
                yield Place(kind or "", _resolved(base, line))


def _flags(path: Path) -> Iterator[Place]:
    """Folders that A1111 and Forge are started with; newer Forges write some of the flags in the plural."""
    for name, value in flags_in(_text(path), is_batch=path.suffix.lower() == ".bat"):
        kind = _FLAGS.get(name) or _FLAGS.get(name.removesuffix("s"))
        if kind and value:
            yield Place(kind, _resolved(path.parent, value))
        elif name in _BASES and value:
            base = _resolved(path.parent, value)
            yield from (Place(kind, base / _BASES[name] / own) for kind, names in KINDS.items() for own in names)
            yield Place("embedding", base / "embeddings")


def _sdnext(root: Path) -> Iterator[Place]:
    try:
        content = json.loads(_text(root / "config.json") or "{}")
    except (ValueError, RecursionError):
        return
    for name, kind in _SDNEXT.items():
        value = content.get(name) if isinstance(content, dict) else None
        if isinstance(value, str) and value.strip():
            yield Place(kind, _resolved(root, value))


def _invokeai(root: Path) -> Iterator[Place]:
    """InvokeAI's folders by base and type, and in newer versions one for each model, named by a number: there the content tells."""
    models = _resolved(root, _yaml(root / "invokeai.yaml").get("models_dir") or "models")
    try:
        entries = sorted(entry.name for entry in os.scandir(models) if entry.is_dir())
    except OSError:
        return
    for name in entries:
        if _INVOKEAI_BASES.fullmatch(name):
            yield from (Place(kind, models / name / sort) for sort, kind in _INVOKEAI_TYPES.items())
        elif name not in KIND_OF and not name.startswith("."):
            yield Place(ANY, models / name)


def _resolved(base: Path, value: Any) -> Path:
    """A folder as another program's file writes it: `~` and variables are filled in, what is relative begins at `base`."""
    text = os.path.expanduser(os.path.expandvars(value.strip())) if isinstance(value, str) else ""
    return Path(os.path.abspath(base / text.replace("\0", "")))


def _yaml(path: Path) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(_text(path))
    except (yaml.YAMLError, RecursionError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _text(path: Path) -> str:
    if not os.path.isfile(path):
        return ""
    data = read_foreign(path, lambda path: read_whole(path, MOST_CONFIG))
    return "" if isinstance(data, FileError) else data.decode("utf-8", "replace")
