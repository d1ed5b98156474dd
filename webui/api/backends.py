"""`/api/v1/backends`: the places besides this machine that make pictures, whether they may be used, and what their models can do."""

from typing import Any

from webui.api.deeds import Done
from webui.api.errors import ANYWHERE, responses
from webui.api.native import Api, Who
from webui.api.printed import PrintedRoute
from webui.api.router import Router
from webui.api.wishes import Wish
from webui.core.backend import BackendModel
from webui.core.request import FrozenModel
from webui.errors import BackendError, NotFound, RequestError
from webui.plugins.backends import BackendSpec
from webui.services import Services

router = Router(route_class=PrintedRoute, prefix="/api/v1/backends", tags=["Darkroom"], responses=responses(*ANYWHERE))


class BackendBody(FrozenModel):
    """A place that makes pictures. `told` says where it is and what is sent there; `accepted`: somebody has confirmed that.

    `key` is where its key is from (a variable's name, `keyring`, `file`), empty for none; the key itself is told to nobody.
    """

    name: str
    title: str
    kind: str
    on: bool
    accepted: bool
    told: str
    key: str
    needs_key: bool
    previews: bool
    cancels: bool
    resumes: bool
    running: int
    models: tuple[BackendModel, ...]


class BackendList(FrozenModel):
    """All backends; who is no admin sees those that are on."""

    backends: tuple[BackendBody, ...]


class BackendWish(Wish):
    """What to change. A `key` is kept where only this machine's owner can read it; an empty one is forgotten."""

    on: bool | None = None
    accepted: bool | None = None
    key: str | None = None


@router.get("")
def list_backends(api: Api, who: Who, models: bool = True) -> BackendList:
    """Every backend, with the models of those that are on. `models=false` asks none of them."""
    running = api.backend_pool.running()
    specs = api.backends.specs() if who.admin else api.backends.usable()
    return BackendList(backends=tuple(_body(api, spec, running.get(spec.name, 0), models) for spec in specs.values()))


@router.get("/model", responses=responses(502))
def model(api: Api, where: str, checkpoint: str) -> BackendModel:
    """What a model of a backend honours: its fields, bounds and price. It is asked for at the backend."""
    spec = api.backends.spec(where)
    if not api.backends.is_on(spec):
        raise RequestError("where", f"{spec.title} is off.")
    api.backends.check_key(spec)
    try:
        return api.backends.model(spec, checkpoint)
    except BackendError as error:
        raise RequestError("checkpoint", str(error)) from None


@router.patch("/{name}", responses=responses(404))
def change(name: str, wish: BackendWish, api: Api, who: Who, done: Done) -> BackendBody:
    """Switch a provider on or off, confirm what is sent there, give its key."""
    done.say(f"changed {', '.join(sorted(wish.model_fields_set))} of the provider {name}")
    who.must_be_admin("change where pictures are made")
    spec = _named(api, name)
    now = api.settings.current()
    changes: dict[str, Any] = {}
    if wish.on is not None:
        changes["backends"] = _with(now.backends, spec.name, wish.on)
    if wish.accepted is not None:
        changes["backends_accepted"] = _with(now.backends_accepted, spec.name, wish.accepted)
    if wish.key is not None:
        api.backends.keys.set(spec.name, wish.key)
        api.backends.forget(spec.name)
    if changes:
        api.settings.change(changes)
    return _body(api, spec, api.backend_pool.running().get(spec.name, 0), False)


@router.post("/{name}/accept", responses=responses(404))
def accept(name: str, api: Api, who: Who, done: Done) -> BackendBody:
    """Confirm where a provider is and what is sent there. Until then nothing is."""
    return change(name, BackendWish(accepted=True), api, who, done)


def _named(api: Services, name: str) -> BackendSpec:
    try:
        return api.backends.spec(name)
    except RequestError as error:
        raise NotFound(error.message) from None


def _with(names: tuple[str, ...], name: str, wanted: bool) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*names, name))) if wanted else tuple(each for each in names if each != name)


def _body(api: Services, spec: BackendSpec, running: int, models: bool) -> BackendBody:
    on = api.backends.is_on(spec)
    return BackendBody(
        name=spec.name,
        title=spec.title,
        kind=spec.kind,
        on=on,
        accepted=api.backends.is_accepted(spec),
        told=api.backends.told(spec),
        key=api.backends.key_source(spec),
        needs_key=spec.needs_key,
        previews=spec.previews,
        cancels=spec.cancels,
        resumes=spec.resumes,
        running=running,
        models=api.backends.models(spec) if on and models else (),
    )
