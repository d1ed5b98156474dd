"""Which pictures were made in one go: a session of one person, without a long pause, around one prompt."""

import re
from typing import NamedTuple

PAUSE_S = 30 * 60
_TAG = re.compile(r"<[a-z]+:[^<>]*>", re.IGNORECASE)
_MOST_PHRASES = 400


class Latest(NamedTuple):
    """The newest picture of somebody."""

    session: int
    created: float
    mode: str
    prompt: str


def phrases(prompt: str) -> frozenset[str]:
    """The prompt's parts between commas, without tags, weights and brackets."""
    plain = re.sub(r"[()\[\]{}]|:-?[\d.]+(?=[)\]])", "", _TAG.sub("", prompt[:20_000]))
    parts = (" ".join(part.split()).lower() for part in re.split(r"[,\n.|]", plain))
    return frozenset(part for part in list(parts)[:_MOST_PHRASES] if part)


def continues(before: Latest, created: float, mode: str, prompt: str) -> bool:
    """Whether a picture belongs to the session of the one before: same mode, soon after, and at least half of the phrases shared."""
    if before.mode != mode or not 0 <= created - before.created + 60 <= PAUSE_S + 60:
        return False
    old, new = phrases(before.prompt), phrases(prompt)
    return old == new or 2 * len(old & new) >= min(len(old), len(new)) > 0


class Sessions:
    """Numbers of sessions, as pictures come in their order. A session is called after the number of its first picture."""

    def __init__(self) -> None:
        self._latest: dict[str, Latest] = {}

    def of(self, owner: str, number: int, created: float, mode: str, prompt: str) -> int:
        """The session of the next picture of somebody."""
        before = self._latest.get(owner)
        session = before.session if before and continues(before, created, mode, prompt) else number
        self._latest[owner] = Latest(session, created, mode, prompt)
        return session
