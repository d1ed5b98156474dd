"""Checks a finish chain against what there is: upscalers, pictures, extensions' steps, and how large the picture becomes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from webui.core.detail import DetailStep
from webui.core.finish import (
    ExtensionStep,
    FinishStep,
    FormatStep,
    MatchColorsStep,
    RestoreStep,
    UpscaleStep,
    is_own,
    size_after_step,
    upscaled_size,
)
from webui.core.protocol import Capabilities
from webui.core.request import MAX_SIDE as MOST_SIDE
from webui.core.request import MIN_SIDE, GenerationRequest, HiresOptions, ResolvedRequest, request_error_from
from webui.core.sd_upscale import SdUpscaleStep
from webui.core.sizes import check_tiles
from webui.errors import RequestError
from webui.images.decode import MAX_PIXELS, MAX_SIDE
from webui.images.finishers import BUILTIN_FINISHERS
from webui.images.finishing import NO_COLORS, check_format, is_none
from webui.images.sd_upscaling import count_of, tile_of
from webui.images.upscaling import FILTERS, LATENT_UPSCALERS
from webui.library import Library

Steps = tuple[FinishStep, ...]


def builtin_steps() -> dict[str, type[BaseModel]]:
    """The models of our own steps, by name."""
    return {finisher.name: finisher.model for finisher in BUILTIN_FINISHERS}


@dataclass(frozen=True)
class ChainContext:
    """What a chain is checked against. Each function gives a name as it is here and raises `RequestError` for one that is not.

    `steps` gives the models of all steps by name; `starts` says that there is a start picture. `detail` gives a step with its names as
    they are here, and in Extras with nothing left to choose. `made` is the size at which the picture is painted first.
    """

    upscaler: Callable[[str], str]
    restorer: Callable[[str], str]
    detector: Callable[[str], str]
    picture: Callable[[str], object]
    detail: Callable[[DetailStep], DetailStep]
    steps: Callable[[], Mapping[str, type[BaseModel]]]
    starts: bool
    made: tuple[int, int] = (0, 0)


def checked_chain(steps: Steps, size: tuple[int, int], context: ChainContext) -> Steps:
    """The same chain with names as they are here, for a picture of `size`. Raises `RequestError` on the step that cannot be carried out."""
    checked: list[FinishStep] = []
    for number, step in enumerate(steps):
        try:
            checked.append(_checked(step, size, context))
        except RequestError as error:
            inner = f".{error.field}" if error.field else ""
            raise RequestError(f"finish.{number}{inner}", error.message) from None
        size = size_after_step(size, step)
    return tuple(checked)


def resolved_extras(
    request: GenerationRequest, context: ChainContext, size_of: Callable[[str], tuple[int, int]], seed: Callable[[int], int]
) -> ResolvedRequest:
    """A job of Extras with nothing left to choose; what only generating has a use for is left out. Raises `RequestError`."""
    sizes, steps = [size_of(image) for image in request.inputs], request.finish
    for number, size in enumerate(sizes, 1):
        try:
            steps = checked_chain(request.finish, size, context)
        except RequestError as error:
            which = f"Picture {number}: " if len(sizes) > 1 and error.field.endswith(".scale") else ""
            raise RequestError(error.field, which + error.message) from None
    width, height = (min(max(round(side / 8) * 8, MIN_SIDE), MOST_SIDE) for side in sizes[0])
    return ResolvedRequest(
        mode="extras",
        inputs=request.inputs,
        finish=steps,
        prompt=request.prompt,
        upscale_tile=request.upscale_tile,
        upscale_overlap=request.upscale_overlap,
        deterministic=request.deterministic,
        checkpoint="",
        width=width,
        height=height,
        steps=1,
        sampler="None",
        schedule="None",
        guidance=1.0,
        seed=seed(request.seed),
        variation_seed=0,
    )


def _checked(step: FinishStep, size: tuple[int, int], context: ChainContext) -> FinishStep:
    match step:
        case UpscaleStep():
            return _upscale(step, size, context)
        case RestoreStep():
            detector = step.detector if step.aligned else context.detector(step.detector)
            return step.model_copy(update={"model": context.restorer(step.model), "detector": detector})
        case DetailStep():
            return context.detail(step)
        case SdUpscaleStep():
            return _sd_upscale(step, size, context)
        case MatchColorsStep(image=None) if not context.starts:
            raise RequestError("image", NO_COLORS)
        case MatchColorsStep(image=str(image)):
            context.picture(image)
        case FormatStep():
            check_format(size, step)
        case ExtensionStep():
            return _extension(step, context)
    return step


def _upscale(step: UpscaleStep, size: tuple[int, int], context: ChainContext) -> UpscaleStep:
    """Raises `RequestError` for a result that could not be opened again."""
    if is_none(step.upscaler):
        return step
    width, height = upscaled_size(size, step.model_copy(update={"crop": False}))
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        said = f"The result would have {width}×{height} pixels; at most {MAX_PIXELS // 2**20} million can be made and shown."
        raise RequestError("scale", f"{said} Choose a smaller size.")
    names = {"upscaler": _named("upscaler", step.upscaler, context)}
    if is_own(step) and names["upscaler"].lower() in FILTERS:
        raise RequestError("scale", f"{names['upscaler']} has no factor of its own. Say by how much.")
    if step.second_visibility and not is_none(step.second):
        names["second"] = _named("second", step.second, context)
    return step.model_copy(update=names)


def _sd_upscale(step: SdUpscaleStep, size: tuple[int, int], context: ChainContext) -> SdUpscaleStep:
    """Raises `RequestError` for a result that is too large, or in more tiles than anybody would wait for."""
    named = _upscale(UpscaleStep(upscaler=step.upscaler, scale=step.scale), size, context)
    whole = step.painted_as(context.detail(step.painting)).model_copy(update={"upscaler": named.upscaler})
    large, tile = size_after_step(size, whole), tile_of(whole, context.made)
    check_tiles("width", count_of(large, tile, whole), tile, "in this step")
    return whole


def _named(field: str, name: str, context: ChainContext) -> str:
    try:
        return context.upscaler(name)
    except RequestError as error:
        raise RequestError(field, error.message) from None


def _extension(step: ExtensionStep, context: ChainContext) -> ExtensionStep:
    known = {name.lower(): name for name in context.steps() if name not in builtin_steps()}
    name = known.get(step.name.strip().lower())
    if name is None:
        there = f"There are: {', '.join(known.values())}." if known else "No extension adds one."
        raise RequestError("name", f"There is no step named {step.name!r} that an extension adds. {there}")
    model = context.steps()[name]
    try:
        values = model.model_validate(step.values).model_dump(mode="json")
    except ValidationError as error:
        first = request_error_from(error, model)
        raise RequestError(f"values.{first.field}", first.message) from None
    return ExtensionStep(name=name, values=values)


def end_size(width: int, height: int, mode: str, hires: HiresOptions | None) -> tuple[int, int]:
    """About the size that pictures have before the finish chain."""
    if hires is None or mode != "txt2img":
        return width, height
    return hires.width or int(width * hires.scale), hires.height or int(height * hires.scale)


def restorer_name(name: str, library: Library) -> str:
    """The name of a face restoration file; the first one where none is named. Raises `RequestError`."""
    files = [file for file in library.models("face_restorer") if not file.error]
    if name:
        return library.find("face_restorer", name).name
    if not files:
        raise RequestError("model", "There is no network for faces yet. Put GFPGANv1.4.pth into models/GFPGAN, then refresh the list.")
    return files[0].name


def upscaler_name(name: str, library: Library, capabilities: Capabilities, field: str = "hires.upscaler") -> str:
    """The name of a registered upscaler, or of a file; any name where no engine has said yet what there is. Raises `RequestError`.

    Those of latents are for the second pass alone.
    """
    without = () if field == "hires.upscaler" else LATENT_UPSCALERS
    known = {upscaler.lower(): upscaler for upscaler in capabilities.upscalers if upscaler not in without}
    if (registered := known.get(name.strip().lower())) is not None:
        return registered
    try:
        file = library.find("upscaler", name)
    except RequestError:
        if not capabilities.upscalers:
            return name
        names = [*known.values(), *(file.name for file in library.models("upscaler"))]
        raise RequestError(field, f"There is no upscaler named {name!r}. There are: {', '.join(names)}.") from None
    if file.error:
        raise RequestError(field, file.error)
    return file.name
