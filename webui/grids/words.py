"""Axes that change the words of a prompt: replaced, put in order, whole prompts, combinations of parts, LoRAs and their weights."""

import re
import shlex
from collections.abc import Sequence
from typing import Any

from pydantic import JsonValue

from webui.core.grid import Axis, plain
from webui.core.names import printable
from webui.core.request import GenerationRequest
from webui.errors import RequestError
from webui.grids.values import words_of

Fields = dict[str, Any]
MOST_PARTS = 10
_TAG = re.compile(r"<(lora|lyco):([^:>]+)((?::[^:>]*)*)>")
_FLAGS = {"cfg_scale": "guidance", "sampler_name": "sampler", "n_iter": "batch_count", "subseed": "variation_seed"} | {
    "subseed_strength": "variation_strength",
    "seed_resize_from_w": "seed_resize_width",
    "seed_resize_from_h": "seed_resize_height",
    "sd_model": "checkpoint",
}
"""Flags of A1111's "Prompts from file" that have another name here."""


def replace_word(fields: Fields, value: Any, axis: Axis) -> None:
    """Prompt S/R: the axis' first value in the prompts becomes this one. Raises `RequestError` where no prompt has it."""
    wanted, found = str(axis.values[0]), False
    for place, name in _prompts(fields):
        if wanted in place.get(name, ""):
            place[name], found = place[name].replace(wanted, str(value)), True
    if not found:
        raise RequestError("prompt", f"Prompt S/R did not find {printable(wanted)[:100]!r} in the prompt or the negative prompt.")


def _prompts(fields: Fields) -> list[tuple[Fields, str]]:
    """Every prompt of a request, as the object that holds it and its name there; the second pass's is copied first."""
    found = [(fields, "prompt"), (fields, "negative_prompt")]
    if isinstance(fields.get("hires"), dict):
        fields["hires"] = dict(fields["hires"])
        found += [(fields["hires"], "prompt"), (fields["hires"], "negative_prompt")]
    return found


def put_in_order(fields: Fields, value: Any, axis: Axis) -> None:
    """Prompt order: the words stand in this order at the places where they stood. Raises `RequestError` for one that is not there."""
    prompt = fields.get("prompt", "")
    places = sorted((prompt.find(word), word) for word in map(str, value))
    if places and places[0][0] < 0:
        raise RequestError("prompt", f"Prompt order did not find {printable(places[0][1])[:100]!r} in the prompt.")
    made, at = "", 0
    for (place, word), new in zip(places, value, strict=True):
        made += prompt[at:place] + str(new) if place >= at else ""
        at = max(at, place + len(word))
    fields["prompt"] = made + prompt[at:]


def fields_of(line: JsonValue) -> JsonValue:
    """A prompt, or the fields of a line that begins with `--`. Raises `RequestError` for a flag that is none."""
    if not isinstance(line, str):
        if not isinstance(line, dict):
            raise RequestError("values", "A prompt is a text, or an object of request fields.")
        return line
    text = line.strip()
    if not text.startswith("--"):
        return text
    try:
        words = shlex.split(text)
    except ValueError:
        raise RequestError("values", f"This line cannot be read: {text[:100]}. Close its quotes.") from None
    found: dict[str, JsonValue] = {}
    while words:
        flag, *words = words
        name = flag.removeprefix("--")
        name = _FLAGS.get(name, name)
        if name not in GenerationRequest.model_fields or not words:
            raise RequestError("values", f"{flag[:50]} is no field of a request, or its value is missing.")
        found[name], *words = words
    return found


def take_fields(fields: Fields, value: Any, axis: Axis) -> None:
    """Prompts: a whole prompt, or several fields, in place of the request's own."""
    fields |= value if isinstance(value, dict) else {"prompt": value}


def label_of_fields(value: Any) -> str:
    """A prompt, or its fields in brief."""
    if not isinstance(value, dict):
        return str(value)
    return ", ".join(str(each) if name == "prompt" else f"{name.replace('_', ' ')} {plain(each)}" for name, each in value.items())


def combinations(values: str | Sequence[JsonValue], fields: Fields) -> list[Any]:
    """Prompt matrix: every choice of the parts, which stand behind bars in the prompt or are the axis' values."""
    parts = words_of(values) if isinstance(values, str) else [str(value) for value in values]
    if not parts:
        parts = [part.strip() for part in str(fields.get("prompt", "")).split("|")[1:]]
    if not parts:
        raise RequestError("prompt", "A prompt matrix needs parts behind bars in the prompt: a fox | in snow | at night.")
    if len(parts) > MOST_PARTS:
        raise RequestError("prompt", f"A prompt matrix may have {MOST_PARTS} parts; {len(parts)} are too many.")
    return [[part for place, part in enumerate(parts) if number >> place & 1] for number in range(2 ** len(parts))]


def take_parts(fields: Fields, value: Any, axis: Axis) -> None:
    """The prompt up to the first bar, and these parts."""
    main = str(fields.get("prompt", "")).split("|")[0].strip()
    fields["prompt"] = ", ".join(part for part in (main, *map(str, value)) if part)


def label_of_parts(value: Any) -> str:
    """The parts, or that there are none."""
    return ", ".join(map(str, value)) or "(none)"


def put_lora(fields: Fields, value: Any, axis: Axis) -> None:
    """LoRA: `name` or `name:weight` as a tag in the prompt, in place of one of the same name; "None" is none."""
    name, mark, weight = str(value).removeprefix("<lora:").removesuffix(">").partition(":")
    if name.strip().lower() in ("none", ""):
        return
    kept = _TAG.sub(lambda tag: "" if tag[2].strip() == name.strip() else tag[0], fields.get("prompt", "")).strip()
    fields["prompt"] = f"{kept} <lora:{name.strip()}:{weight if mark else 1}>".strip()


def weigh_lora(fields: Fields, value: Any, axis: Axis) -> None:
    """LoRA weight: this weight in the tags of the LoRA that the axis is about, or of all. Raises `RequestError` where there is none."""
    found = False

    def weighed(tag: re.Match[str]) -> str:
        nonlocal found
        if axis.of and tag[2].strip() != axis.of:
            return tag[0]
        found = True
        further = [part for part in tag[3].split(":")[1:] if "=" in part]
        return f"<{':'.join((tag[1], tag[2], plain(value), *further))}>"

    for place, name in _prompts(fields):
        if isinstance(place.get(name), str) and "negative" not in name:
            place[name] = _TAG.sub(weighed, place[name])
    if not found:
        said = f"no <lora:{axis.of}:…>" if axis.of else "no <lora:…>"
        raise RequestError("prompt", f"The prompt has {said} whose weight could change. Put one in.")
