"""Keys: made for a user, shown once, kept as hashes. Who holds one is that user.

An API key is for a program and has scopes. An invitation is a person's own key and has a role: its link signs a browser in.
"""

import hashlib
import secrets
import threading
import time
from datetime import UTC, datetime
from typing import get_args

from pydantic import Field, TypeAdapter

from webui.core.job import LOCAL_OWNER
from webui.core.request import FrozenModel
from webui.errors import Conflict, NotFound, RequestError
from webui.jobs.store import JobStore
from webui.people.names import folded
from webui.people.roles import Role, Scope, rank

SCOPES: tuple[Scope, ...] = get_args(Scope)
PREFIX, COOKIE_PREFIX = "dk_", "ds_"
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
    """One key as it is kept: without its text.

    `role`: it is a person's invitation, and `session` is the digest of what their browsers keep. `ended`: it was taken back; the person's
    name stays theirs, so that nobody comes by it to their pictures. `maker`: the invitation by which it was made and with which it ends.
    """

    digest: str = Field(repr=False)
    session: str = Field("", repr=False)
    role: Role | None = None
    ended: datetime | None = None
    maker: str = ""

    @property
    def is_admins(self) -> bool:
        """Whether it may be used for everything."""
        return self.role == "owner" if self.role else "admin" in self.scopes


_Adapter: TypeAdapter[tuple[ApiKey, ...]] = TypeAdapter(tuple[ApiKey, ...])


class ApiKeys:
    """All keys, in the database. Safe to use from several threads; another process may change them too."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: dict[str, ApiKey] = {}
        self._people: dict[str, ApiKey] = {}
        self._read = 0.0

    def make(self, owner: str, name: str = "", scopes: tuple[Scope, ...] = ("read", "generate"), maker: str = "") -> tuple[str, ApiKey]:
        """(the key's text, which nobody can be told again; the key). Raises `RequestError` when there are too many."""
        text = PREFIX + secrets.token_urlsafe(32)
        made = datetime.now(UTC)
        key = ApiKey(id=secrets.token_hex(6), owner=owner, name=name[:100], scopes=scopes, digest=_digest(text), created=made, maker=maker)
        with self._lock:
            kept = self._load()
            if maker and not any(each.id == maker and each.ended is None for each in kept):
                raise NotFound("Your invitation, or the key that you came with, was taken back.")
            person = self._people.get(folded(owner))
            self._add(kept, key.model_copy(update={"owner": person.owner}) if person else key)
        return text, self._known[key.digest]

    def invite(self, name: str, role: Role) -> tuple[str, ApiKey]:
        """(the text of a person's key, which nobody can be told again; the key).

        Who was taken back before gets their pictures again; API keys that were made for this name before end.
        Raises `RequestError` for no name, `Conflict` for one invited already.
        """
        if not name or name == LOCAL_OWNER:
            raise RequestError("name", "Give the name of the person who is invited.")
        text = PREFIX + secrets.token_urlsafe(32)
        with self._lock:
            kept = self._load()
            known = self._people.get(folded(name))
            if known is not None and known.ended is None:
                raise Conflict(f"{known.owner} is invited already. Take that back first; their pictures stay.")
            key = ApiKey(
                id=secrets.token_hex(6),
                owner=known.owner if known else name,
                scopes=(),
                digest=_digest(text),
                session=_digest(session_of(text)),
                created=datetime.now(UTC),
                role=role,
            )
            self._add(tuple(each for each in kept if (known is None or each.id != known.id) and not _is_program_of(each, name)), key)
        return text, key

    def all(self, owner: str | None = None) -> tuple[ApiKey, ...]:
        """API keys of one owner, or of everybody."""
        with self._lock:
            return tuple(key for key in self._load() if key.role is None and owner in (None, key.owner))

    def people(self) -> tuple[ApiKey, ...]:
        """Who is invited, and who was."""
        with self._lock:
            return tuple(key for key in self._load() if key.role is not None)

    def remove(self, key_id: str, owner: str | None = None) -> ApiKey:
        """Take an API key back: it opens nothing from now on. Raises `NotFound`."""
        with self._lock:
            kept = self._load()
            found = next((key for key in kept if key.id == key_id and key.role is None and owner in (None, key.owner)), None)
            if found is None:
                raise NotFound(f"There is no key {key_id} of yours.")
            self._save([key for key in kept if key.id != key_id])
        return found

    def take_back(self, key_id: str) -> ApiKey:
        """End an invitation, the keys that were made by it, and those of the person's name, whoever made them. Raises `NotFound`."""
        with self._lock:
            found = self._person(key_id)
            ended = found.model_copy(update={"ended": datetime.now(UTC), "digest": "", "session": ""})
            left = [key for key in self._load() if key.maker != key_id and not _is_program_of(key, found.owner)]
            self._save([ended if key.id == key_id else key for key in left])
        return ended

    def change_role(self, key_id: str, role: Role) -> ApiKey:
        """Give a person another role. Keys that they made for others end with the right to make such. Raises `NotFound`."""
        with self._lock:
            changed = self._person(key_id).model_copy(update={"role": role})
            ends = {
                key.id for key in self._load() if role != "owner" and key.maker == key_id and folded(key.owner) != folded(changed.owner)
            }
            self._save([changed if key.id == key_id else key for key in self._load() if key.id not in ends])
        return changed

    def find(self, text: str) -> ApiKey | None:
        """The key of this text, or of what a browser keeps of it."""
        with self._lock:
            self._look()
            found = self._known.get(digest := _digest(text))
            if found is None:  # it may have been made just now, at the command line
                self._load()
            return found or self._known.get(digest)

    def person(self, name: str) -> ApiKey | None:
        """Whose name this is, in whichever case it is written; also of one whose invitation was taken back."""
        with self._lock:
            self._look()
            return self._people.get(folded(name))

    def stands(self, key_id: str, role: Role) -> bool:
        """Whether a key opens still what it opened for who was this."""
        with self._lock:
            self._look()
            key = next((each for each in self._known.values() if each.id == key_id), None)
            return key is not None and self._through(key) == role

    def role_of(self, owner: str) -> Role:
        """The role by which an owner's quotas go: `guest` for who is not invited."""
        if owner == LOCAL_OWNER:
            return "owner"
        person = self.person(owner)
        return person.role if person is not None and person.role is not None and person.ended is None else "guest"

    def role_through(self, key: ApiKey) -> Role:
        """What who holds this key is: a person's role; for a program's key the least of its own, its maker's and its user's."""
        with self._lock:
            self._look()
            return self._through(key)

    def _through(self, key: ApiKey) -> Role:
        if key.role is not None:
            return key.role
        roles: list[Role] = ["owner" if key.is_admins else "member"]
        if key.maker:
            maker = next((each for each in self._people.values() if each.id == key.maker), None)
            roles.append((maker and maker.role) or "guest")
        if (user := self._people.get(folded(key.owner))) is not None:
            roles.append(user.role or "guest")
        return min(roles, key=rank)

    def _person(self, key_id: str) -> ApiKey:
        found = next((key for key in self._load() if key.id == key_id and key.role is not None and key.ended is None), None)
        if found is None:
            raise NotFound(f"There is no invitation {key_id}.")
        return found

    def _look(self) -> None:
        if time.monotonic() - self._read > _FRESH or not self._read:
            self._load()

    def _load(self) -> tuple[ApiKey, ...]:
        kept = _Adapter.validate_python(self._store.get_value(_KEPT) or [])
        self._known = {digest: key for key in kept for digest in (key.digest, key.session) if digest}
        self._people = {folded(key.owner): key for key in kept if key.role is not None}
        self._read = time.monotonic()
        return kept

    def _add(self, kept: tuple[ApiKey, ...], key: ApiKey) -> None:
        if len(kept) >= MOST:
            raise RequestError("name", f"There are {MOST} keys. Remove one first.")
        self._save([*kept, key])

    def _save(self, keys: list[ApiKey]) -> None:
        self._store.set_value(_KEPT, [key.model_dump(mode="json") for key in keys])
        self._load()


def _is_program_of(key: ApiKey, name: str) -> bool:
    """Whether it is a program's key that acts as this person."""
    return key.role is None and folded(key.owner) == folded(name)


def session_of(text: str) -> str:
    """What a browser keeps of a person's key: neither the key nor what is kept here can be had from it."""
    return COOKIE_PREFIX + hashlib.sha256(b"darkroom session:" + text.encode("utf-8", "surrogatepass")).hexdigest()


def parse_scopes(text: str) -> tuple[Scope, ...]:
    """Scopes written with commas. Raises `RequestError`."""
    found = tuple(scope for scope in SCOPES if scope in {part.strip() for part in text.split(",")})
    unknown = {part.strip() for part in text.split(",")} - set(SCOPES) - {""}
    if unknown or not found:
        raise RequestError("scopes", f"Scopes are {', '.join(SCOPES)}, with commas between them.")
    return found


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
