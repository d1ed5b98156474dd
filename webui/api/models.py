"""Model files over HTTP: search, one model, its preview, what the user keeps of it."""

import io
from typing import Annotated, Any

from fastapi import Query
from fastapi.responses import Response
from PIL import Image
from pydantic import Field, JsonValue

from webui.api.errors import ANYWHERE, responses
from webui.api.identity import Viewer
from webui.api.native import IMMUTABLE, Api, Who
from webui.api.printed import PrintedRoute
from webui.api.router import Router
from webui.collection.cards import Entry, Wish, page_of
from webui.collection.fit import Room
from webui.core.plain import check_plain
from webui.core.request import FrozenModel
from webui.errors import NotFound
from webui.images.decode import image_bytes, read_image
from webui.library import KINDS
from webui.services import Services

router = Router(route_class=PrintedRoute, prefix="/api/v1/models", tags=["Models"], responses=responses(*ANYWHERE))


class Asked(Wish):
    """What is asked for, page by page."""

    cursor: str = ""
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class Changes(FrozenModel):
    """What is to be kept of a model; what is left out stays as it is. `defaults` are values of a request, such as `{"steps": 30}`."""

    notes: JsonValue = None
    favourite: JsonValue = None
    tags: JsonValue = None
    trigger: JsonValue = None
    weight: JsonValue = None
    defaults: JsonValue = None


@router.get("")
def list_models(
    api: Api,
    who: Who,
    wish: Annotated[Asked, Query()],
) -> dict[str, Any]:
    """Model files: of a kind, a family, a base model, with a tag, with all words of `q`; `next` is the cursor of the next page."""
    found = api.collection.find(wish)
    page, after = page_of(found, wish.cursor, wish.limit)
    return {"models": [shown(each, who) for each in page], "total": len(found), "next": after}


@router.get("/overview")
def overview(api: Api, who: Who) -> dict[str, Any]:
    """How many models there are of each kind and family, the folders that they lie in, and how far their hashing is."""
    cards = [each.card for each in api.collection.entries()]
    kinds = {kind: sum(card.kind == kind for card in cards) for kind in KINDS}
    families: dict[str, int] = {}
    for card in cards:
        families[card.family] = families.get(card.family, 0) + 1
    folders = list(api.library.looked_at) if who.admin else []
    return {"kinds": kinds, "families": families, "folders": folders, "hashing": api.collection.hashing().model_dump()}


@router.delete("/{model_id}", responses=responses(404))
def discard(model_id: str, api: Api, who: Who) -> dict[str, str]:
    """Move a model, with what lies beside it, to a hidden folder `.bin` where it was; `moved_to` says where."""
    who.must_be_admin("move models to the bin")
    return {"id": model_id, "moved_to": str(api.collection.discard(model_id))}


@router.post("/{model_id}/recognise", responses=responses(404, 409, 502))
def recognise(model_id: str, api: Api, who: Who) -> dict[str, Any]:
    """Ask Civitai by the file's sha256 what it is, and keep the answer beside it. That tells the site that you own it."""
    who.must_be_admin("ask Civitai about models")
    found = api.collection.get(model_id)
    api.downloads.recognise(found.model)
    return shown(api.collection.refreshed(model_id), who)


@router.get("/{model_id}", responses=responses(404))
def get_model(model_id: str, api: Api, who: Who) -> dict[str, Any]:
    """One model, with what it takes of this machine's memory, and the ids of those with the same content."""
    found = api.collection.get(model_id)
    same = [each.card.id for each in api.collection.entries() if each.card.sha256 and each.card.sha256 == found.card.sha256]
    fits = [fit.model_dump() for room in rooms(api) if (fit := api.collection.fit(found, room)) is not None]
    used = api.collection.usage(found).model_dump(mode="json") if who.admin else None
    return {**shown(found, who), "used": used, "fits": fits, "same": [each for each in same if each != model_id]}


@router.patch("/{model_id}", responses=responses(404))
def change_model(model_id: str, changes: Changes, api: Api, who: Who) -> dict[str, Any]:
    """Change what is kept of a model: notes, favourite, tags, trigger words, a LoRA's usual weight, a checkpoint's defaults."""
    who.must_be_admin("change what is kept of models")
    body = changes.model_dump(exclude_unset=True)
    check_plain(body)
    if isinstance(body.get("defaults"), dict):
        body["defaults"] = api.capabilities.named_defaults(body["defaults"])
    return shown(api.collection.change(model_id, body), who)


@router.get("/{model_id}/preview", responses=responses(404))
def preview(model_id: str, api: Api, size: Annotated[int, Query(ge=64, le=1024)] = 384) -> Response:
    """The picture that lies beside a model, as a small JPEG; 404 where there is none."""
    path = api.collection.get(model_id).beside.preview
    if path is None:
        raise NotFound("There is no picture beside this model.")
    image = read_image(image_bytes(path, "preview"), "preview")
    return Response(small_jpeg(image, size), media_type="image/jpeg", headers=IMMUTABLE)


def small_jpeg(image: Image.Image, size: int) -> bytes:
    """A picture as a JPEG that is no side longer than `size`."""
    small = image.convert("RGB")
    small.thumbnail((size, size))
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=85)
    return stream.getvalue()


def rooms(api: Services) -> list[Room]:
    """The devices that the engines run on."""
    wanted = api.settings.current().dtype
    engines = api.queue.engines_body()["engines"]
    return [
        Room(device=each["device"], dtype=_usual(each["device"]) if wanted == "auto" else wanted, memory=each["device_total"])
        for each in engines
    ]


def _usual(device: str) -> str:
    return "float32" if device.startswith("cpu") else "float16"


def shown(found: Entry, who: Viewer) -> dict[str, Any]:
    """A model's JSON; where its file lies is for who runs this Darkroom."""
    body = found.card.model_dump(mode="json", exclude=None if who.admin else {"file"})
    address = f"{who.root}/api/v1/models/{found.card.id}"
    stamp = found.beside.preview.name if found.beside.preview else ""
    return {**body, "url": address, "preview": f"{address}/preview" if stamp else None}
