"""The page's scripts as browsers get them: two files in place of a hundred, without comments and indents.

`main.js` is all that the first script imports, `rest.js` what it asks for later (`import('./…')`). Each module stays a function of its
own, called where it is first needed: with imports at the top, no cycles and no export that is ever set again, that is when and what a
browser would evaluate. `tests/ui/test_scripts.py` holds the scripts to it. A source map leads back to the files.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

FIRST, REST = "main.js", "rest.js"
AWAITED = "language.js"
"""Has the one `await` outside of functions; it needs no other module, and is over before any other begins."""
_IMPORT = re.compile(r"^import (?:\{ ([^}]+) \} from )?'\./([\w-]+\.js)';$", re.MULTILINE)
_NAMES = re.compile(r"^export \{ ([\w$]+(?:, [\w$]+)*) \};$", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:const|(?:async )?function\*?|class) ([\w$]+))", re.MULTILINE)
_LATER = re.compile(r"\bimport\('\./([\w-]+\.js)'\)(?!\.[A-Z])")
_COMMENT = re.compile(r"^[ \t]*(?://[^\n]*|/\*\*(?:[^*]|\*(?!/))*\*/[ \t]*)$", re.MULTILINE)
_BEHIND = re.compile(r"[ \t]+// [^\n'\"`]*$", re.MULTILINE)
_TYPE = re.compile(r"/\*\* @(?:type|param) [^\n]*?\*/ ?")
_BEGIN = """const $made = {}, $modules = {};
const $need = (name) => $made[name] ??= $modules[name]();
const $add = (modules) => Object.assign($modules, modules);
const $later = async (name) => { if (!$modules[name]) (await import('./rest.js')).add($add, $need, $later); return $need(name); };
$add({"""
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


class Piece(NamedTuple):
    """A line of a bundle: its text, and the script, line and column that it is from; none for what joins them."""

    text: str
    source: int = -1
    line: int = 0
    column: int = 0


@dataclass(frozen=True)
class Bundle:
    """A file of scripts: `sources` by name, as they were written, and the lines made of them."""

    file: str
    sources: dict[str, str]
    lines: tuple[Piece, ...]

    @property
    def code(self) -> str:
        """What browsers run."""
        return "".join(f"{line.text}\n" for line in self.lines) + f"//# sourceMappingURL={self.file}.map\n"

    def map(self) -> str:
        """Where each line is from, as JSON for the browser's debugger."""
        made = {"version": 3, "file": self.file, "sources": list(self.sources), "sourcesContent": list(self.sources.values()), "names": []}
        return json.dumps({**made, "mappings": _mappings(self.lines)}, ensure_ascii=False, separators=(",", ":"))


def bundles(folder: Path) -> dict[str, Bundle]:
    """`main.js` and `rest.js` of the scripts in `folder`. Raises `ValueError` for one with an import or export that cannot be rewritten."""
    written = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.js")}
    plain = {name: without_comments(text) for name, text in written.items()}
    first = _reached(plain, [FIRST], _imported)
    both = _reached(plain, first, lambda text: [*_imported(text), *_LATER.findall(text)])
    end = f"}});\n$made['{AWAITED}'] = await $need('{AWAITED}');\nexport const {{ state }} = $need('{FIRST}');\n"

    def bundle(file: str, names: Sequence[str], begin: str, end: str) -> Bundle:
        bodies = {name: as_function(plain[name], name) for name in names}
        return Bundle(file, {name: written[name] for name in names}, tuple(_joined(bodies, begin, end)))

    return {
        FIRST: bundle(FIRST, first, _BEGIN, f"{end}export {{ $need as need, $later as later }};"),
        REST: bundle(REST, both[len(first) :], "export const add = ($add, $need, $later) => $add({", "});"),
    }


def without_comments(script: str) -> str:
    """A script without comments that have lines of their own, or stand behind code; lines keep their numbers."""
    kept = _COMMENT.sub(lambda found: "\n" * found.group().count("\n"), script)
    return _TYPE.sub("", _BEHIND.sub("", kept))


def as_function(script: str, name: str = "") -> str:
    """The body of a function that does what the module does and returns what it exports; lines keep their numbers."""
    exported = _EXPORT.findall(script) + [each for names in _NAMES.findall(script) for each in names.split(", ")]
    body = _IMPORT.sub(lambda found: _needed(found[1] or "", found[2]), script)
    body = _EXPORT.sub("", _NAMES.sub("", body))
    body = _LATER.sub(r"$later('\1')", body)
    if left := re.search(r"^(?:import|export)\b.*|^.*\bimport\(.*", body, re.MULTILINE):
        raise ValueError(f"{name or 'A script'} has an import or export that the page's scripts cannot be joined with: {left[0]}")
    return body.rstrip("\n") + f"\nreturn {{ {', '.join(exported)} }};"


def _needed(names: str, of: str) -> str:
    return f"const {{ {names.replace(' as ', ': ')} }} = $need('{of}');" if names else f"$need('{of}');"


def _imported(script: str) -> list[str]:
    return [found[2] for found in _IMPORT.finditer(script)]


def _reached(scripts: Mapping[str, str], names: Sequence[str], needs: Callable[[str], list[str]]) -> list[str]:
    """The names, and those of all that they need."""
    found = dict.fromkeys(names)
    waiting = list(names)
    for name in waiting:
        new = [each for each in dict.fromkeys(needs(scripts[name])) if each not in found]
        found |= dict.fromkeys(new)
        waiting += new
    return list(found)


def _joined(bodies: Mapping[str, str], begin: str, end: str) -> Iterator[Piece]:
    yield from map(Piece, begin.split("\n"))
    for source, (name, body) in enumerate(bodies.items()):
        yield Piece(f"'{name}': ({'async ' if name == AWAITED else ''}() => {{")
        for number, line in enumerate(body.split("\n")):
            if kept := line.strip():
                yield Piece(kept, source, number, len(line) - len(line.lstrip()))
        yield Piece("}),")
    yield from map(Piece, end.split("\n"))


def _mappings(lines: Sequence[Piece]) -> str:
    """Differences to the line before, in base 64."""
    at, written = (0, 0, 0), []
    for line in lines:
        place = (line.source, line.line, line.column)
        is_ours = line.source >= 0
        written.append("A" + "".join(_signed(new - old) for new, old in zip(place, at, strict=True)) if is_ours else "")
        at = place if is_ours else at
    return ";".join(written)


def _signed(number: int) -> str:
    left, text = (abs(number) << 1) | (number < 0), ""
    while True:
        left, part = left >> 5, left & 31
        text += _BASE64[part | (32 if left else 0)]
        if not left:
            return text
