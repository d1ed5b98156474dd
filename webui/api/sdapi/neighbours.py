"""What A1111's clients call beside `/sdapi/v1`: ControlNet's routes, `/internal`, `/sd_extra_networks`; and what is not there at all."""

import json
from pathlib import Path
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.routing import BaseRoute, Match

from webui.api import encoding
from webui.api.native import Api, Who
from webui.api.router import Router
from webui.api.sdapi import listings, pictures, progress
from webui.api.sdapi.bodies import Detect, ProgressWish
from webui.api.sdapi.refusals import A1111Route, Refusal
from webui.api.sdapi.routes import REFUSED, Held
from webui.api.sdapi.routes import router as sdapi
from webui.errors import RequestError

NO_MODULES = ["None"]
PAGES = {"checkpoints": "checkpoint", "lora": "lora", "textual_inversion": "embedding", "hypernetworks": "hypernetwork"}
THUMBS = (".preview.png", ".png", ".preview.jpg", ".jpg", ".jpeg", ".webp")
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
Text = Annotated[str, Query(max_length=1000)]
router = Router(tags=["A1111"], route_class=A1111Route, responses=REFUSED)
control = Router(prefix="/controlnet", tags=["A1111"], route_class=A1111Route, responses=REFUSED)


@control.get("/version")
def version() -> dict[str, int]:
    """The version of its API that these routes have."""
    return {"version": 3}


@control.get("/model_list")
def model_list(update: bool = True) -> dict[str, list[str]]:
    """There are no ControlNet models that can be used."""
    return {"model_list": NO_MODULES}


@control.get("/module_list")
def module_list(alias_names: bool = False) -> dict[str, list[str]]:
    """There are no preprocessors."""
    return {"module_list": NO_MODULES}


@control.get("/control_types")
def control_types() -> dict[str, Any]:
    """One type, of nothing."""
    nothing = {"module_list": NO_MODULES, "model_list": NO_MODULES, "default_option": "None", "default_model": "None"}
    return {"control_types": {"All": nothing}}


@control.get("/settings")
def settings() -> dict[str, int]:
    """How many units a request may have."""
    return {"control_net_unit_count": 0}


@control.post("/detect")
def detect(body: Detect) -> dict[str, Any]:
    """Preprocess pictures; "None" gives them back."""
    if body.controlnet_module != "None":
        raise Refusal(422, "Module not available")
    if not body.controlnet_input_images:
        raise Refusal(422, "No image selected")
    for each in body.controlnet_input_images:
        pictures.picture_of(each)
    return {"images": [encoding.encoded(pictures.image_bytes(each)) for each in body.controlnet_input_images], "info": "Success"}


@router.get("/internal/ping")
def ping() -> dict[str, Any]:
    """The program answers."""
    return {}


@router.post("/internal/progress")
async def task_progress(body: ProgressWish, api: Api, calls: Held, who: Who) -> dict[str, Any]:
    """How far the job is that you sent with this `force_task_id`."""
    if body.live_preview:
        calls.watch.look()
    return await run_in_threadpool(progress.task_body, api.queue, calls, who.name, body.id_task, body.id_live_preview)


@router.get("/internal/pending-tasks")
def pending_tasks(api: Api, calls: Held, who: Who) -> dict[str, Any]:
    """Your tasks that wait or run."""
    waiting = {job.id for job in api.queue.jobs(("queued", "running"), owner=who.name)}
    tasks = [task for task, job_id in calls.tasks_of(who.name).items() if job_id in waiting]
    return {"size": len(tasks), "tasks": tasks}


def _file(api: Api, page: str, item: str) -> Any:
    """A model by A1111's page of it and its name. Raises `Refusal`."""
    kind = PAGES.get(page.strip().lower().replace(" ", "_"))
    try:
        return api.library.find(kind, item) if kind and item else None
    except RequestError:
        return None


@router.get("/sd_extra_networks/metadata")
def network_metadata(api: Api, page: Text = "", item: Text = "") -> dict[str, Any]:
    """What a model file says of itself, as a JSON text."""
    model = _file(api, page, item)
    return {"metadata": json.dumps(listings.metadata(model.path), indent=4, ensure_ascii=False)} if model is not None else {}


@router.get("/sd_extra_networks/thumb")
def network_thumb(api: Api, filename: Text = "") -> Response:
    """The picture beside a model file; `filename` is the picture's or the model's path as `/sdapi/v1` lists it."""
    stem = filename.partition(".preview")[0] if ".preview" in filename else filename.rpartition(".")[0]
    for model in [model for kind in PAGES.values() for model in api.library.models(kind)]:
        if stem and Path(listings.below(api, model)).with_suffix("").as_posix() == stem and (found := _beside(model.path)) is not None:
            return FileResponse(found)
    raise Refusal(404, "File not found")


@router.get("/sd_extra_networks/cover-images")
def network_cover(api: Api, page: Text = "", item: Text = "", index: int = 0) -> Response:
    """The picture beside a model file."""
    model = _file(api, page, item)
    found = _beside(model.path) if model is not None and index == 0 else None
    if found is None:
        raise Refusal(404, "File not found")
    return FileResponse(found)


@router.get("/sd_extra_networks/get-single-card")
def network_card(api: Api, page: Text = "", tabname: Text = "", name: Text = "") -> dict[str, str]:
    """A1111's page asks for a card's HTML; Darkroom's page has its own."""
    return {"html": ""}


def _beside(path: Path) -> Path | None:
    return next((found for suffix in THUMBS if (found := path.with_suffix(suffix)).is_file() and not found.is_symlink()), None)


@router.api_route("/sdapi/{rest:path}", methods=METHODS, include_in_schema=False)
@router.api_route("/controlnet/{rest:path}", methods=METHODS, include_in_schema=False)
@router.api_route("/internal/{rest:path}", methods=METHODS, include_in_schema=False)
@router.api_route("/sd_extra_networks/{rest:path}", methods=METHODS, include_in_schema=False)
async def not_here(request: Request, rest: str) -> Response:
    """404, or 405 where another method is meant; a slash too many at the end is sent on, as A1111 does."""
    known = [route for route in (*sdapi.routes, *control.routes, *router.routes) if "{rest" not in getattr(route, "path", "")]
    bare = {**request.scope, "path": request.scope["path"].rstrip("/")}
    if bare["path"] != request.scope["path"] and any(route.matches(bare)[0] is Match.FULL for route in known):
        return RedirectResponse(str(request.url.replace(path=bare["path"])), 307)
    allowed = sorted({method for route in known for method in _methods(route, request)})
    if allowed:
        return JSONResponse({"detail": "Method Not Allowed"}, 405, headers={"Allow": ", ".join(allowed)})
    return JSONResponse({"detail": "Not Found"}, 404)


def _methods(route: BaseRoute, request: Request) -> set[str]:
    """Another method's route of this path."""
    found, _ = route.matches(request.scope)
    return set(getattr(route, "methods", None) or ()) if found is Match.PARTIAL else set()
