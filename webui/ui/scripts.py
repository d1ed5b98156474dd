"""The page's scripts as browsers get them: without their comments, a fifth of what they would load. Lines keep their numbers."""

import re
from pathlib import Path

_IMPORTED = re.compile(r"(?:from|import) '\./([\w-]+\.js)';")
_COMMENT = re.compile(r"^[ \t]*(?://[^\n]*|/\*\*(?:[^*]|\*(?!/))*\*/[ \t]*)$", re.MULTILINE)


def without_comments(script: str) -> str:
    """A script without the comments that have lines of their own; those behind code stay."""
    return _COMMENT.sub(lambda found: "\n" * found.group().count("\n"), script)


def modules_of(folder: Path) -> list[str]:
    """The scripts that the page's first one needs, in the order in which they are asked for."""
    found = ["main.js"]
    for name in found:
        imported = _IMPORTED.findall((folder / name).read_text(encoding="utf-8"))
        found += [each for each in dict.fromkeys(imported) if each not in found and (folder / each).is_file()]
    return found
