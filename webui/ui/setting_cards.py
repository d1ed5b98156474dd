"""The Settings tab's content, from the settings' own descriptions."""

from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from webui.errors import RequestError
from webui.settings import Settings, read_file

LABELS = {
    "models_dirs": "Model folders",
    "dtype": "Precision",
    "threads": "CPU threads",
    "ram_limit": "Checkpoints in main memory, GB",
    "vram_limit": "Checkpoints on a GPU, GB",
    "max_attempts": "Attempts",
    "limit_jobs": "Jobs at a time",
    "limit_megapixels": "Megapixels a day",
    "limit_minutes": "Minutes a day",
    "preview_period": "Preview interval",
    "preview_method": "Preview decoding",
    "outputs_pattern": "File names",
    "picture_format": "File type",
    "picture_quality": "Quality",
    "upload_limit_mb": "Largest upload, MB",
}
"""What the page calls settings whose name in the file reads badly."""


def sections(settings: Settings) -> list[dict[str, Any]]:
    """Sections in the order of the settings, each with its fields; `changed` says that the file holds a value of its own."""
    written = read_file(settings.file)
    found: dict[str, list[dict[str, Any]]] = {}
    for name, info in Settings.model_fields.items():
        extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
        if section := extra.get("section"):
            card = _card(name, info, getattr(settings, name))
            found.setdefault(str(section), []).append(card | {"changed": name in written, "restart": bool(extra.get("restart"))})
    return [{"title": title, "fields": fields} for title, fields in found.items()]


def read(name: str, value: Any) -> Any:
    """A value from the page as a setting: lists are written with one entry per line."""
    if name not in Settings.model_fields or not isinstance(Settings.model_fields[name].json_schema_extra, dict):
        raise RequestError(name, f"{name} cannot be changed here.")
    if isinstance(value, str) and get_origin(Settings.model_fields[name].annotation) is tuple:
        return [line.strip() for line in value.splitlines() if line.strip()]
    return value


def _card(name: str, info: FieldInfo, value: Any) -> dict[str, Any]:
    kind, plain = "text", info.annotation
    choices = [str(choice) for choice in get_args(plain)] if get_origin(plain) is Literal else []
    if choices:
        kind = "choice"
    elif plain is bool:
        kind = "check"
    elif plain in (int, float):
        kind = "number"
    elif get_origin(plain) is tuple:
        kind = "list"
    bounds = {rule: getattr(each, rule) for each in info.metadata for rule in ("ge", "le") if hasattr(each, rule)}
    return {
        "name": name,
        "label": LABELS.get(name, name.replace("_", " ").capitalize()),
        "description": info.description or "",
        "kind": kind,
        "choices": choices,
        "value": _plain(value),
        "default": _plain(info.get_default(call_default_factory=True)),
        "minimum": bounds.get("ge"),
        "maximum": bounds.get("le"),
        "step": 1 if plain is int else "any",
    }


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return "\n".join(map(str, value))
    return str(value) if isinstance(value, Path) else value
