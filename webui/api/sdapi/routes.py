"""`/sdapi/v1`: A1111's routes. What is not there is answered in A1111's shape by `neighbours`."""

from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from webui.api.native import Api, Who
from webui.api.router import Router
from webui.api.sdapi import creating, extras, listings, options, pictures, progress, run, scripts
from webui.api.sdapi.bodies import ExtrasBatch, ExtrasSingle, Img2Img, Interrogate, PngInfo, Txt2Img
from webui.api.sdapi.calls import Calls
from webui.api.sdapi.creating import CreateEmbedding
from webui.api.sdapi.refusals import A1111Route, Refusal
from webui.core.plain import check_plain
from webui.errors import RequestError

REFUSED: dict[int | str, dict[str, Any]] = {
    status: {"description": said}
    for status, said in {
        400: "This server is not called so.",
        401: "A key is needed.",
        403: "Somebody else's to do.",
        404: "It is not there.",
        413: "More was sent than may be.",
        422: "A value is wrong; `detail` says which.",
        429: "A limit is reached.",
        500: "The job failed; `detail` says why.",
        507: "It cannot be saved.",
    }.items()
}


async def get_calls(request: Request) -> Calls:
    """What this room holds between calls."""
    return request.app.state.sdapi  # type: ignore[no-any-return]


Held = Annotated[Calls, Depends(get_calls)]
router = Router(prefix="/sdapi/v1", tags=["A1111"], route_class=A1111Route, responses=REFUSED)


@router.post("/txt2img")
async def txt2img(body: Txt2Img, api: Api, calls: Held, who: Who) -> Any:
    """Make pictures from words; answers when they are there."""
    return await run.generate(body, api, calls, who)


@router.post("/img2img")
async def img2img(body: Img2Img, api: Api, calls: Held, who: Who) -> Any:
    """Make pictures from a picture, with a mask or without."""
    return await run.generate(body, api, calls, who)


@router.post("/extra-single-image")
async def extra_single_image(body: ExtrasSingle, api: Api, calls: Held, who: Who) -> Any:
    """One picture larger or smaller: a job of the caller's."""
    return await extras.single(body, api, calls, who)


@router.post("/extra-batch-images")
async def extra_batch_images(body: ExtrasBatch, api: Api, calls: Held, who: Who) -> Any:
    """Several pictures larger or smaller: one job of the caller's."""
    return await extras.batch(body, api, calls, who)


@router.post("/png-info")
def png_info(body: PngInfo) -> dict[str, Any]:
    """What a picture says of how it was made."""
    return extras.png_info(body.image)


@router.post("/interrogate")
def interrogate(body: Interrogate) -> dict[str, Any]:
    """Describe a picture: there is no model for it."""
    if not body.image:
        raise Refusal(404, "Image not found")
    pictures.picture_of(body.image)
    raise extras.no_interrogator(body.model)


@router.get("/progress", response_model=None)
async def get_progress(api: Api, calls: Held, who: Who, skip_current_image: bool = False) -> Response:
    """How far your own job is, with its newest preview."""
    if not skip_current_image:
        calls.watch.look()
    if (standing := progress.running_standing(api.queue, calls, who.name)) is not None:
        return JSONResponse(progress.body_of(api.queue, standing, not skip_current_image))
    return JSONResponse(await run_in_threadpool(progress.body, api.queue, calls, who.name, not skip_current_image))


@router.post("/interrupt")
def interrupt(api: Api, calls: Held, who: Who) -> dict[str, Any]:
    """Stop your own jobs that run; where none runs, the one that waits first."""
    for job_id in api.queue.running_of(who.name) or [job.id for job in api.queue.jobs(("queued",), owner=who.name, limit=1)]:
        if (frame := api.queue.preview(job_id)) is not None:
            calls.keep_frame(job_id, frame[1])
        api.queue.cancel(job_id)
    return {}


@router.post("/skip")
def skip(api: Api, who: Who) -> None:
    """Leave the picture out that your job is making now."""
    for job_id in api.queue.running_of(who.name)[:1]:
        api.queue.cancel(job_id, "skip")


@router.get("/options")
def get_options(api: Api, calls: Held, who: Who) -> dict[str, Any]:
    """All options, with what you have set."""
    return calls.options.all(who.name)


@router.post("/options")
async def set_options(request: Request, response: Response, calls: Held, who: Who) -> None:
    """Set options for your own requests: all that are sent, or none. Those without effect are named in a header."""
    values = await _object(request)
    await run_in_threadpool(calls.options.set, who.name, values)
    response.headers.update(run.note_header(options.without_effect(values)))


async def _object(request: Request) -> dict[str, Any]:
    try:
        values = await request.json()
    except (ValueError, RecursionError):
        raise RequestError("options", "The body is not JSON.") from None
    if not isinstance(values, dict):
        raise RequestError("options", "The body must be a JSON object of options and their values.")
    check_plain(values, "options")
    return values


@router.get("/cmd-flags")
def cmd_flags(api: Api) -> dict[str, Any]:
    """How the program was started, without keys and folders."""
    return listings.flags(api)


@router.get("/samplers")
def samplers(api: Api) -> list[dict[str, Any]]:
    """Samplers."""
    return listings.samplers(api)


@router.get("/schedulers")
def schedulers(api: Api) -> list[dict[str, Any]]:
    """Schedules."""
    return listings.schedulers(api)


@router.get("/upscalers")
def upscalers(api: Api) -> list[dict[str, Any]]:
    """What makes pictures larger."""
    return listings.upscalers(api)


@router.get("/latent-upscale-modes")
def latent_upscale_modes() -> list[dict[str, Any]]:
    """What makes latents larger."""
    return listings.latent_upscale_modes()


@router.get("/sd-models")
def sd_models(api: Api) -> list[dict[str, Any]]:
    """Checkpoints."""
    return listings.sd_models(api)


@router.get("/sd-vae")
def sd_vae(api: Api) -> list[dict[str, Any]]:
    """VAE files."""
    return listings.modules(api)


@router.get("/sd-modules")
def sd_modules(api: Api) -> list[dict[str, Any]]:
    """VAE files, as Forge lists them."""
    return listings.modules(api)


@router.get("/hypernetworks")
def hypernetworks(api: Api) -> list[dict[str, Any]]:
    """Hypernetworks."""
    return listings.hypernetworks(api)


@router.get("/face-restorers")
def face_restorers(api: Api) -> list[dict[str, Any]]:
    """The networks for faces in models/GFPGAN and its like."""
    return listings.face_restorers(api)


@router.get("/realesrgan-models")
def realesrgan_models() -> list[dict[str, Any]]:
    """There are none."""
    return []


@router.get("/prompt-styles")
def prompt_styles(api: Api) -> list[dict[str, Any]]:
    """The rows of `styles.csv` in the data directory."""
    return [style.model_dump(exclude={"path"}) for style in api.words.styles.all().styles]


@router.get("/embeddings")
def embeddings(api: Api) -> dict[str, Any]:
    """Textual inversions."""
    return listings.embeddings(api)


@router.get("/loras")
def loras(api: Api) -> list[dict[str, Any]]:
    """LoRA files."""
    return listings.loras(api)


@router.get("/memory")
def memory(api: Api) -> dict[str, Any]:
    """Main memory and the GPU's."""
    return listings.memory(api)


@router.get("/scripts")
def list_scripts(api: Api) -> dict[str, list[str]]:
    """Scripts of both routes, in lower case."""
    return {route: scripts.names(api, route) for route in ("txt2img", "img2img")}


@router.get("/script-info")
def script_info(api: Api) -> list[dict[str, Any]]:
    """Scripts with their arguments."""
    return scripts.info(api)


@router.get("/extensions")
def extensions(api: Api) -> list[dict[str, Any]]:
    """Darkroom's extensions."""
    return listings.extensions(api)


@router.post("/refresh-checkpoints")
@router.post("/refresh-vae")
@router.post("/refresh-loras")
@router.post("/refresh-embeddings")
def refresh(api: Api) -> None:
    """Look for files that have come or gone."""
    listings.refresh(api)


@router.post("/unload-checkpoint")
def unload_checkpoint(api: Api, who: Who) -> dict[str, Any]:
    """Give the models' memory back as soon as nothing runs; the next job loads its own again."""
    who.must_be_admin("unload the models")
    api.engines.free_memory()
    return {}


@router.post("/reload-checkpoint")
def reload_checkpoint() -> dict[str, Any]:
    """Nothing to do: the next job loads its checkpoint."""
    return {}


@router.post("/create/embedding")
def create_embedding(body: CreateEmbedding, api: Api, calls: Held, who: Who) -> dict[str, str]:
    """Make a file of vectors to begin a training with, of the words of your checkpoint. One that is there stays, unless it may go."""
    checkpoint = calls.options.checkpoint(calls.options.set_by(who.name).get("sd_model_checkpoint", ""))
    with calls.creating:
        made = creating.create(body, checkpoint, api.settings.current().all_models_dirs)
    if made is None:
        return {"info": f"create embedding error: file {body.name} already exists"}
    listings.refresh(api)
    return {"info": f"create embedding filename: {made.parent.name}/{made.name}"}


@router.post("/create/hypernetwork")
def create_hypernetwork() -> None:
    """An empty hypernetwork is of use to A1111's training alone, which is not here."""
    raise RequestError("name", "Darkroom makes no empty hypernetworks, for it trains none. Put a finished file into models/hypernetworks.")
