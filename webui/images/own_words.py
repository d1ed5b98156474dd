"""The words that a picture file has of its own: in its metadata, or in a text file of its name beside it."""

from pathlib import Path
from typing import Any

from webui.core.foreign import FileError, read_foreign, read_whole
from webui.core.grid import PromptsFrom
from webui.core.options import MAX_PROMPT
from webui.core.request import MAX_SEED
from webui.errors import RequestError
from webui.images.metadata import read_metadata


def own_words(path: Path, where: PromptsFrom, prompt: str = "", negative: str = "") -> dict[str, Any]:
    """What of a request is another for this file: the request's words with its own behind them, and with metadata its seed.

    Nothing for a file that says nothing. Raises `RequestError` for a text that cannot be read.
    """
    if where == "request":
        return {}
    if where == "files":
        text = _text(path.with_suffix(".txt"))
        return {"prompt": _joined(prompt, text)} if text else {}
    reading = read_metadata(path)
    fields = {} if reading is None else reading.fields
    found: dict[str, Any] = {}
    for name, given in (("prompt", prompt), ("negative_prompt", negative)):
        if isinstance(own := fields.get(name), str) and own.strip():
            found[name] = _joined(given, own.strip())
    seed = fields.get("seed")
    return found | ({"seed": seed} if isinstance(seed, int) and 0 <= seed <= MAX_SEED else {})


def _joined(prompt: str, own: str) -> str:
    return ", ".join(part for part in (prompt.strip(), own) if part)


def _text(path: Path) -> str:
    if not path.is_file():
        return ""
    found = read_foreign(path, lambda file: read_whole(file, 4 * MAX_PROMPT).decode("utf-8-sig", "replace"))
    if isinstance(found, FileError):
        raise RequestError("prompts", found.message)
    if len(found) > MAX_PROMPT:
        raise RequestError("prompts", f"{path.name} has {len(found)} letters; a prompt has at most {MAX_PROMPT}.")
    return " ".join(found.split())
