"""Prompt styles: `styles.csv` in the data directory, in A1111's form (name, prompt, negative_prompt)."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from webui.core.request import FrozenModel

_LARGEST = 4 * 2**20


class Style(FrozenModel):
    """One row. `{prompt}` in it is where the caller's words go; without that it stands behind them."""

    name: str
    prompt: str | None = ""
    negative_prompt: str | None = ""


def read_styles(folder: Path) -> tuple[Style, ...]:
    """The styles of a folder, in order; none where there is no readable file."""
    path = folder / "styles.csv"
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return ()
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return ()
    try:
        rows = list(csv.DictReader(io.StringIO(text)))
    except csv.Error:
        return ()
    found = {name: row for row in rows if (name := (row.get("name") or "").strip())}
    return tuple(
        Style(name=name, prompt=row.get("prompt") or row.get("text") or "", negative_prompt=row.get("negative_prompt") or "")
        for name, row in found.items()
    )


def apply(styles: Iterable[Style], names: Iterable[str], prompt: str, negative: str) -> tuple[str, str, list[str]]:
    """Both prompts with the named styles, and the names that no style has."""
    known = {style.name: style for style in styles}
    missing = []
    for name in names:
        style = known.get(name)
        if style is None:
            missing.append(name)
            continue
        prompt, negative = _joined(prompt, style.prompt or ""), _joined(negative, style.negative_prompt or "")
    return prompt, negative, missing


def _joined(words: str, style: str) -> str:
    if "{prompt}" in style:
        return style.replace("{prompt}", words)
    return ", ".join(part for part in (words.strip(), style.strip()) if part)
