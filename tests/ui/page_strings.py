"""The string literals of the page's scripts, found by a small scanner: what of them are words, and which of those go through `t()`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_REGEX_AFTER = set("(,=:[!&|?{};+-*%~^<>") | {""}
_WORDS_BEFORE_REGEX = {"return", "typeof", "case", "in", "of", "await"}


@dataclass(frozen=True)
class Literal:
    """One literal: its text, with `{}` for each expression of a template.

    `before` is the code in front of it without spaces, `after` the next sign.
    """

    text: str
    line: int
    start: int
    end: int
    before: str
    after: str
    expressions: tuple[tuple[int, int], ...] = field(default=())


def literals(source: str) -> list[Literal]:
    """All of a script's literals, also those inside templates' expressions, in the order of their beginnings."""
    return sorted(_Scanner(source).scan(0, None)[0], key=lambda found: found.start)


class _Scanner:
    def __init__(self, source: str) -> None:
        self.source = source

    def scan(self, at: int, closing: str | None) -> tuple[list[Literal], int]:
        """Literals from `at` on, to the bracket `closing` that ends a template's expression."""
        source, found, depth, last = self.source, list[Literal](), 0, ""
        while at < len(source):
            char = source[at]
            if source.startswith("//", at):
                at = _end(source.find("\n", at), source)
                continue
            if source.startswith("/*", at):
                at = _end(source.find("*/", at), source) + 2
                continue
            if char in "'\"":
                literal = self._plain(at)
                found.append(literal)
                at, last = literal.end, '"'
                continue
            if char == "`":
                inner, literal = self._template(at)
                found += [literal, *inner]
                at, last = literal.end, '"'
                continue
            if char == "/" and self._begins_regex(at, last):
                at, last = self._regex(at), '"'
                continue
            if closing:
                depth += {"{": 1, "}": -1}.get(char, 0)
                if depth < 0:
                    return found, at
            if not char.isspace():
                last = char
            at += 1
        return found, at

    def _plain(self, start: int) -> Literal:
        end = start + 1
        while self.source[end] != self.source[start]:
            end += 2 if self.source[end] == "\\" else 1
        return self._literal(_unescaped(self.source[start + 1 : end]), start, end + 1)

    def _template(self, start: int) -> tuple[list[Literal], Literal]:
        at, text, inner, spans = start + 1, "", list[Literal](), list[tuple[int, int]]()
        while self.source[at] != "`":
            if self.source.startswith("${", at):
                more, end = self.scan(at + 2, "}")
                inner += more
                spans.append((at + 2, end))
                text, at = text + "{}", end + 1
            else:
                size = 2 if self.source[at] == "\\" else 1
                text, at = text + self.source[at : at + size], at + size
        return inner, self._literal(_unescaped(text), start, at + 1, tuple(spans))

    def _literal(self, text: str, start: int, end: int, spans: tuple[tuple[int, int], ...] = ()) -> Literal:
        before = re.sub(r"(?<!\w)\s+|\s+(?!\w)", "", self.source[max(0, start - 120) : start])
        return Literal(text, self.source.count("\n", 0, start) + 1, start, end, before, self.source[end : end + 20].lstrip()[:1], spans)

    def _begins_regex(self, at: int, last: str) -> bool:
        word = re.search(r"[A-Za-z]+$", self.source[:at].rstrip())
        return last in _REGEX_AFTER or (word is not None and word.group() in _WORDS_BEFORE_REGEX)

    def _regex(self, at: int) -> int:
        in_class = False
        at += 1
        while self.source[at] != "/" or in_class:
            in_class = (in_class or self.source[at] == "[") and self.source[at] != "]"
            at += 2 if self.source[at] == "\\" else 1
        return at + 1


def _end(found: int, source: str) -> int:
    return len(source) if found < 0 else found


def _unescaped(text: str) -> str:
    return re.sub(r"\\(u\{?([0-9a-fA-F]+)\}?|.)", lambda m: chr(int(m[2], 16)) if m[2] else {"n": "\n", "t": "\t"}.get(m[1], m[1]), text)


_CODE = re.compile(
    r"""(\$\$?|closest|matches|[qQ]uerySelector(All)?|matchMedia|Listener|setAttribute|headers\.get|execCommand|CSS\.escape)\($"""
    r"""|(look\(\w+(\.\w+)?,)$|(startsWith|types\.includes)\($"""
    r"""|(key|pressed|code|name|char)[!=]==$|(key|code|out|back|rel|style|class|className|cssText|clipPath|words|'data-words'|'aria-keyshortcuts'):$"""
    r"""|(style|className|cssText|clipPath)=$|['"]\]?,?(?=$)(?<=\['Enter',)"""
)
"""The code in front of a literal that nobody reads."""
_NAMES = re.compile(
    r"(GET|POST|PUT|PATCH|DELETE) /|(Arrow|Page)(Up|Down|Left|Right)$|(Escape|Enter|Backspace|Tab|Home|End|Page|Content-Type|TimeoutError)$"
    r"|Bearer |X-Owner|Idempotency-Key|insert(Text|From)|(rgb|inset|calc)\(|\(prefers|\(max-width|\(pointer|\(hover|[#.:\[][a-z-]+[^ ]* ?"
    r"|(button|input|textarea|ul\.options|body|a\[href\])[ ,:.>]|darkroom \{|\[\{"
)
"""Literals that are no words wherever they stand: addresses, names of keys, headers, selectors."""


_CIRCLE = '<circle cx="16" cy="16" r="10" fill="none" stroke-width="4" {}/>'
_ARC = 'stroke="#f5a94b" stroke-dasharray="{} 99" transform="rotate(-90 16 16)"'
_ICON = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#181818"/>{}{}</svg>'
NOT_WORDS: dict[str, set[str]] = {
    "": {"no number", "Darkroom", "Prompt S/R", "Lanczos", "patch match"},
    "client.js": {
        "The answer did not arrive whole. Try again.",
        "The server does not answer.",
        "Not connected.",
        "The server answered {}.",
    },  # the client stands alone; `sentence()` translates what it throws
    "grid.js": {"Prompts", "Travel", "Prompt matrix"},
    "vary.js": {"Prompts"},
    "key-list.js": {
        *("Ctrl+Enter", "Ctrl+↑ Ctrl+↓", "Ctrl+Z", "Ctrl+Z Ctrl+Shift+Z", "Ctrl+A", "Ctrl+K", "Alt+V", "Alt+S", "Alt+Q", "Alt+1 … Alt+9"),
        *("Esc", "Del", "Space", "Enter", "Space Enter", "Ctrl+Space", "← → Enter Backspace", "PgUp PgDn Home End", "P X U"),
    },  # what stands on keys
    "end-words.js": {_CIRCLE, _ARC, _ICON},
    "find.js": {"#{} :is(input:not([type=file]), textarea, select, button)"},
    "find-models.js": {"Civitai", "Hugging Face"},
    "get-models.js": {"Resume with a kind:"},
    "picture-waits.js": {"Removed."},
    "grid-words.js": {'{} Type: {}, {} Values: "{}"'},
    "language.js": {"{}={}; path={}; max-age={}; samesite=lax"},
    "presets.js": {"Default"},
    "shelf-list.js": {"SD 1.5", "SD 2", "SDXL refiner", "SD 3", "Flux", "Qwen-Image"},
    "shelf.js": {"Stable-diffusion", "Lora"},
    "stage.js": {"a red apple", "a cat face", "a sunflower"},  # prompts, which the models read
    "who.js": {"guest $1"},
}
"""Literals that look like words and are none: values, names, what is compared with the server's answers. `""` is for every script."""


def words(found: list[Literal], script: str = "") -> Iterator[Literal]:
    """Those that a person would read."""
    if script == "a1111-words.js":
        return  # what A1111's users may type to find something; nothing of it is shown
    for literal in found:
        if literal.text in NOT_WORDS[""] | NOT_WORDS.get(script, set()):
            continue
        if literal.after == ":" and literal.before[-1:] in "{,":
            continue  # a name in an object
        if _is_words(literal.text) and not _CODE.search(literal.before) and not _NAMES.match(literal.text):
            yield literal


def is_translated(literal: Literal) -> bool:
    """Whether it goes through `t()`, or is a form of `count()`."""
    return bool(re.search(r"(^|[^\w$.])(t\(|count(ed)?\([^'\"`]*,('[^']*',)?)$", literal.before))


def _is_words(text: str) -> bool:
    return bool(re.search(r"[A-Za-z]{2}", text.replace("{}", ""))) and (bool(re.search(r"[A-Z][a-z]", text)) or " " in text.strip())
