"""`/api/v1/webhooks`: where a user wants to hear that their jobs have ended."""

from typing import Annotated

from fastapi import Depends, Request
from pydantic import Field, field_validator

from webui.api.errors import ANYWHERE, responses
from webui.api.native import Who
from webui.api.printed import PrintedRoute
from webui.api.router import Router
from webui.api.webhooks import ENDINGS, Ending, HookBody, Webhook, Webhooks
from webui.api.wishes import Wish
from webui.core.request import FrozenModel

router = Router(route_class=PrintedRoute, prefix="/api/v1/webhooks", tags=["Darkroom"], responses=responses(*ANYWHERE))


class HookWish(Wish):
    """A webhook to be kept: an address on the internet, and the endings of jobs that are told to it."""

    url: str = Field(max_length=2000)
    events: tuple[Ending, ...] = Field(ENDINGS, max_length=3)

    @field_validator("events")
    @classmethod
    def _some(cls, events: tuple[Ending, ...]) -> tuple[Ending, ...]:
        if not events:
            raise ValueError(f"events must name one of {', '.join(ENDINGS)}, or be left out to hear of all of them.")
        return tuple(dict.fromkeys(events))


class MadeHook(HookBody):
    """A webhook that was just made, with the secret that its deliveries are signed with."""

    secret: str


class HookList(FrozenModel):
    """Several webhooks."""

    webhooks: tuple[HookBody, ...]


async def get_webhooks(request: Request) -> Webhooks:
    """All webhooks."""
    return request.app.state.webhooks  # type: ignore[no-any-return]


Hooks = Annotated[Webhooks, Depends(get_webhooks)]


@router.post("", status_code=201)
def make_webhook(wish: HookWish, hooks: Hooks, who: Who) -> MadeHook:
    """Tell this address when jobs of yours end. `secret` is in this answer and nowhere else."""
    who.must("webhooks")
    made = hooks.make(who.name, wish.url, wish.events)
    return MadeHook(**made.model_dump())


@router.get("")
def list_webhooks(hooks: Hooks, who: Who) -> HookList:
    """Your webhooks; an admin sees everybody's."""
    return HookList(webhooks=tuple(_shown(each) for each in hooks.all(None if who.admin else who.name)))


@router.delete("/{hook_id}", responses=responses(404))
def remove_webhook(hook_id: str, hooks: Hooks, who: Who) -> HookBody:
    """Tell it nothing more."""
    return _shown(hooks.remove(hook_id, None if who.admin else who.name))


def _shown(hook: Webhook) -> HookBody:
    return HookBody(**hook.model_dump(exclude={"secret"}))
