"""What the browser draws before Gradio's scripts have come: our bar and empty boxes in the form's place; and what it may fetch meanwhile.

Gradio puts our style sheet and script into the page only once its own scripts run. Named in the HTML they come beside them.
"""

import re
from pathlib import Path

from webui.library import Library

_IMPORTED = re.compile(r"(?:from|import) '\./([\w-]+\.js)';")
_TOKENS = re.compile(r"^(?::root|\.dark) \{.*?^\}", re.MULTILINE | re.DOTALL)
FIRST = "data-first-visit"
"""On the page's root while the model that ships is the only one, for who may get others: the form keeps the place of what is said then."""


class FirstPaint:
    """Puts it into Gradio's HTML."""

    def __init__(self, static: Path, base: str, library: Library) -> None:
        self._library = library
        tokens = "\n".join(_TOKENS.findall((static / "css" / "tokens.css").read_text(encoding="utf-8")))
        fetched = "".join(f'<link rel="modulepreload" href=".{base}/js/{name}">' for name in modules_of(static / "js"))
        self._head = (
            f'<link rel="preload" href=".{base}/css/page.css" as="style">'
            f'<link rel="preload" href=".{base}/inter.woff2" as="font" type="font/woff2" crossorigin>'
            f"{fetched}<style>{tokens}</style></head>"
        )
        self._body = (static / "first-paint.html").read_text(encoding="utf-8")

    def __call__(self, html: str, admin: bool) -> str:
        """The page's HTML with it; `admin`: who asks may get models."""
        head, mark, rest = html.partition("</head>")
        opening, bracket, body = rest.partition("<body")
        attributes, end, inside = body.partition(">")
        if not (mark and bracket and end):
            return html
        if admin and self._is_first():
            head = head.replace("<html", f"<html {FIRST}", 1)
        return f"{head}{self._head}{opening}{bracket}{attributes}{end}{self._body}{inside}"

    def _is_first(self) -> bool:
        """As `first-visit.js` sees it."""
        return sum(not each.error for each in self._library.models("checkpoint")) == 1


def modules_of(folder: Path) -> list[str]:
    """The scripts that the page's first one needs, in the order in which they are asked for."""
    found = ["main.js"]
    for name in found:
        imported = _IMPORTED.findall((folder / name).read_text(encoding="utf-8"))
        found += [each for each in dict.fromkeys(imported) if each not in found and (folder / each).is_file()]
    return found
