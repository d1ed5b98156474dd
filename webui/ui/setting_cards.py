"""The Settings tab's content, from the settings' own descriptions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from webui.core.fields import FieldSpec, specs
from webui.errors import RequestError
from webui.settings import Settings, read_file
from webui.ui.bodies import SettingCard, SettingSection
from webui.ui.languages import AUTO

LABELS = {
    "models_dirs": "Model folders",
    "dtype": "Precision",
    "weights": "Weights of the denoiser",
    "threads": "CPU threads",
    "ram_limit": "Checkpoints in main memory, GB",
    "vram_limit": "Checkpoints on a GPU, GB",
    "max_attempts": "Attempts",
    "limit_jobs": "Jobs at a time",
    "limit_megapixels": "Megapixels a day",
    "limit_minutes": "Minutes a day",
    **{f"{role}_jobs": "Jobs at a time" for role in ("guest", "member")},
    **{f"{role}_pictures": "Pictures a day" for role in ("guest", "member")},
    **{f"{role}_uploads": "Uploads a day, MB" for role in ("guest", "member")},
    **{f"{role}_storage": "Storage, MB" for role in ("guest", "member")},
    "backends": "Providers that are on",
    "boxes": "Other machines",
    "backend_minutes": "Longest wait, minutes",
    "budget_user": "Budget per user and day, $",
    "budget_all": "Budget per day, $",
    "backend_scale": "Scale large start pictures down",
    "budget_picture": "Price where it is not known, $",
    "preview_period": "Preview interval",
    "preview_method": "Preview decoding",
    "outputs_pattern": "File names",
    "picture_format": "File type",
    "picture_quality": "Quality",
    "upload_limit_mb": "Largest upload, MB",
}
"""What the page calls settings whose name in the file reads badly."""


def sections(settings: Settings, languages: Sequence[str] = (), *, private: bool = True) -> list[SettingSection]:
    """Sections in the order of the settings, each with its fields; `changed` says that the file holds a value of its own.

    `languages` are those there are. Without `private`, what tells of this machine (its folders, names and neighbours) is left out.
    """
    written = read_file(settings.file)
    found: dict[str, list[SettingCard]] = {}
    for name, spec in specs(Settings).items():
        extra = spec.extra or {}
        if (section := extra.get("section")) and (private or not extra.get("private")):
            card = _card(spec, getattr(settings, name), name in written)
            found.setdefault(str(section), []).append(_of_languages(card, languages) if name == "language" else card)
    return [SettingSection(title=title, fields=fields) for title, fields in found.items()]


def read(name: str, value: Any) -> Any:
    """A value from the page as a setting: lists are written with one entry per line."""
    spec = specs(Settings).get(name)
    if spec is None or spec.extra is None:
        raise RequestError(name, f"{name} cannot be changed here.")
    if isinstance(value, str) and spec.kind == "list":
        return [line.strip() for line in value.splitlines() if line.strip()]
    return value


_KINDS: dict[str, Literal["check", "number", "choice", "list"]] = {
    "bool": "check",
    "int": "number",
    "float": "number",
    "choice": "choice",
    "list": "list",
}


def _card(spec: FieldSpec, value: Any, changed: bool) -> SettingCard:
    return SettingCard(
        name=spec.name,
        label=LABELS.get(spec.name, spec.name.replace("_", " ").capitalize()),
        description=spec.description,
        kind=_KINDS.get(spec.kind, "text"),
        choices=list(spec.choices),
        value=_plain(value),
        default=_plain(spec.default),
        minimum=spec.low,
        maximum=spec.high,
        step=1 if spec.kind == "int" else "any",
        changed=changed,
        restart=bool((spec.extra or {}).get("restart")),
    )


def _of_languages(card: SettingCard, languages: Sequence[str]) -> SettingCard:
    return card.model_copy(update={"kind": "choice", "choices": list(dict.fromkeys((AUTO, *languages, str(card.value))))})


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return "\n".join(map(str, value))
    return str(value) if isinstance(value, Path) else value
