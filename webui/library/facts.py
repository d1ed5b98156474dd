"""What is kept of a file when its header was read once, and the listed file that is made of it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from webui.core.foreign import INDEX, FileError, FileIdentity, named_path, read_foreign, shown
from webui.core.names import printable
from webui.library.distilled import advised
from webui.library.families import Families
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


_NOTES: Mapping[str, Callable[[Mapping[str, tuple[int, ...]]], str]] = {"lora": left_out, "embedding": _embedding_note}
"""What is said in the list of a file that is whole."""


_NOT_LISTED = ("kind", "families", "said")


def facts_of(path: Path, kind: str, families: Families) -> dict[str, Any]:
    """What a file's header tells, or its error. `kind` is its folder's, "any" for one that any file may lie in."""
    if kind == "detector":
        return {"families": families.version, "error": _detector_error(path)}
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
    alias = printable(header.metadata.get(TRAINERS_NAME, "").strip())[:LONGEST_ALIAS]
    note = _NOTES[listed_kind](header.shapes) if listed_kind in _NOTES else ""
    spec = families.get(architecture.family)
    usual = spec.defaults.model_copy(update=advised(named_path(path).stem) if spec.process == "ve" else {})
    made_for, lacks = native(header, usual).model_dump(), spec.lacks(header.shapes)
    told = said_by(header, listed_kind, spec).model_dump(mode="json", exclude_defaults=True)
    known: dict[str, Any] = {"alias": alias, "note": note, "native": made_for, "lacks": lacks, "said": told, "families": families.version}
    return {**architecture.model_dump(), **known}


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
