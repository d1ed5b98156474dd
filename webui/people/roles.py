"""Roles as named sets of what may be done. Scopes narrow what a program may do with a user's key."""

from typing import Literal, get_args

Role = Literal["guest", "member", "owner"]
Scope = Literal["read", "generate", "admin"]
Need = Literal["look", "make", "keys", "webhooks", "settings", "extensions", "queue", "models", "styles", "backends", "folders", "people"]
ROLES: tuple[Role, ...] = get_args(Role)
NEEDS: tuple[Need, ...] = get_args(Need)
_GUEST: frozenset[Need] = frozenset({"look", "make"})
MAY: dict[Role, frozenset[Need]] = {"guest": _GUEST, "member": _GUEST | {"keys", "webhooks"}, "owner": frozenset(NEEDS)}
"""What each role may do. `look` and `make` are of one's own pictures, prompts and jobs, and of what is everybody's to see."""
SCOPED: dict[Scope, frozenset[Need]] = {
    "read": frozenset({"look"}),
    "generate": frozenset({"look", "make", "webhooks"}),
    "admin": frozenset(NEEDS),
}
WORDS: dict[Need, str] = {
    "look": "look at your own pictures and at what is everybody's",
    "make": "make pictures",
    "keys": "make keys for your programs",
    "webhooks": "be told at a web address when your jobs end",
    "settings": "change the settings or stop the server",
    "extensions": "switch extensions",
    "queue": "pause the queue, free its memory or unload the models",
    "models": "fetch, convert and change models",
    "styles": "change styles",
    "backends": "change where pictures are made",
    "folders": "name a folder of this machine",
    "people": "invite people, and see who did what",
}
"""Each completes "You may …" and "Only … may …"."""


def rank(role: Role | None) -> int:
    """The more a role may do, the higher; 0 for nobody."""
    return 0 if role is None else ROLES.index(role) + 1


def rights(role: Role, scopes: tuple[Scope, ...] = ()) -> frozenset[Need]:
    """What a role may do, through a key with these scopes; without any, all of it."""
    if not scopes:
        return MAY[role]
    return MAY[role].intersection(frozenset[Need]().union(*(SCOPED[scope] for scope in scopes)))


def refusal(need: Need, role: Role, scopes: tuple[Scope, ...] = ()) -> str:
    """Why this may not be done, and what to do, as a sentence."""
    if need in MAY[role] and "generate" not in scopes:
        return "This API key may only read. Use one with the scope generate."
    if need in MAY[role]:
        return f"An API key without the scope admin may not {WORDS[need].replace('your', 'its')}."
    if need in MAY["member"]:
        return f"A guest may not {WORDS[need].replace('your', 'their')}. Ask who runs this Darkroom to invite you as a member."
    return f"Only who runs this Darkroom may {WORDS[need]}: at the machine itself, or with the link that its terminal prints."
