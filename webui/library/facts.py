"""What is kept of a file when its header was read once, and the listed file that is made of it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from webui.core.foreign import INDEX, FileError, FileIdentity, named_path, read_foreign, shown
from webui.core.names import printable
from webui.library.control_kinds import control_sort
from webui.library.distilled import advised
from webui.library.families import Families
from webui.library.gguf import SUFFIX, read_gguf
from webui.library.header import read_any_header
from webui.library.layouts import ANY
from webui.library.lora_keys import left_out
from webui.library.models import KINDS, ModelFile, embedding_width
from webui.library.native import native
from webui.library.said import said_by

TRAINERS_NAME = "ss_output_name"
"""Where kohya's scripts, and others after them, write what a LoRA was called when it was trained."""
LONGEST_ALIAS = 200


def _embedding_note(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Which text encoders an embedding is for, or that it holds no vectors."""
    width = embedding_width(shapes)
    return f"For text encoders that are {width} wide." if width else "It holds no vectors that are read."


def _control_note(shapes: Mapping[str, tuple[int, ...]]) -> str:
    return f"{control_sort(shapes) or 'A file for ControlNet'}: this version makes no pictures with it yet."


_NOTES: Mapping[str, Callable[[Mapping[str, tuple[int, ...]]], str]] = {
    "lora": left_out,
    "embedding": _embedding_note,
    "controlnet": _control_note,
}
"""What is said in the list of a file that is whole."""


_NOT_LISTED = ("kind", "families", "said", "reader")
READER = 2
"""Which version of what is below has read a file: what an older one found out is read again."""
_ELSEWHERE: Mapping[str, tuple[str, ...]] = {
    "checkpoint": ("lora", "vae", "embedding", "controlnet", "text_encoder", "upscaler", "face_restorer", "vae_approx"),
    "lora": ("checkpoint", "vae", "embedding", "controlnet", "text_encoder", "upscaler", "face_restorer"),
    "vae": ("lora", "embedding", "controlnet", "text_encoder", "upscaler"),
}
"""By the kind of a folder, what lies there by mistake."""


def facts_of(path: Path, kind: str, families: Families) -> dict[str, Any]:
    """What a file's header tells, or its error. `kind` is its folder's, "any" for one that any file may lie in."""
    if kind == "detector":
        return {"families": families.version, "error": _detector_error(path)}
    if path.suffix.lower() == SUFFIX:
        return _gguf_facts(path, kind, families)
    header = read_foreign(path, read_any_header)
    if isinstance(header, FileError):
        likely = path.suffix.lower() in (".ckpt", ".safetensors") or path.name == INDEX
        return {"error": header.message, "kind": "checkpoint" if likely else "unknown"}
    if not header.shapes:
        return {"error": f"{shown(path)} holds no weights. Download it again."}
    architecture = families.detect(header)
    if path.name == INDEX and architecture.family == "unknown":
        pipeline = str(header.configs[""].get("_class_name", "a pipeline"))[:60]
        said = families.loaded_titles
        return {
            "error": f"{shown(named_path(path))} is diffusers' {pipeline}, which this version does not load; it loads {said}.",
            "kind": "checkpoint",
        }
    listed_kind = architecture.kind if kind == ANY else kind
    if architecture.kind in _ELSEWHERE.get(kind, ()):
        return {"error": _misplaced(path, kind, architecture.kind), "families": families.version}
    alias = printable(header.metadata.get(TRAINERS_NAME, "").strip())[:LONGEST_ALIAS]
    note = _NOTES[listed_kind](header.shapes) if listed_kind in _NOTES else ""
    spec = families.get(architecture.family)
    usual = spec.defaults.model_copy(update=advised(named_path(path).stem) if spec.process == "ve" else {})
    made_for, lacks = native(header, usual).model_dump(), spec.lacks(header.shapes)
    told = said_by(header, listed_kind, spec).model_dump(mode="json", exclude_defaults=True)
    known: dict[str, Any] = {"alias": alias, "note": note, "native": made_for, "lacks": lacks, "said": told, "families": families.version}
    return {**architecture.model_dump(), **known}


def _misplaced(path: Path, kind: str, found: str) -> str:
    """What a file is that lies in another kind's folder, and where it belongs."""
    names = {"lora": "a LoRA", "vae": "a VAE", "embedding": "an embedding", "upscaler": "an upscaler", "controlnet": "for ControlNet"}
    return f"{shown(path)} is {names.get(found, 'a ' + found.replace('_', ' '))}, no {kind}. Move it to models/{KINDS[found][0]}."


def _gguf_facts(path: Path, kind: str, families: Families) -> dict[str, Any]:
    """A file of quantized weights: named, with what would help."""
    header = read_foreign(path, read_gguf)
    if isinstance(header, FileError):
        return {"error": header.message, "kind": "checkpoint", "families": families.version}
    found = families.detect(header)
    named = header.metadata.get("general.architecture", "")
    family = found.family if found.family != "unknown" else _GGUF_FAMILIES.get(named, "unknown")
    is_text = found.kind == "text_encoder" or named in _GGUF_TEXTS
    title = families.get(family).title if family != "unknown" else printable(named)[:60]
    about = ", ".join(part for part in (title, header.dtype) if part)
    said = f"{shown(path)} is GGUF{f' ({about})' if about else ''}: quantized weights that this version does not read."
    help_ = "Get the same model as .safetensors; the setting weights = int8 then takes about as little memory."
    return {
        "error": f"{said} {help_}",
        "kind": "text_encoder" if is_text else "checkpoint",
        "family": family,
        "said": {"family": family, "dtype": header.dtype, "title": printable(header.metadata.get("general.name", ""))[:LONGEST_ALIAS]},
        "families": families.version,
    }


_GGUF_FAMILIES = {"flux": "flux", "sd1": "sd1", "sdxl": "sdxl", "sd3": "sd3", "aura": "auraflow", "wan": "wan", "qwen_image": "qwen-image"}
"""What ComfyUI's converter calls the families."""
_GGUF_TEXTS = ("t5", "t5encoder", "clip", "llama", "qwen2vl", "qwen3", "gemma2", "gemma3")


def _detector_error(path: Path) -> str:
    """Why a file in a folder of detectors cannot be used; nothing of one that is whole as far as can be seen without running it."""
    if path.suffix.lower() == ".onnx":
        return "" if path.stat().st_size else f"{shown(path)} is empty. Download it again."
    said = f"{shown(path)} is a program of Ultralytics' package, whose licence (AGPL) is not Darkroom's; it is not opened."
    return f"{said} Export it where that package is: yolo export model={shown(path)} format=onnx"


def described(kind: str, name: Callable[[str], str], path: Path, identity: FileIdentity, facts: Mapping[str, Any]) -> ModelFile | None:
    """A file with what is known of it; None for one of no kind. Raises ValueError or TypeError when facts make no such file."""
    if kind == ANY:
        kind = facts.get("kind", "checkpoint" if facts.get("error") else "unknown")
    if kind not in KINDS:
        return None
    values = {key: value for key, value in facts.items() if key not in _NOT_LISTED}
    return ModelFile(name=name(kind), path=path, kind=kind, size=identity.size, identity=identity, **values)
