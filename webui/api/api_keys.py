"""API keys: made for a user with scopes, shown once, kept as hashes. Who holds one is that user, and may do what its scopes say."""

import base64
import binascii
import hashlib
import secrets
import threading
import time
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field, TypeAdapter
from starlette.datastructures import Headers

from webui.core.request import FrozenModel
from webui.errors import NotFound, RequestError
from webui.jobs.store import JobStore

Scope = Literal["read", "generate", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "generate", "admin")
PREFIX = "dk_"
MOST = 1000
_KEPT = "api_keys"
_FRESH = 2.0
"""Seconds after which the list is read again: the command line changes it from another process."""


class KeyBody(FrozenModel):
    """One key as it may be shown. A scope includes those before it: read, generate, admin."""

    id: str
    owner: str
    name: str = ""
    scopes: tuple[Scope, ...] = ("read", "generate")
    created: datetime


class ApiKey(KeyBody):
    """One key as it is kept: without its text."""

    digest: str = Field(repr=False)

    @property
    def is_admins(self) -> bool:
        """Whether it may be used for everything."""
        return "admin" in self.scopes


_Adapter: TypeAdapter[tuple[ApiKey, ...]] = TypeAdapter(tuple[ApiKey, ...])


class ApiKeys:
    """All keys, in the database."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: dict[str, ApiKey] = {}
        self._read = 0.0

    def make(self, owner: str, name: str = "", scopes: tuple[Scope, ...] = ("read", "generate")) -> tuple[str, ApiKey]:
        """(the key's text, which nobody can be told again; the key). Raises `RequestError` when there are too many."""
        text = PREFIX + secrets.token_urlsafe(32)
        key = ApiKey(id=secrets.token_hex(6), owner=owner, name=name[:100], scopes=scopes, digest=_digest(text), created=datetime.now(UTC))
        with self._lock:
            kept = self._load()
            if len(kept) >= MOST:
                raise RequestError("name", f"There are {MOST} keys. Remove one first.")
            self._save([*kept, key])
        return text, key

    def all(self, owner: str | None = None) -> tuple[ApiKey, ...]:
        """Keys of one owner, or of everybody."""
        with self._lock:
            return tuple(key for key in self._load() if owner is None or key.owner == owner)

    def remove(self, key_id: str, owner: str | None = None) -> ApiKey:
        """Take a key back: it opens nothing from now on. Raises `NotFound`."""
        with self._lock:
            kept = self._load()
            found = next((key for key in kept if key.id == key_id and owner in (None, key.owner)), None)
            if found is None:
                raise NotFound(f"There is no key {key_id} of yours.")
            self._save([key for key in kept if key.id != key_id])
        return found

    def find(self, text: str) -> ApiKey | None:
        """The key of this text."""
        with self._lock:
            if time.monotonic() - self._read > _FRESH or not self._read:
                self._load()
            return self._known.get(_digest(text))

    def _load(self) -> tuple[ApiKey, ...]:
        kept = _Adapter.validate_python(self._store.get_value(_KEPT) or [])
        self._known, self._read = {key.digest: key for key in kept}, time.monotonic()
        return kept

    def _save(self, keys: list[ApiKey]) -> None:
        self._store.set_value(_KEPT, [key.model_dump(mode="json") for key in keys])
        self._load()


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


def parse_scopes(text: str) -> tuple[Scope, ...]:
    """Scopes written with commas. Raises `RequestError`."""
    found = tuple(scope for scope in SCOPES if scope in {part.strip() for part in text.split(",")})
    unknown = {part.strip() for part in text.split(",")} - set(SCOPES) - {""}
    if unknown or not found:
        raise RequestError("scopes", f"Scopes are {', '.join(SCOPES)}, with commas between them.")
    return found


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
