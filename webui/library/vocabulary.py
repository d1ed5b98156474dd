"""The words of a checkpoint's own tokenizer, without torch: what a prompt's length is counted by before any engine has it."""

import json
from pathlib import Path
from typing import Any

from webui.core.foreign import INDEX, read_whole
from webui.errors import CheckpointError
from webui.library.diffusers import MOST_INDEX
from webui.library.header import is_safetensors, read_header

VOCABULARY, MERGES = "darkroom.tokenizer.vocab", "darkroom.tokenizer.merges"


def own_vocabulary(path: Path) -> tuple[dict[str, int], str] | None:
    """Ids by words and the text of merges; None for a checkpoint that has CLIP's, or whose own cannot be read: its engine says so."""
    try:
        words, merges = _texts(path)
        found: Any = json.loads(words) if words else None
    except (CheckpointError, ValueError, RecursionError):
        return None
    ids = found if isinstance(found, dict) else {}
    known = {word: number for word, number in ids.items() if type(number) is int and number >= 0}
    return (known, merges) if known else None


def _texts(path: Path) -> tuple[str, str]:
    if path.name == INDEX:
        files = (path.parent / "tokenizer" / name for name in ("vocab.json", "merges.txt"))
        words, merges = (read_whole(file, MOST_INDEX).decode(errors="replace") if file.is_file() else "" for file in files)
        return words, merges
    metadata = read_header(path).metadata if is_safetensors(path) else {}
    return metadata.get(VOCABULARY, ""), metadata.get(MERGES, "")
