"""What the dialects that write JSON share: reading it, plain values, LoRAs as tags, and the lines of what is left over."""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from webui.images.dialects import short
from webui.images.dialects.names import lora_tag

ELSEWHERE = {"noise_source": "cpu", "emphasis": "No norm"}
"""What programs other than A1111 do: noise from torch on the CPU, and no rescaling after weighting words."""
_SIZE = re.compile(r"\D{0,9}(\d{1,6})\D{1,10}(\d{1,6})\D{0,9}")
_EMPTY: tuple[Any, ...] = (None, "", "None", "none", [], {}, False)


def json_object(text: str) -> dict[str, Any] | None:
    """The JSON object that a text is; None for anything else."""
    try:
        found = json.loads(text) if text.lstrip()[:1] == "{" else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def listed(value: Any) -> list[Any]:
    """A list as it is; nothing for any other value."""
    return value if isinstance(value, list) else []


def joined(value: Any) -> str | None:
    """A text, or a list of texts as one; None for anything else."""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ", ".join(part for part in value if part.strip())
    return value if isinstance(value, str) else None


def name_of(value: Any) -> str | None:
    """A model's name: itself, or that of an object with a name."""
    if isinstance(value, Mapping):
        value = value.get("name") or value.get("model_name")
    return value if isinstance(value, str) and value.strip() and value != "None" else None


def with_loras(prompt: Any, loras: Collection[tuple[str, Any]]) -> Any:
    """A prompt with a tag for each LoRA that it does not name yet."""
    text = prompt if isinstance(prompt, str) else ""
    tags = [tag for name, weight in loras if (tag := lora_tag(name, weight)) not in text]
    return " ".join([*([text] if text else []), *tags]) if tags else prompt


def weight_of(value: Any) -> Any:
    """A LoRA's weight as a number; 1 where none is told."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return 1 if value is None else value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def size_of(text: Any) -> dict[str, int]:
    """Width and height out of "(1152, 896)", [1152, 896] or "1152x896"."""
    match = _SIZE.fullmatch(str(text)[:100])
    return {"width": int(match[1]), "height": int(match[2])} if match else {}


def left_over(values: Mapping[str, Any], known: Collection[str]) -> list[str]:
    """A line for each value that has no place, save those that say nothing."""
    return [short(f"{key}: {_told(value)}") for key, value in values.items() if key not in known and not _says_nothing(value)]


def _says_nothing(value: Any) -> bool:
    """Whether a value is empty or off. The number 0 is a value."""
    return value in _EMPTY and not (isinstance(value, (int, float)) and not isinstance(value, bool))


def same_noise(program: str, batch: Any) -> list[str]:
    """What is to be said of pictures that a program made together: it draws one noise for all, and here each has its own seed."""
    if not isinstance(batch, int) or isinstance(batch, bool) or batch < 2:
        return []
    return [f"Batch size {batch}: {program} draws one noise for all of them from one seed; here only the first picture is the same"]


Kinds = Mapping[str, tuple[type, ...]]
TEXT, NUMBER = (str,), (int, float, str)
"""Numbers may be written as texts; whether such a text is one is found out with the request's fields."""


def typed(values: Mapping[str, Any], kinds: Kinds) -> tuple[dict[str, Any], list[str]]:
    """The values without those of a type that cannot be read, and a line for each of these, save those that say nothing."""
    wrong = {key: value for key, value in values.items() if key in kinds and not _is_of(value, kinds[key])}
    return {key: value for key, value in values.items() if key not in wrong}, left_over(wrong, ())


def _is_of(value: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))


def _told(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return "…"
