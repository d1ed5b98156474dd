"""Texts and numbers of ComfyUI's graph that come from nodes of their own: joined strings, primitives, constants."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from webui.images.dialects.comfyui_graph import MAX_DEPTH, MAX_TEXT, Circle, Node, TooLarge, Walk

_VALUES = ("value", "text", "string", "prompt", "positive", "negative", "seed", "noise_seed", "int", "float", "number", "source", "any")
_BESIDE = ("control_after_generate", "control_before_generate", "speak_and_recognation")
_PART = re.compile(r"(?:text|string|str|prompt|part)_?([a-h]|\d{1,2})")
_JOINER = re.compile(r"concat|join|combine prompt|combinetext|stringfunction", re.IGNORECASE)
_DELIMITERS: Mapping[str, str] = {"StringConcatenate": "", "Text Concatenate": ", ", "JoinStrings": " ", "JoinStringMulti": " "}
_SHOWN = ("ShowText|pysssss", "Show Text", "ShowText", "easy showAnything", "PreviewAny", "Display Any (rgthree)", "Show any [Crystools]")

_LARGEST = 2**64

Change = Callable[[str, Node], str]
_CHANGES: Mapping[str, Change] = {
    "StringTrim": lambda text, node: {"Left": text.lstrip(), "Right": text.rstrip()}.get(str(node.inputs.get("mode")), text.strip()),
    "StringReplace": lambda text, node: text.replace(str(node.inputs.get("find")), str(node.inputs.get("replace"))),
    "Text Find and Replace": lambda text, node: text.replace(str(node.inputs.get("find")), str(node.inputs.get("replace"))),
}
"""Nodes that change one text, by their settings."""


def text_of(walk: Walk, value: Any, what: str) -> str | None:
    """A text, following its link; None when it comes from something unknown, which is noted under the name `what`."""
    try:
        return _linked_text(walk, value, what, 0)
    except Circle:
        walk.note(f"{what}: its links go in a circle")
        return None


def _linked_text(walk: Walk, value: Any, what: str, depth: int) -> str | None:
    if isinstance(value, tuple):
        found = walk.at(value)
        if found is None or depth >= MAX_DEPTH:
            _lost(walk, found and found[0], what)
            return None
        with walk.inside(*found):
            text = _text(walk, found[0], what, depth + 1)
    else:
        text = value if isinstance(value, str) else None if value is None else str(value)
    if text is not None and len(text) > MAX_TEXT:
        raise TooLarge
    return text


def _text(walk: Walk, node: Node, what: str, depth: int) -> str | None:
    inputs = node.inputs
    if node.kind in _CHANGES:
        linked = any(isinstance(inputs.get(key), tuple) for key in ("find", "replace", "mode"))
        text = None if linked else _linked_text(walk, inputs.get("string", inputs.get("text")), what, depth)
        if text is not None and text.count(str(inputs.get("find"))) * len(str(inputs.get("replace"))) > MAX_TEXT:
            raise TooLarge
        if text is not None:
            return _CHANGES[node.kind](text, node)
        _lost(walk, node, what)
        return None
    if node.kind.startswith("ImpactWildcard") and isinstance(inputs.get("populated_text"), str):
        return str(inputs["populated_text"])
    if node.kind in _SHOWN:
        return _linked_text(walk, node.link("text", "source", "anything", "any_value") or inputs.get("text"), what, depth)
    if _JOINER.search(node.kind) and (parts := _parts(node)):
        return _joined(walk, node, parts, what, depth)
    if (name := _single(node)) is not None:
        return _linked_text(walk, inputs[name], what, depth)
    _lost(walk, node, what)
    return None


def _parts(node: Node) -> list[str]:
    """The inputs that a joining node joins, in order."""
    order = {name: (len(match[1]), match[1]) for name in node.inputs if (match := _PART.fullmatch(name))}
    return sorted(order, key=lambda name: order[name])


def _joined(walk: Walk, node: Node, parts: list[str], what: str, depth: int) -> str | None:
    inputs = node.inputs
    if "StringFunction" in node.kind:
        if inputs.get("action") != "append":
            _lost(walk, node, what)
            return None
        delimiter: Any = ", " if inputs.get("tidy_tags") == "yes" else ""
    else:
        named = next((inputs[key] for key in ("delimiter", "separator", "delim", "sep") if key in inputs), None)
        delimiter = _DELIMITERS.get(node.kind, "") if named is None else _linked_text(walk, named, what, depth)
    texts = [_linked_text(walk, inputs[name], f"{what}, {name}", depth) for name in parts]
    if delimiter is None:
        _lost(walk, node, what)
        return None
    known = [text for text in texts if text is not None]
    if node.kind != "StringConcatenate":
        known, delimiter = [text for text in known if text.strip()], str(delimiter).replace("\\n", "\n")
    return str(delimiter).join(known) if known or not texts else None


def _single(node: Node) -> str | None:
    """The one input of a node that is a value and nothing else."""
    names = [name for name in node.inputs if name not in _BESIDE]
    return names[0] if len(names) == 1 and names[0].lower() in _VALUES else None


def _lost(walk: Walk, node: Node | None, what: str) -> None:
    """Note what is lost."""
    walk.note(f"{what}: comes from node {node.kind}" if node else f"{what}: its link leads nowhere")


def number_of(walk: Walk, value: Any, what: str) -> int | float | None:
    """A number, following its link; None when it comes from something unknown, or is none, which is noted under the name `what`."""
    for _ in range(MAX_DEPTH):
        if not isinstance(value, tuple):
            break
        found = walk.at(value)
        name = _single(found[0]) if found else None
        if found is None or name is None:
            _lost(walk, found and found[0], what)
            return None
        value = found[0].inputs[name]
    if isinstance(value, tuple):
        walk.note(f"{what}: its links go in a circle")
        return None
    if isinstance(value, str):
        value = _parsed(value)
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= _LARGEST):
        walk.note(f"{what}: is no number")
        return None
    return value


def _parsed(text: str) -> Any:
    try:
        return int(text) if text.lstrip("-").isdecimal() else float(text)
    except ValueError:
        return text
