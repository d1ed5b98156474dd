"""The keys that open a server which listens for others: one for guests, one for its admin. Wrong ones are slowed down."""

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections.abc import Iterable
from pathlib import Path

from starlette.datastructures import Headers

from webui.people.roles import Role, rank

KEY_COOKIE = "darkroom_key"
_SECONDS = 30.0
_GUESSES, _REPEATS = 5, 50
_MOST_SENDERS = 10_000


class Keys:
    """The guests' key opens, the admin's opens and may change everything. Without the guests' all who reach it are let in."""

    def __init__(self, guest: str = "", admin: str = "") -> None:
        self.asked_for = bool(guest)
        self._keys: dict[Role, bytes] = {role: key.encode() for role, key in _pairs(guest, admin) if key}

    def role(self, given: str) -> Role | None:
        """What a key opens. A header's text is Latin-1 by its rules, and UTF-8 by custom."""
        return self._of([given.encode("utf-8", "surrogatepass"), given.encode("latin-1", "replace")], self._keys)

    def token(self, role: Role) -> str:
        """What a browser keeps in its cookie, from which the key cannot be had."""
        salt = b"darkroom admin:" if role == "owner" else b"darkroom:"
        return hashlib.sha256(salt + self._keys[role]).hexdigest()

    def role_of_tokens(self, given: Iterable[str]) -> Role | None:
        """What cookies open; a browser may hold several, of other paths."""
        tokens = {role: self.token(role).encode() for role in self._keys}
        return self._of([each.encode("utf-8", "surrogatepass") for each in given], tokens)

    @staticmethod
    def _of(given: Iterable[bytes], known: dict[Role, bytes]) -> Role | None:
        return max((role for each in given for role, key in known.items() if hmac.compare_digest(each, key)), key=rank, default=None)


def _pairs(guest: str, admin: str) -> list[tuple[Role, str]]:
    return [("guest", guest), ("owner", admin)]


class Throttle:
    """Counts wrong keys by sender: an address and a way in. A program that sends one stale key again and again guesses nothing."""

    def __init__(self) -> None:
        self._wrong: dict[str, list[tuple[float, bytes]]] = {}

    def too_many(self, sender: str, given: str) -> bool:
        """Note a wrong key; whether this sender has sent too many within half a minute."""
        now = time.monotonic()
        if len(self._wrong) > _MOST_SENDERS:
            self._wrong = {name: tries for name, tries in self._wrong.items() if now - tries[-1][0] < _SECONDS}
        tries = [each for each in self._wrong.get(sender, ()) if now - each[0] < _SECONDS]
        known = {digest for _, digest in tries}
        digest = hashlib.sha256(given.encode("utf-8", "surrogatepass")).digest()
        over = len(known | {digest}) > _GUESSES or len(tries) >= _REPEATS
        if not over:
            tries.append((now, digest))
        self._wrong[sender] = tries
        return over


def cookies(header: str, name: str) -> list[str]:
    """Every value that a Cookie header gives a name."""
    pairs = (part.partition("=") for part in header.split(";"))
    return [value.strip().strip('"') for key, _, value in pairs if key.strip() == name]


def given(headers: Headers) -> str:
    """The key that a request brings: as `X-Access-Key`, as a bearer, or as the password of Basic (A1111's `--api-auth`)."""
    if text := headers.get("x-access-key", ""):
        return text
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value.strip(), validate=True).decode("utf-8", "replace").partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def make_key(path: Path) -> str:
    """The key kept in a file that only its owner can read; made at the first time."""
    if path.is_file() and (known := path.read_text(encoding="utf-8-sig").strip()):
        return known
    path.parent.mkdir(parents=True, exist_ok=True)
    key = secrets.token_urlsafe(12)
    path.touch(mode=0o600)
    path.write_text(key, encoding="utf-8")
    return key
