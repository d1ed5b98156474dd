"""Names of people as they are compared: what looks the same is the same, so that nobody goes by another one's."""

import re
import unicodedata

_ALIKE = str.maketrans(
    {
        **dict(zip("авеёзкмнорстухьѕіїјһӏԁԛԝ", "abeë3kmhopctyxbsiïjhldqw", strict=True)),
        **dict(zip("αβεζηικμνορτυχ", "abezhikmnoptyx", strict=True)),
        **dict(zip("ıɑɡ", "iag", strict=True)),
    }
)
"""Cyrillic, Greek and rare Latin letters that look like common ones: Greek by their capitals, with which names begin."""
_OF_ONE_TEXT = frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "BOPOMOFO"})
"""Scripts that people write together."""


def folded(name: str) -> str:
    """A name as names are compared: neither case nor width of letters make another one, nor a letter of another script that looks alike."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return plain.translate(_ALIKE)


def mixes_scripts(name: str) -> bool:
    """Whether a word of it has letters of scripts that nobody writes together, such as a Cyrillic one among Latin ones."""
    return any(_is_mixed(word) for word in re.split(r"[\W_]+", unicodedata.normalize("NFKC", name)))


def _is_mixed(word: str) -> bool:
    scripts = {unicodedata.name(letter, "?").split()[0] for letter in word if letter.isalpha()}
    return len(scripts) > 1 and not scripts <= _OF_ONE_TEXT
