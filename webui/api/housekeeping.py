"""Keeping models in order over HTTP: what is there twice or unused, saving anew, what is kept of models as files."""

from typing import Annotated, Any

from fastapi import Query

from webui.api.errors import ANYWHERE, responses
from webui.api.models import shown
from webui.api.native import Api, Who
from webui.api.printed import PrintedRoute
from webui.api.router import Router
from webui.collection.converting import NumberType
from webui.core.foreign import INDEX
from webui.core.names import printable
from webui.core.request import FrozenModel
from webui.errors import RequestError

router = Router(route_class=PrintedRoute, prefix="/api/v1/models", tags=["Models"], responses=responses(*ANYWHERE))


class Anew(FrozenModel):
    """`to` is the numbers' type in the new file; "keep" leaves them as they are, for a pickled file that becomes `.safetensors`."""

    to: NumberType = "keep"


@router.get("/duplicates")
def duplicates(api: Api, who: Who) -> dict[str, Any]:
    """Groups of models with the same content, as far as they are hashed."""
    return {"groups": [[shown(each, who) for each in group] for group in api.collection.duplicates()]}


@router.get("/unused")
def unused(api: Api, who: Who, days: Annotated[int, Query(ge=1, le=36500)] = 365) -> dict[str, Any]:
    """Models that no job has named for so many days, the largest first."""
    who.must_be_admin("see which models nobody uses")
    return {"models": [shown(each, who) for each in api.collection.unused(days)]}


@router.get("/conversions")
def conversions(api: Api, who: Who) -> dict[str, Any]:
    """Models that are being saved anew, or were, oldest first."""
    who.must_be_admin("convert models")
    return {"conversions": [each.model_dump() for each in api.conversions.list()]}


@router.delete("/conversions/{conversion_id}", responses=responses(404))
def stop_conversion(conversion_id: str, api: Api, who: Who) -> dict[str, Any]:
    """Stop a conversion, or take one that has ended off the list; nothing half is left, and a new file that has come stays."""
    who.must_be_admin("convert models")
    return api.conversions.remove(conversion_id).model_dump()


@router.post("/export")
def export_all(api: Api, who: Who) -> dict[str, Any]:
    """Write what is kept of all models (notes, tags, trigger words, weights, defaults) beside them, as A1111 reads it.

    `refused` says what could not be written, and why.
    """
    who.must_be_admin("write files beside models")
    written, refused = api.collection.export_all()
    return {"written": [printable(str(path)) for path in written], "refused": [printable(said) for said in refused]}


@router.post("/{model_id}/export", responses=responses(404, 409))
def export_one(model_id: str, api: Api, who: Who) -> dict[str, Any]:
    """The same of one model: `NAME.json`, and `NAME.txt` with its trigger words where there is none. What others wrote there stays."""
    who.must_be_admin("write files beside models")
    return {"written": [printable(str(path)) for path in api.collection.export(model_id)]}


@router.post("/{model_id}/convert", status_code=202, responses=responses(404, 409))
def convert(model_id: str, wanted: Anew, api: Api, who: Who) -> dict[str, Any]:
    """Save a model anew as `.safetensors` beside its file, which stays; `GET /api/v1/models/conversions` says how far it is."""
    who.must_be_admin("convert models")
    found = api.collection.get(model_id)
    if found.model.path.name == INDEX:
        raise RequestError("to", "This model is a folder. Only single files are converted.")
    if found.card.error:
        raise RequestError("to", f"This file cannot be read: {found.card.error}")
    return api.conversions.add(model_id, found.model, wanted.to).model_dump()
