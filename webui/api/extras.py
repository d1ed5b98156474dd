"""`/api/v1/extras`: the finish chain for pictures that exist, by their ids, or for a folder of this machine."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from webui.api import bodies
from webui.api.errors import ANYWHERE, responses
from webui.api.native import Api, Who
from webui.api.printed import PrintedRoute
from webui.api.router import Router
from webui.api.schema import answer
from webui.api.shapes import job_body
from webui.api.submitting import check_ids, submit_job
from webui.core.finish import Steps
from webui.core.request import MAX_SEED, MAX_SIDE, MOST_INPUTS, FrozenModel, GenerationRequest, parse_request
from webui.errors import RequestError
from webui.gallery.folder import MOST_FILES, PassedOver, take_folder

OF_A_FOLDER = 10
"""Pictures of one job: between two jobs others have their turn."""
MOST_NAMED = 5
router = Router(route_class=PrintedRoute, prefix="/api/v1", tags=["Darkroom"], responses=responses(*ANYWHERE))


class ExtrasBody(FrozenModel):
    """Which pictures, and what is done to them: ids of uploads or of pictures in the gallery, or a folder of the server's machine."""

    images: tuple[str, ...] = Field((), max_length=MOST_FILES, description="Ids, of which each job takes up to 100.")
    folder: str = Field("", max_length=4000, description="A whole path; only for who runs this Darkroom. Its own folders are not entered.")
    finish: Steps = Field(description="The steps, see docs/extras.md.")
    upscale_tile: int = Field(192, ge=0, le=MAX_SIDE)
    upscale_overlap: int = Field(8, ge=0, le=256)
    seed: int = Field(-1, ge=-1, le=MAX_SEED)


@router.post("/extras", status_code=201, responses=responses(404), openapi_extra=answer(bodies.ExtrasJobs, 201))
def extras(body: ExtrasBody, api: Api, who: Who) -> dict[str, Any]:
    """Queue jobs that do a finish chain to existing pictures. Originals stay as they are; the results go to the gallery.

    A folder's other files, and pictures that cannot be read or would become too large, are passed over and named.
    """
    if body.folder and body.images:
        raise RequestError("folder", "Give pictures or a folder, not both.")
    if not body.folder:
        requests = [_request(body, part) for part in _parts(body.images, MOST_INPUTS)] or [_request(body, ())]
        check_ids(api, who, body.images, "images")  # all of them, before the first job
        return {"jobs": [job_body(api.queue, submit_job(api, who, request), who) for request in requests], "passed_over": []}
    who.must_be_admin("name a folder of this machine")
    _request(body, ("0" * 64,))
    found = take_folder(Path(body.folder), api.gallery, who.name, body.finish)
    if not found.records:
        raise RequestError("folder", f"There is no picture in this folder that this can be done to.{_named(found.passed_over)}")
    ids = [record.id for record in found.records]
    jobs = [submit_job(api, who, _request(body, part)) for part in _parts(ids, OF_A_FOLDER)]
    passed_over = [{"name": each.name, "why": each.why} for each in found.passed_over]
    return {"jobs": [job_body(api.queue, job, who) for job in jobs], "passed_over": passed_over}


def _request(body: ExtrasBody, images: Sequence[str]) -> GenerationRequest:
    fields = body.model_dump(mode="json", exclude={"images", "folder"})
    return parse_request({"mode": "extras", "inputs": list(images), **fields})


def _named(files: Sequence[PassedOver]) -> str:
    """The first files that were passed over, with why, and how many more there are."""
    more = f" And {len(files) - MOST_NAMED} other files." if len(files) > MOST_NAMED else ""
    return "".join(f" {each.name}: {each.why}" for each in files[:MOST_NAMED]) + more


def _parts(images: Sequence[str], size: int) -> list[Sequence[str]]:
    return [images[start : start + size] for start in range(0, len(images), size)]
