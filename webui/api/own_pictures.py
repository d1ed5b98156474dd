"""A job starts from pictures of who submits it: whoever knows another's id gets nothing by it."""

import re
from collections.abc import Iterable
from contextlib import suppress

from pydantic import BaseModel

from webui.api.identity import Viewer
from webui.core.record import ImageRecord
from webui.errors import NotFound, RequestError
from webui.jobs.prompt_history import has_used
from webui.services import Services

_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


def may_see(api: Services, record: ImageRecord, who: Viewer) -> bool:
    """Whether a picture is this viewer's: an upload is everybody's who has sent it."""
    return who.may_touch(record.owner) or (record.kind == "upload" and api.gallery.index.is_upload_of(record.id, who.name))


def check_own(api: Services, who: Viewer, wish: BaseModel | str) -> None:
    """Raises `RequestError` where a request, or a text of it, names a picture that is not this viewer's."""
    if not who.admin:
        text = wish if isinstance(wish, str) else wish.model_dump_json()
        check_ids(api, who, dict.fromkeys(_ID.findall(text)), "init" if getattr(wish, "init", None) else "images")


def check_ids(api: Services, who: Viewer, ids: Iterable[str], field: str = "image") -> None:
    """The same for ids, as an error of `field`."""
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
