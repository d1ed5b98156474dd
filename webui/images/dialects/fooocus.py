"""Fooocus's JSON in the `parameters` text (its other scheme is A1111's text), and RuinedFooocus's."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from webui.images.dialects import Chunks, ParsedMetadata
from webui.images.dialects.names import sampler_fields, vae_name
from webui.images.dialects.plain_text import FOOOCUS, bare_embeddings
from webui.images.dialects.values import (
    ELSEWHERE,
    NUMBER,
    TEXT,
    Kinds,
    joined,
    json_object,
    left_over,
    listed,
    name_of,
    size_of,
    typed,
    weight_of,
    with_loras,
)

_FIELDS = {
    "guidance_scale": "guidance",
    "cfg": "guidance",
    "steps": "steps",
    "seed": "seed",
    "width": "width",
    "height": "height",
    "clip_skip": "clip_skip",
}
_KNOWN = {*_FIELDS, "sampler", "sampler_name", "scheduler", "resolution", "prompt", "Prompt", "full_prompt", "negative_prompt", "Negative"}
_KNOWN |= {"full_negative_prompt", "base_model", "base_model_name", "base_model_hash", "refiner_model_hash", "vae", "version"}
_KNOWN |= {"metadata_scheme", "created_by", "software", "loras", "prompt_expansion", "image_number"}


_PROMPTS = ("prompt", "Prompt", "full_prompt", "negative_prompt", "Negative", "full_negative_prompt")
_KINDS: Kinds = {
    **dict.fromkeys(_FIELDS, NUMBER),
    **dict.fromkeys(("sampler", "sampler_name", "scheduler", "vae", "base_model", "base_model_name", "base_model_hash"), TEXT),
    "loras": (list,),
}
_OLDER = {
    "Base Model": "base_model",
    "Fooocus V2 Expansion": "prompt_expansion",
    "Guidance Scale": "guidance_scale",
    "Negative Prompt": "negative_prompt",
    "Performance": "performance",
    "Refiner Model": "refiner_model",
    "Refiner Switch": "refiner_switch",
    "Resolution": "resolution",
    "Sampler": "sampler",
    "Scheduler": "scheduler",
    "Seed": "seed",
    "Sharpness": "sharpness",
    "Steps": "steps",
    "Styles": "styles",
    "VAE": "vae",
    "Version": "version",
}
"""The names of version 2.1, which are those that its page shows."""
_OLDER_LORA = re.compile(r"LoRA (\d+|\[.{1,200}\] weight)")
_STEPS = {"Speed": 30, "Quality": 60}


def read(chunks: Chunks) -> ParsedMetadata | None:
    """Read Fooocus's parameters. Its styles are in the full prompts; the short ones stand for a version that has no full ones."""
    found = json_object(chunks.get("parameters", ""))
    values = None if found is None else _newer(found)
    if values is None or not _is_fooocus(values):
        return None
    values, lines = typed(values, _KINDS)
    performance = values.get("performance")
    fields: dict[str, Any] = {"steps": _STEPS.get(performance) if isinstance(performance, str) else None}
    fields |= {name: values[key] for key, name in _FIELDS.items() if key in values}
    size = size_of(values.get("resolution"))
    fields |= size
    sampler = values.get("sampler", values.get("sampler_name"))
    fields |= {} if sampler is None else sampler_fields(str(sampler), str(values.get("scheduler") or ""))
    fields |= {"vae": vae_name(values.get("vae")), "checkpoint": _checkpoint(values)}
    full = _prompt(values, "full_prompt") or None
    fields["negative_prompt"] = _prompt(values, "full_negative_prompt") or _prompt(values, "negative_prompt", "Negative") or ""
    lines += _left_over(values, expanded=full is not None)
    loras = []
    lines += left_over({"resolution": values.get("resolution")} if not size else {}, ())
    lines += left_over({key: values[key] for key in _PROMPTS if key in values and joined(values[key]) is None}, ())
    for name, weight in _loras(values, lines):
        if weight is None:
            lines.append(f"LoRA: {name} (its weight is not known)")
        else:
            loras.append((name, weight))
    fields["prompt"] = full if full is not None else _prompt(values, "prompt", "Prompt")
    lines += FOOOCUS.of(fields)
    embeddings = bare_embeddings(fields)
    fields["prompt"] = with_loras(fields["prompt"], loras)
    return ParsedMetadata("Fooocus", fields | ELSEWHERE, tuple(lines), embeddings=embeddings)


def _newer(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values by the names that they have since version 2.2."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if (lora := _OLDER_LORA.fullmatch(key)) is not None:
            named = lora[1].removeprefix("[").removesuffix("] weight")
            found[f"lora_combined_{named}"] = value if named.isdigit() else f"{named} : {value}"
        elif _OLDER.get(key, key) not in found:
            found[_OLDER.get(key, key)] = value
    return found


def _is_fooocus(values: Mapping[str, Any]) -> bool:
    """By what its texts call themselves, or by keys that no other program's have together."""
    named = values.get("metadata_scheme") == "fooocus" or str(values.get("version", "")).startswith("Fooocus")
    return named or bool(values.keys() & {"base_model", "base_model_name"} and values.keys() & {"sampler", "sampler_name"})


def _checkpoint(values: Mapping[str, Any]) -> str | None:
    """Its name, with its hash where the text tells one: another file of that name is then listed as such."""
    name, digest = name_of(values.get("base_model", values.get("base_model_name"))), values.get("base_model_hash")
    is_hash = isinstance(digest, str) and 6 <= len(digest) <= 64 and set(digest.lower()) <= set("0123456789abcdef")
    return f"{name} [{digest}]" if name and is_hash else name


def _prompt(values: Mapping[str, Any], *names: str) -> str | None:
    return next((text for name in names if (text := joined(values.get(name))) is not None), None)


def _loras(values: Mapping[str, Any], lines: list[str]) -> Iterator[tuple[str, Any]]:
    """As a list of [name, weight, hash]; older ones as `lora_combined_1`: "name : weight". `lines` gets those that are neither."""
    entries = listed(values.get("loras"))
    for entry in entries:
        if isinstance(entry, list) and entry and entry[0] in ("None", "", None):
            continue
        if isinstance(entry, list) and len(entry) >= 2 and isinstance(entry[0], str):
            yield entry[0], weight_of(entry[1])
        elif isinstance(entry, (list, str)) and entry:
            name, dash, weight = str(entry[0] if isinstance(entry, list) else entry).rpartition(" - ")
            yield (name, weight_of(weight)) if dash else (weight, 1)
        elif entry:
            lines += left_over({"loras": entry}, ())
    combined = {key: text for key, text in values.items() if key.startswith("lora_combined_") and text} if not entries else {}
    for key, text in combined.items():
        parts = str(text).split(" : ")
        if len(parts) < 2:
            lines += left_over({key: text}, ())
        if len(parts) >= 2 and parts[0] != "False" and parts[-2] != "None":
            yield parts[-2], weight_of(parts[-1])


def _left_over(values: Mapping[str, Any], expanded: bool) -> list[str]:
    """What has no place: styles only where the prompt does not hold them already."""
    known = {*_KNOWN, *(key for key in values if key.startswith("lora_combined_"))}
    if values.get("performance") in ("Speed", "Quality"):
        known.add("performance")
    if name_of(values.get("refiner_model")) is None:
        known |= {"refiner_switch", "refiner_swap_method"}
    if expanded or values.get("styles") == "[]":
        known.add("styles")
    return left_over(values, known)
