"""Names of picture files: which patterns are allowed, and a name that every file system takes, whatever a prompt brings into it."""

import re
import string
import sys
import unicodedata
from collections.abc import Iterator, Mapping

TEXTS = ("date", "time", "prompt", "sampler", "checkpoint")
NUMBERS = ("index", "seed", "steps", "width", "height")
LONGEST_PATTERN = 300
LONGEST_PART = 255
"""Bytes in one part of a path on nearly every file system."""
FIXED_PART = 150
"""Bytes that a part may have before the prompt and other texts come in."""
DEEPEST = 12
_ROOM_TO_COUNT = len("-1234567890")
_EXAMPLE = "{date}/{index:05}-{seed}"

_TEXT_FORMAT = re.compile(r"(?:[^{}/]?[<>^])?\d{0,3}(?:\.\d{1,3})?s?")
_NUMBER_FORMAT = re.compile(r"(?:[^{}/]?[<>=^])?[-+ ]?#?\d{0,3}[,_]?[bdoxX]?")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?=\s*(?:\.|$))", re.IGNORECASE)
_PLAIN = re.compile(r"[\w .,;()\[\]{}+=#%&'!@~^$-]*", re.ASCII)
"""Texts of letters that every file system takes."""
_FORBIDDEN = set('<>:"|?*\\/')
_INVISIBLE = {"Cc", "Cs", "Zl", "Zp"}
_OUTSIDE = re.compile(r"^\s*(?:[/\\]|~|[A-Za-z]:)|(?:^|[/\\])\.\.(?=$|[/\\])")
"""A path from the root, from a drive or from home, or one that climbs: who writes it means another place than its name would get."""
_TURNING = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Marks that turn the direction of what follows: a name could pretend to another ending."""

Field = tuple[str, str, str]
"""(text before the field, the field's name, how it is written); the last one of a pattern may have no name."""


def check_pattern(pattern: str) -> str:
    """The pattern, if pictures can be named by it. Raises `ValueError` with a sentence that says what is wrong and how to write it."""
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"This pattern is {len(pattern)} characters long. It may have {LONGEST_PATTERN}.")
    if outside := _OUTSIDE.search(pattern):
        raise ValueError(f"{outside[0].strip()} leads out of the folder of pictures, which is `outputs`. Write a name such as {_EXAMPLE}.")
    if "\\" in pattern:
        raise ValueError(f"This pattern has a backslash, which makes no folder here. Write a slash, as in {_EXAMPLE}.")
    parts = [list(_fields(part)) for part in pattern.split("/")]
    if not any(fixed.strip(" .") or name for part in parts for fixed, name, _ in part):
        raise ValueError(f"This pattern gives no name. Write one such as {_EXAMPLE}.")
    if sum(bool(part) for part in parts) > DEEPEST:
        raise ValueError(f"This pattern makes {len(parts) - 1} folders in one another. It may have {DEEPEST - 1} slashes.")
    for part in parts:
        if _size("".join(_written(part, _longest_facts()))) > FIXED_PART:
            raise ValueError(f"A name between two slashes may have {FIXED_PART} bytes besides the prompt and other texts. Shorten it.")
    return pattern


def file_name(pattern: str, facts: Mapping[str, str | int], number: int, room: int = 4000) -> str:
    """The path of picture `number` by a checked pattern, without suffix; never empty, absolute or out of its folder.

    `facts` are the values of `TEXTS` and `NUMBERS`, without "index". Texts are cut so that each part has at most `LONGEST_PART` bytes with
    a suffix, and the whole at most about `room`. Another number gives another name.
    """
    parts = [list(_fields(part)) for part in pattern.split("/")]
    longest = min(LONGEST_PART - _ROOM_TO_COUNT - len(".jpeg"), max(room // len(parts), 24))
    made = [_part(part, {**facts, "index": number}, longest) for part in parts]
    names = [name for name, _ in made if name]
    counted = any(name == "index" for part in parts for _, name, _ in part) and not any(cut for _, cut in made)
    if not names:
        return f"{number:05}"
    return "/".join(names) if counted or number == 1 else f"{'/'.join(names)}-{number}"


def safe_name(text: str, longest: int = LONGEST_PART) -> str:
    """One part of a path that every file system takes: nothing forbidden, reserved or invisible, at most `longest` bytes; may be empty."""
    clean = text if _PLAIN.fullmatch(text) else "".join(_safe_letter(letter) for letter in text)
    name = cut(clean.strip(" ."), longest).strip(" .")
    return cut(f"_{name}", longest) if _RESERVED.match(name) else name


def cut(text: str, longest: int) -> str:
    """The beginning of a text that has at most `longest` bytes as a file name, never half a character."""
    if _size(text) <= longest:
        return text
    kept = text.encode("utf-8", "replace")[: max(longest, 0)].decode("utf-8", "ignore")
    return kept.rstrip("\u200d\ufe0e\ufe0f")  # what would join or change a letter that is gone


def _safe_letter(letter: str) -> str:
    if letter in _FORBIDDEN or letter in _TURNING or unicodedata.category(letter) in _INVISIBLE:
        return "_"
    try:
        letter.encode(sys.getfilesystemencoding())
    except UnicodeEncodeError:
        return "_"
    return letter


def _fields(part: str) -> Iterator[Field]:
    """The fields of one part of a pattern. Raises `ValueError` for what is no field of ours."""
    try:
        read = list(string.Formatter().parse(part))
    except ValueError:
        raise ValueError(
            f"{part!r} has a brace too many or too few. Write fields as in {_EXAMPLE}; a brace itself is written twice."
        ) from None
    for fixed, name, written, conversion in read:
        if name is None:
            yield fixed, "", ""
            continue
        if name not in (*TEXTS, *NUMBERS) or conversion:
            known = " ".join(f"{{{each}}}" for each in (*TEXTS, *NUMBERS))
            raise ValueError(f"There is no field {{{name}{'!' + conversion if conversion else ''}}} in file names. There are {known}.")
        if not (_TEXT_FORMAT if name in TEXTS else _NUMBER_FORMAT).fullmatch(written or "") or not _can_write(name, written or ""):
            hint = "{index:05} writes five digits" if name in NUMBERS else "{prompt:.20} writes 20 letters"
            raise ValueError(f"{{{name}:{written}}} cannot be written: {written!r} is no format for {name}. For example, {hint}.")
        yield fixed, name, written or ""


def _can_write(name: str, written: str) -> bool:
    try:
        format("" if name in TEXTS else 0, written)
    except ValueError:
        return False
    return True


def _part(part: list[Field], facts: Mapping[str, str | int], longest: int) -> tuple[str, bool]:
    """One part of a path, and whether it had to be cut as a whole. Its texts share the room that the rest leaves."""
    texts = sum(name in TEXTS for _, name, _ in part)
    bare = {name: "" if isinstance(value, str) else value for name, value in facts.items()}
    share = max((longest - _size("".join(_written(part, bare)))) // max(texts, 1), 0)
    short = {name: safe_name(value, share) if isinstance(value, str) else value for name, value in facts.items()}
    whole = safe_name("".join(_written(part, short)), sys.maxsize)
    return safe_name(whole, longest), _size(whole) > longest


def _written(part: list[Field], facts: Mapping[str, str | int]) -> Iterator[str]:
    for fixed, name, written in part:
        yield fixed + (format(facts[name], written) if name else "")


def _longest_facts() -> dict[str, str | int]:
    return {**dict.fromkeys(TEXTS, ""), "index": 10**6, "seed": 2**64 - 1, "steps": 1000, "width": 4096, "height": 4096}


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
