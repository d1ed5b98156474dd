"""Getting models over HTTP: the list of downloads, and what can be done with each. For who runs this Darkroom."""

from typing import Any

from webui.api.errors import ANYWHERE, responses
from webui.api.native import Api, Who
from webui.api.printed import PrintedRoute
from webui.api.router import Router
from webui.core.plain import check_plain
from webui.core.request import FrozenModel
from webui.downloads.staging import Download

router = Router(route_class=PrintedRoute, prefix="/api/v1/models", tags=["Models"], responses=responses(*ANYWHERE))


class Wanted(FrozenModel):
    """`source` is `hf:owner/repository[:file]`, `civitai:VERSION` or an address; `kind` is for what its site does not say."""

    source: str
    file: str = ""
    kind: str = ""


class Further(FrozenModel):
    """`kind` is for a download that failed because that was not known."""

    kind: str = ""


@router.post("/downloads", status_code=201, responses=responses(409, 502))
def begin(wanted: Wanted, api: Api, who: Who) -> dict[str, Any]:
    """Fetch a model into the models folder; the same one again goes on where it was."""
    who.must_be_admin("fetch models")
    check_plain(wanted.model_dump())
    return download_body(api.downloads.add(wanted.source, wanted.file, wanted.kind))


@router.get("/downloads")
def list_downloads(api: Api, who: Who) -> dict[str, Any]:
    """All downloads that are under way, paused, failed or done, oldest first."""
    who.must_be_admin("fetch models")
    return {"downloads": [download_body(each) for each in api.downloads.list()], "offline": api.settings.current().offline}


@router.get("/downloads/{download_id}", responses=responses(404))
def get_download(download_id: str, api: Api, who: Who) -> dict[str, Any]:
    """One download."""
    who.must_be_admin("fetch models")
    return download_body(api.downloads.get(download_id))


@router.post("/downloads/{download_id}/pause", responses=responses(404, 409))
def pause(download_id: str, api: Api, who: Who) -> dict[str, Any]:
    """Halt a download; what has come is kept."""
    who.must_be_admin("fetch models")
    return download_body(api.downloads.pause(download_id))


@router.post("/downloads/{download_id}/resume", responses=responses(404, 409))
def resume(download_id: str, api: Api, who: Who, further: Further | None = None) -> dict[str, Any]:
    """Go on with a download that was paused or has failed."""
    who.must_be_admin("fetch models")
    return download_body(api.downloads.resume(download_id, further.kind if further else ""))


@router.delete("/downloads/{download_id}", responses=responses(404))
def remove(download_id: str, api: Api, who: Who) -> dict[str, Any]:
    """Take a download off the list, with what has come of it. A model that has arrived stays."""
    who.must_be_admin("fetch models")
    return download_body(api.downloads.remove(download_id))


def download_body(download: Download) -> dict[str, Any]:
    """A download's JSON."""
    offer = download.offer
    about = {"title": offer.title, "licence": offer.licence, "base": offer.base, "page": offer.page, "needs": offer.needs}
    return {**download.model_dump(mode="json", exclude={"offer"}), **about, "files": [file.path for file in offer.files]}
