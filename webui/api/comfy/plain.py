"""A graph's texts as ComfyUI means them: what has a meaning in a prompt of ours and none there stands as words."""

import re
from collections.abc import Mapping
from typing import Any

from webui.images.dialects.comfyui_nodes import ENCODERS
from webui.prompts.grammar import as_no_comment

_TAG = re.compile(r"<(?=\w+:[^<>]+>)")
_JOINS = re.compile(r"\b(?:AND|BREAK)\b")
_SQUARE = re.compile(r"(?<!\\)[\[\]]")
_NAMES: Mapping[str, tuple[str, ...]] = {**ENCODERS, "ETN_Translate": ("text",), "smZ CLIPTextEncode": ()}
"""Texts by node; the last one's are written in A1111's language."""


def as_words(text: str) -> str:
    """The same words without tags, joins, square brackets and comments. CLIP reads the same of both: it knows neither case nor spaces."""
    text = as_no_comment(text)
    text = _JOINS.sub(lambda match: match[0].lower(), _TAG.sub("< ", text))
    return _SQUARE.sub(lambda match: f"\\{match[0]}", text)


def with_plain_texts(graph: Mapping[str, Any]) -> dict[str, Any]:
    """The graph with its text encoders' texts so."""
    return {key: _plain(node) for key, node in graph.items()}


def _plain(node: Mapping[str, Any]) -> Mapping[str, Any]:
    inputs = node.get("inputs", {})
    texts = {name: as_words(inputs[name]) for name in _NAMES.get(node["class_type"], ()) if isinstance(inputs.get(name), str)}
    return {**node, "inputs": {**inputs, **texts}} if texts else node
