"""How every route submits: a job begins with pictures of who submits it, and whoever knows the id of another's gets nothing by it."""

import json
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress

from pydantic import JsonValue

from webui.api.identity import Viewer
from webui.core.grid import Grid, GridWish
from webui.core.job import Job
from webui.core.record import ImageRecord
from webui.core.request import GenerationRequest
from webui.errors import NotFound, RequestError
from webui.jobs.prompt_history import has_used
from webui.services import Services

_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


def may_see(api: Services, record: ImageRecord, who: Viewer) -> bool:
    """Whether a picture is this viewer's: an upload is everybody's who has sent it."""
    return who.may_touch(record.owner) or (record.kind == "upload" and api.gallery.index.is_upload_of(record.id, who.name))


def submit_job(
    api: Services, who: Viewer, request: GenerationRequest, priority: int = 0, key: str | None = None, notes: Sequence[str] = ()
) -> Job:
    """Queue a job of this viewer's; `key` makes it once for all calls. Raises what `JobQueue.submit` does."""
    _check(api, who, request.model_dump_json(), "init" if request.init else "images")
    return api.queue.submit(request, who.name, priority, key, notes=notes)


def make_grid(api: Services, who: Viewer, wish: GridWish) -> Grid:
    """Queue a grid of this viewer's. Raises what `Grids.create` does."""
    _check(api, who, wish.model_dump_json(), "request")
    return api.grids.create(wish, who.name)


def grow_grid(api: Services, who: Viewer, grid_id: str, axis: int, values: str | tuple[JsonValue, ...]) -> Grid:
    """Give an axis of a grid more values. Raises what `Grids.add` does."""
    _check(api, who, json.dumps(values), "values")
    return api.grids.add(grid_id, axis, values)


def _check(api: Services, who: Viewer, text: str, field: str) -> None:
    if not who.admin:
        check_ids(api, who, dict.fromkeys(_ID.findall(text)), field)


def check_ids(api: Services, who: Viewer, ids: Iterable[str], field: str = "image") -> None:
    """Raises `RequestError` on `field` for a picture that is not this viewer's."""
    for image_id in ids:
        if not _may_use(api, who, image_id):
            raise RequestError(field, f"There is no picture {image_id[:12]}… of yours. Upload it first, and use the id that you get.")


def _may_use(api: Services, who: Viewer, image_id: str) -> bool:
    """Their own result or upload, or what a job of theirs began with; and what is nobody's: that is refused for what it is."""
    if who.admin or api.gallery.index.is_upload_of(image_id, who.name):
        return True
    try:
        if may_see(api, api.gallery.index.get(image_id, trashed=True).record, who):
            return True
    except NotFound:
        with suppress(NotFound):
            api.gallery.store.upload_path(image_id)
            return has_used(api.queue.store.database, who.name, image_id)
        return True
    return has_used(api.queue.store.database, who.name, image_id)
