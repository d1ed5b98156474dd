"""`/api/v1/regions`: what the detailer would paint again in a picture, before it runs."""

import base64
import io
from collections.abc import Mapping
from typing import Any

from PIL import Image
from pydantic import Field

from webui.api.bodies import DetectorList, RegionBody, RegionList
from webui.api.errors import ANYWHERE, responses
from webui.api.native import Api, Who, image_of
from webui.api.printed import PrintedRoute
from webui.api.router import Router
from webui.api.schema import answer
from webui.core.detail import DetailStep
from webui.core.plain import check_plain
from webui.core.request import FrozenModel
from webui.images.decode import image_bytes, read_image
from webui.images.pixels import flatten, prepare_mask
from webui.images.regions import Chosen, choose, given

router = Router(route_class=PrintedRoute, prefix="/api/v1", tags=["Darkroom"], responses=responses(*ANYWHERE))


class RegionsBody(FrozenModel):
    """A picture by its id, and the step `detail` whose regions are asked for."""

    image: str = Field(max_length=64, description="Of an upload, or of a picture in the gallery.")
    step: DetailStep = DetailStep()
    masks: bool = Field(False, description="Whether the masks are wanted too.")


@router.get("/detectors", openapi_extra=answer(DetectorList))
def detectors(api: Api, who: Who) -> Mapping[str, Any]:
    """The names that a step `detail` takes as its detector, and why files of the detectors' folders cannot be used."""
    refused = {file.file_name: file.error for file in api.library.models("detector") if file.error}
    return DetectorList(detectors=tuple(api.detectors.names), refused=refused).model_dump(mode="json")


@router.post("/regions", responses=responses(404), openapi_extra=answer(RegionList))
def regions(body: RegionsBody, api: Api, who: Who) -> Mapping[str, Any]:
    """The regions of a picture that a step `detail` would paint again, in its order. Nothing is changed, no job is made."""
    check_plain(body.model_dump(mode="json"))
    data = image_bytes(api.gallery.path(image_of(api, body.image, who).record), "image")
    image, step = flatten(read_image(data, "image")), body.step
    found = given(step) if step.regions else api.detectors.detect(image, api.detectors.named(step.detector), step.confidence)
    return _answer(choose(found, image.size, step), image.size, body).model_dump(mode="json")


def _answer(chosen: Chosen, size: tuple[int, int], body: RegionsBody) -> RegionList:
    found = tuple(RegionBody(box=region.box, confidence=region.confidence, label=region.label) for region in chosen.regions)
    soft = (prepare_mask(mask, invert=False, blur=body.step.mask_blur) for mask in chosen.masks) if body.masks else ()
    return RegionList(width=size[0], height=size[1], regions=found, masks=tuple(map(_png, soft)), notes=chosen.notes)


def _png(mask: Image.Image) -> str:
    data = io.BytesIO()
    mask.save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()
