"""`/api/v1/keys`: a user's own API keys."""

from typing import Annotated

from fastapi import Depends, Request

from webui.api.deeds import Done
from webui.api.errors import ANYWHERE, responses
from webui.api.identity import checked_name
from webui.api.native import Who
from webui.api.printed import PrintedRoute
from webui.api.router import Router
from webui.api.wishes import Wish
from webui.core.request import FrozenModel
from webui.errors import RequestError
from webui.people.keys import ApiKey, ApiKeys, KeyBody
from webui.people.roles import Scope

router = Router(route_class=PrintedRoute, prefix="/api/v1/keys", tags=["Darkroom"], responses=responses(*ANYWHERE))


class KeyWish(Wish):
    """A key to be made. `owner` is yourself where it is left out; another's, and the scope admin, only an admin may ask for."""

    name: str = ""
    scopes: tuple[Scope, ...] = ("read", "generate")
    owner: str = ""


class MadeKey(KeyBody):
    """A key that was just made, with its text."""

    key: str


class KeyList(FrozenModel):
    """Several keys."""

    keys: tuple[KeyBody, ...]


async def get_keys(request: Request) -> ApiKeys:
    """All keys."""
    return request.app.state.api_keys  # type: ignore[no-any-return]


Keys = Annotated[ApiKeys, Depends(get_keys)]


@router.post("", status_code=201)
def make_key(wish: KeyWish, keys: Keys, who: Who, done: Done) -> MadeKey:
    """Make a key. Its text, `key`, is in this answer and nowhere else."""
    who.must("keys")
    if not wish.scopes:
        raise RequestError("scopes", "A key needs a scope: read, generate or admin.")
    if "admin" in wish.scopes or wish.owner not in ("", who.name):
        who.must_be_admin("make keys of others, or with the scope admin")
    text, key = keys.make(checked_name(wish.owner) or who.name, wish.name, wish.scopes, who.key_id)
    done.say(f"made an API key for {key.owner}: {', '.join(key.scopes)}")
    return MadeKey(**shown(key).model_dump(), key=text)


@router.get("")
def list_keys(keys: Keys, who: Who) -> KeyList:
    """Your keys, without their texts; an admin sees everybody's."""
    return KeyList(keys=tuple(shown(key) for key in keys.all(None if who.admin else who.name)))


@router.delete("/{key_id}", responses=responses(404))
def remove_key(key_id: str, keys: Keys, who: Who, done: Done) -> KeyBody:
    """Take a key back: it opens nothing from now on."""
    removed = keys.remove(key_id, None if who.admin else who.name)
    done.say(f"took back an API key of {removed.owner}")
    return shown(removed)


def shown(key: ApiKey) -> KeyBody:
    """A key as it may be shown."""
    return KeyBody(**key.model_dump(include=set(KeyBody.model_fields)))
