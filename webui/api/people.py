"""`/api/v1/me`, `/people` and `/audit`: who asks and what they may do, who is invited, who did what to the machine."""

from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Query, Request, Response

from webui.api.caller import caller_of
from webui.api.deeds import Done
from webui.api.departures import Departures
from webui.api.door import YEAR
from webui.api.errors import ANYWHERE, responses
from webui.api.identity import COOKIE, Viewer, checked_name
from webui.api.key_routes import Keys
from webui.api.native import Api, Who
from webui.api.printed import PrintedRoute
from webui.api.router import Router
from webui.api.wishes import Wish
from webui.core.request import FrozenModel
from webui.errors import Forbidden, RequestError
from webui.people import links
from webui.people.audit import Entry
from webui.people.keys import ApiKey
from webui.people.roles import WORDS, Need, Role

router = Router(route_class=PrintedRoute, prefix="/api/v1", tags=["Darkroom"], responses=responses(*ANYWHERE))
SEES = {
    True: "You see everybody's pictures, prompts and jobs. Guests and members see only their own.",
    False: "You see your own pictures, prompts and jobs, and of others' jobs only that they wait or run."
    " Who runs this Darkroom sees everything.",
}
CLOSED = "This Darkroom is open to this machine alone. Start it with --listen, and the link works."


class Me(FrozenModel):
    """Who asks. `named`: the name was chosen; `invited`: it is an invitation's and stays; `can` says `may` in words."""

    name: str
    role: Role
    named: bool
    invited: bool
    shared: bool
    may: tuple[Need, ...]
    can: tuple[str, ...]
    sees: str


class NameWish(Wish):
    """A name for whose pictures these are; empty is none."""

    name: str


class Person(FrozenModel):
    """Who was invited. `ended`: it was taken back then."""

    id: str
    name: str
    role: Role
    created: datetime
    ended: datetime | None = None


class People(FrozenModel):
    """Everybody who is or was invited. `closed` says why a link would not work now."""

    people: tuple[Person, ...]
    closed: str = ""


class Invitation(Wish):
    """Who is to be invited, as what."""

    name: str
    role: Role = "guest"


class RoleWish(Wish):
    """What a person is to be from now on."""

    role: Role


class Invited(Person):
    """An invitation that was just made: its link, and that as a QR code (SVG). They are in this answer and nowhere else."""

    link: str
    qr: str
    closed: str = ""


class AuditList(FrozenModel):
    """What was done, newest first; `next` is `before` of the next page."""

    entries: tuple[Entry, ...]
    next: int | None = None


async def get_departures(request: Request) -> Departures:
    """What ends jobs and webhooks of who has left."""
    return request.app.state.departures  # type: ignore[no-any-return]


Leaving = Annotated[Departures, Depends(get_departures)]


@router.get("/me")
def me(who: Who) -> Me:
    """Who you are here, what you may do, and who sees what."""
    return _me(who)


@router.patch("/me")
def rename(wish: NameWish, request: Request, response: Response, api: Api, who: Who) -> Me:
    """Choose your name, kept by your browser as a cookie. Who was invited has the invitation's."""
    if who.invited or who.by_key:
        raise Forbidden(f"Your name here is {who.name}: who runs this Darkroom gave it to you.")
    name = checked_name(wish.name)
    if name == "local" and not who.admin:
        raise RequestError("name", "This name belongs to the machine's own user. Choose another.")
    if name and not who.admin and api.keys.person(name) is not None:
        raise RequestError("name", f"{name} was invited here and has a link of their own. Open that, or choose another name.")
    root = caller_of(request.scope).root
    response.set_cookie(COOKIE, quote(name), max_age=YEAR if name else 0, path=f"{root}/", samesite="strict")
    return _me(who.model_copy(update={"name": name or who.name, "named": bool(name)}))


@router.get("/people")
def people(request: Request, keys: Keys, who: Who) -> People:
    """Who is invited, and who was."""
    who.must("people")
    return People(people=tuple(_person(key) for key in keys.people()), closed=_closed(request))


@router.post("/people", status_code=201, responses=responses(409))
def invite(wish: Invitation, request: Request, keys: Keys, who: Who, done: Done) -> Invited:
    """Invite somebody: a link that signs in whoever opens it, until it is taken back."""
    who.must("people")
    text, key = keys.invite(checked_name(wish.name), wish.role)
    done.say(f"invited {key.owner} as {wish.role}")
    address = f"{request.url.scheme}://{links.for_others(request.headers.get('host', ''))}{caller_of(request.scope).root}"
    link = links.link(address, text)
    return Invited(**_person(key).model_dump(), link=link, qr=links.qr_svg(link), closed=_closed(request))


@router.patch("/people/{person_id}", responses=responses(404))
def change_role(person_id: str, wish: RoleWish, keys: Keys, leaving: Leaving, who: Who, done: Done) -> Person:
    """Give a person another role, at once. What they may not have any more ends: webhooks, keys that they made for others."""
    who.must("people")
    key = keys.change_role(person_id, wish.role)
    done.say(f"made {key.owner} {wish.role}")
    leaving.settle()
    return _person(key)


@router.delete("/people/{person_id}", responses=responses(404))
def take_back(person_id: str, keys: Keys, leaving: Leaving, who: Who, done: Done) -> Person:
    """Take an invitation back: its link, its keys and what they have open end at once, their jobs are stopped. Their pictures stay."""
    who.must("people")
    key = keys.take_back(person_id)
    done.say(f"took back the invitation of {key.owner}")
    leaving.settle()
    return _person(key)


@router.get("/audit")
def audit(
    api: Api, who: Who, before: Annotated[int | None, Query(ge=0, le=2**53)] = None, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> AuditList:
    """Who changed settings, keys, people, extensions and models, paused the queue, or stopped others' jobs."""
    who.must("people")
    found = api.audit.entries(before, limit)
    return AuditList(entries=found, next=found[-1].number if len(found) == limit else None)


def _me(who: Viewer) -> Me:
    may = tuple(sorted(who.rights))
    can = tuple(words for need, words in WORDS.items() if need in may)
    told = {"name": who.name, "role": who.role, "named": who.named, "invited": who.invited, "shared": who.shared}
    return Me(**told, may=may, can=can, sees=SEES[who.admin] if who.shared else "")


def _person(key: ApiKey) -> Person:
    return Person(id=key.id, name=key.owner, role=key.role or "guest", created=key.created, ended=key.ended)


def _closed(request: Request) -> str:
    return "" if request.app.state.is_shared else CLOSED
