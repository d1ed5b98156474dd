"""The prompt language. Nothing here needs torch but `encode`; the names load when first asked for."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from webui.prompts.chunks import TokenCount, count_tokens
    from webui.prompts.editing import prompt_schedule
    from webui.prompts.grammar import Tag, parse_attention, split_and, strip_comments, strip_tags
    from webui.prompts.tokenizer import ClipTokenizer, clip_l_tokenizer

_LAZY = {
    "ClipTokenizer": "tokenizer",
    "Tag": "grammar",
    "TokenCount": "chunks",
    "clip_l_tokenizer": "tokenizer",
    "count_tokens": "chunks",
    "parse_attention": "grammar",
    "prompt_schedule": "editing",
    "split_and": "grammar",
    "strip_comments": "grammar",
    "strip_tags": "grammar",
}

__all__ = [
    "ClipTokenizer",
    "Tag",
    "TokenCount",
    "clip_l_tokenizer",
    "count_tokens",
    "parse_attention",
    "prompt_schedule",
    "split_and",
    "strip_comments",
    "strip_tags",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f"webui.prompts.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'webui.prompts' has no attribute {name!r}")
