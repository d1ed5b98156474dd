"""Replace every "choose for me" in a request, and check what needs the world: model files, samplers, pictures, extensions' values.

A stored request has no auto left, so that it means the same picture tomorrow, on another machine, or read from the picture's metadata.
"""

import difflib
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, JsonValue, ValidationError

from webui.abilities import check_family, check_variant
from webui.chain import ChainContext, builtin_steps, checked_chain, end_size, resolved_extras, restorer_name, upscaler_name
from webui.core.detail import SKIP, DetailStep
from webui.core.family import ModelDefaults
from webui.core.finish import FinishStep, MatchColorsStep
from webui.core.protocol import Capabilities
from webui.core.registry import Named
from webui.core.request import MAX_SIDE, MIN_SIDE, GenerationRequest, HiresOptions, ResolvedRequest, SamplerOptions, request_error_from
from webui.core.sizes import asked_size, chosen_tiles, outpainted
from webui.errors import CheckpointError, NotFound, RequestError
from webui.images.decode import look
from webui.images.finishing import is_none
from webui.library import OWN_VAE, Library, ModelFile
from webui.library.vocabulary import own_vocabulary
from webui.prompts.limits import Counting, check_prompt, check_prompts
from webui.samplers.catalog import (
    AUTOMATIC,
    BUILTIN_SAMPLERS,
    BUILTIN_SCHEDULES,
    find_sampler,
    find_schedule,
    implied_options,
    parse_sampler_name,
)
from webui.words.service import NO_WORDS, Words

RANDOM_SEEDS = 2**32


@dataclass(frozen=True)
class ResolveContext:
    """What a request is checked against. `picture` gives the file of an uploaded or made picture by its id (raises `NotFound`)."""

    library: Library
    image: Callable[[str], Path]
    capabilities: Callable[[], Capabilities]
    panels: Callable[[], Mapping[str, type[BaseModel]]]
    finishers: Callable[[], Mapping[str, type[BaseModel]]] = builtin_steps
    words: Words = NO_WORDS
    detector: Callable[[str], str] = str
    """Gives a detector's name as it is here; raises `RequestError` for one that cannot be used."""


def resolve(request: GenerationRequest, context: ResolveContext) -> ResolvedRequest:
    """Give the same request with nothing left to choose. Raises `RequestError` naming the field that cannot be carried out."""
    if request.mode == "extras":
        return resolved_extras(request, _chain_context(request, context), lambda image: _image_size(image, "inputs", context), _seed)
    chosen = {"seed": _seed(request.seed), "variation_seed": _seed(request.variation_seed)}
    request = context.words.put_into(request.model_copy(update=chosen), anew=request.seed == -1)
    checkpoint = _checkpoint(request, context)
    native, spec = checkpoint.native, context.library.families.get(checkpoint.family)
    sampler, schedule = _sampling(request, *known_or_usual(native, context.capabilities()), context.capabilities())
    check_family(request, sampler, schedule, spec, context.capabilities())
    check_variant(request, checkpoint.variant, checkpoint.file_name)
    request, own_size = _outpainted(request, context, spec.multiple_of)
    width, height = own_size or _size(request, (native.width, native.height), context, spec.multiple_of)
    _check_mask(request, context)
    hires = _hires(request, checkpoint, context)
    large = end_size(width, height, request.mode, hires)
    _check_prompts(request, hires, request.steps or native.steps or 1, sampler, checkpoint)
    return ResolvedRequest.model_validate(
        dict(request)
        | {
            "checkpoint": _title(context.library, checkpoint),
            "vae": _vae(request.vae, checkpoint, context.library),
            "refiner_checkpoint": _going_on(request.refiner_checkpoint, "refiner_checkpoint", checkpoint, context),
            "text_encoder": _text_encoder(request.text_encoder, checkpoint, context.library),
            "sampler": sampler,
            "schedule": schedule,
            "width": width,
            "height": height,
            "steps": request.steps or native.steps,
            "guidance": native.guidance if request.guidance is None else request.guidance,
            "extras": _extras(request.extras, context),
            "hires": hires,
            "tiles": chosen_tiles(request.tiles, (native.width, native.height), large),
            "init_upscaler": _init_upscaler(request, context),
            "finish": checked_chain(request.finish, large, _chain_context(request, context, (width, height))),
            "sampler_options": _implied(request),
        }
    )


def _checkpoint(request: GenerationRequest, context: ResolveContext) -> ModelFile:
    """The file meant, or the first whole one of a family we know. One that no engine loads is refused before it waits for one."""
    families, engines = context.library.families, context.capabilities().families

    def refusal(model: ModelFile) -> str:
        return families.refusal(model.family, model.variant, model.file_name, engines)

    def order(model: ModelFile) -> tuple[bool, bool, bool]:
        is_part, wants_picture = families.rank(model.family, model.variant)
        return is_part, bool(refusal(model)), wants_picture

    if request.checkpoint:
        found = context.library.find("checkpoint", request.checkpoint)
    elif usable := [model for model in context.library.models("checkpoint") if not model.error]:
        found = min(usable, key=order)
    else:
        raise RequestError("checkpoint", "No checkpoint yet. Put one into models/Stable-diffusion, then refresh the list.")
    if said := found.error or refusal(found):
        raise RequestError("checkpoint", said)
    return found


def _vae(name: str | None, checkpoint: ModelFile, library: Library) -> str | None:
    """A VAE file's name; without one, which A1111 calls Automatic, that of the file beside the checkpoint, or None for what is inside.

    "None" is what is inside, where there is a file beside too.
    """
    if name is not None and name.lower() not in OWN_VAE:
        return library.find("vae", name).name
    if "vae" in checkpoint.lacks and (checkpoint.vae is None or (name or "").lower() == "none"):
        names = [model.name for model in library.models("vae") if not model.error][:5]
        advice = f"Choose a VAE, such as {', '.join(names)}." if names else "Put one into models/VAE, then choose it."
        raise RequestError("vae", f"{checkpoint.file_name} has no VAE inside. {advice}")
    if checkpoint.vae is None:
        return None
    if name is not None and name.lower() == "none":
        return "None"
    if checkpoint.vae.error:
        said = f"{checkpoint.vae.error} It lies beside {checkpoint.file_name} and is its VAE: take it away, or choose another VAE."
        raise RequestError("vae", said)
    return checkpoint.vae.name


def _going_on(name: str | None, field: str, checkpoint: ModelFile, context: ResolveContext) -> str | None:
    """The title of the checkpoint that makes the last steps, or the second pass.

    Raises `RequestError` for one that cannot go on with these latents.
    """
    if name is None or name.lower() in OWN_VAE:
        return None
    try:
        found = _checkpoint(GenerationRequest(checkpoint=name), context)
    except RequestError as error:
        raise RequestError(field, error.message) from None
    families = context.library.families
    ours, theirs = families.get(checkpoint.family), families.get(found.family)
    if (ours.latent.space, ours.process) != (theirs.latent.space, theirs.process) or found.variant:
        said = f"{found.file_name} cannot go on with a picture of {checkpoint.file_name}: {theirs.title} works on other latents."
        raise RequestError(field, said if not found.variant else f"{found.file_name} is no plain model. Choose another one.")
    return _title(context.library, found)


def _text_encoder(name: str | None, checkpoint: ModelFile, library: Library) -> str | None:
    """The name of the checkpoint whose text encoders are taken; None for the checkpoint's own."""
    fitting = [model for model in library.models("checkpoint") if model.family == checkpoint.family and not model.error]
    fitting = [model for model in fitting if "text" not in model.lacks]
    title = library.families.get(checkpoint.family).title
    names = ", ".join(model.name for model in fitting[:5]) or f"a {title} checkpoint with one, which is not here yet"
    if name is None or name.lower() in OWN_VAE:
        if "text" in checkpoint.lacks:
            raise RequestError("text_encoder", f"{checkpoint.file_name} has no text encoder inside. Choose one of: {names}.")
        return None
    try:
        found = library.find("checkpoint", name)
    except RequestError as error:
        raise RequestError("text_encoder", error.message) from None
    if found.path not in [model.path for model in fitting]:
        raise RequestError("text_encoder", f"{found.file_name} has no text encoder of {title}. Choose one of: {names}.")
    return found.name


def _title(library: Library, checkpoint: ModelFile) -> str:
    try:
        return library.title(checkpoint)
    except CheckpointError as error:
        raise RequestError("checkpoint", str(error)) from None


def known_or_usual(native: ModelDefaults, capabilities: Capabilities) -> tuple[str, str]:
    """The sampler and schedule that a checkpoint was made for, if there are any of these names; else the usual ones."""
    try:
        _sampler(parse_sampler_name(native.sampler)[0], "sampler", capabilities)
        _schedule(native.schedule, "schedule", capabilities)
    except RequestError:
        native = ModelDefaults()
    return native.sampler, native.schedule


def _sampling(request: GenerationRequest, native_sampler: str, native_schedule: str, capabilities: Capabilities) -> tuple[str, str]:
    """Sampler and schedule by their display names; A1111's old `DPM++ 2M Karras` is taken apart."""
    named, inside = parse_sampler_name(request.sampler or native_sampler)
    sampler, own_schedule = _sampler(named, "sampler", capabilities)
    wanted = request.schedule or inside or (AUTOMATIC if request.sampler else native_schedule)
    schedule = _schedule(wanted, "schedule", capabilities)
    return sampler, own_schedule if schedule == AUTOMATIC else schedule


def _implied(request: GenerationRequest) -> SamplerOptions:
    """The sampler's options, with those that are in its name where nothing else is said."""
    options, implied = request.sampler_options, implied_options(request.sampler or "")
    new = {name: value for name, value in implied.items() if name not in options.model_fields_set}
    return options.model_copy(update=new) if new else options


def _sampler(name: str, field: str, capabilities: Capabilities) -> tuple[str, str]:
    """(display name, own schedule) of a built-in or an extension's sampler."""
    known = find_sampler(name)
    if known is not None:
        return known.name, known.default_schedule
    for option in capabilities.samplers:
        if name.strip().lower() in {key.lower() for key in (option.name, *option.aliases)}:
            return option.name, option.default_schedule or AUTOMATIC
    raise RequestError(field, _unknown("sampler", name, BUILTIN_SAMPLERS, capabilities.samplers))


def _schedule(name: str, field: str, capabilities: Capabilities) -> str:
    known = find_schedule(name)
    if known is not None:
        return known.name
    found = next((option.name for option in capabilities.schedules if name.strip().lower() == option.name.lower()), None)
    if found is None:
        raise RequestError(field, _unknown("schedule", name, BUILTIN_SCHEDULES, capabilities.schedules))
    return found


def _unknown(kind: str, name: str, *lists: Iterable[Named]) -> str:
    known = list(dict.fromkeys(entry.name for entries in lists for entry in entries))
    close = difflib.get_close_matches(name, known, n=3)
    hint = f"Did you mean {', '.join(close)}?" if close else f"There are {', '.join(known[:6])} and others."
    return f"There is no {kind} named {name!r}. {hint}"


def _hires(request: GenerationRequest, checkpoint: ModelFile, context: ResolveContext) -> HiresOptions | None:
    hires, capabilities = request.hires, context.capabilities()
    if hires is None:
        return None
    sampler = _sampler(parse_sampler_name(hires.sampler)[0], "hires.sampler", capabilities)[0] if hires.sampler else None
    schedule = _schedule(hires.schedule, "hires.schedule", capabilities) if hires.schedule else None
    other = _going_on(hires.checkpoint, "hires.checkpoint", checkpoint, context)
    upscaler = upscaler_name(hires.upscaler, context.library, capabilities)
    return hires.model_copy(update={"sampler": sampler, "schedule": schedule, "upscaler": upscaler, "checkpoint": other})


def _check_prompts(request: GenerationRequest, hires: HiresOptions | None, steps: int, sampler: str, checkpoint: ModelFile) -> None:
    """Raises `RequestError` for a prompt that is too large by the model calls its editing counts with."""
    again = (hires.steps or steps) * _calls(hires.sampler or sampler) if hires and request.mode == "txt2img" else None
    counting = Counting(lambda: own_vocabulary(checkpoint.path), request.emphasis != "None", request.comma_backtrack)
    check_prompts(request, steps * _calls(sampler), again, counting)


def _calls(sampler: str) -> int:
    """Model calls a step; an extension's sampler is taken for one with one."""
    return known.calls if (known := find_sampler(sampler)) else 1


def _chain_context(request: GenerationRequest, context: ResolveContext, made: tuple[int, int] = (0, 0)) -> ChainContext:
    return ChainContext(
        upscaler=lambda name: upscaler_name(name, context.library, context.capabilities(), "finish"),
        restorer=lambda name: restorer_name(name, context.library),
        detector=context.detector,
        picture=lambda image: _image_size(image, "image", context),
        detail=lambda step: _detail(step, request, context),
        steps=context.finishers,
        starts=request.init is not None and request.mode != "txt2img",
        made=made,
    )


def chain_for_elsewhere(request: GenerationRequest, size: tuple[int, int], context: ResolveContext) -> tuple[FinishStep, ...]:
    """The finish chain of a request whose pictures come from elsewhere, as Extras carries it out. Raises `RequestError`."""
    start = request.init if request.mode != "txt2img" else None
    with_start = {"image": start} if start else {}
    steps = tuple(
        step.model_copy(update=with_start) if isinstance(step, MatchColorsStep) and step.image is None else step for step in request.finish
    )
    plain = request.model_copy(update={"mode": "extras", "checkpoint": None, "init": None})
    return checked_chain(steps, size, _chain_context(plain, context))


def _detail(step: DetailStep, request: GenerationRequest, context: ResolveContext) -> DetailStep:
    """The step with its names as they are here; in Extras, where there is no picture's own to go by, with nothing left to choose."""
    own = request.mode != "extras"
    detector = step.detector if step.regions else context.detector(step.detector)
    if own and not (step.checkpoint or step.sampler or step.schedule):
        _check_parts(step, request.steps or 1, request.sampler or "")
        return step.model_copy(update={"detector": detector})
    base = request if own else GenerationRequest(checkpoint=request.checkpoint)
    wanted = {
        "checkpoint": step.checkpoint or base.checkpoint,
        "sampler": step.sampler or base.sampler,
        "schedule": step.schedule or base.schedule,
        "steps": step.steps or base.steps,
        "width": step.width or base.width,
        "height": step.height or base.height,
    }
    paints = (DetailStep(regions=((0, 0, 1, 1),)),)  # so that a checkpoint that cannot is refused
    whole = resolve(GenerationRequest(**wanted, guidance=step.guidance, seed=0, finish=paints), context)
    names = {name: getattr(whole, name) for name in wanted if not own or getattr(step, name)}
    names |= {"guidance": whole.guidance} if not own else {}
    _check_parts(step, whole.steps, whole.sampler)
    return step.model_copy(update={"detector": detector, **names})


def _check_parts(step: DetailStep, steps: int, sampler: str) -> None:
    """Raises `RequestError` for a region's prompt that is too large."""
    for field, parts in (("prompt", step.prompts), ("negative_prompt", step.negative_prompts)):
        for part in {part for part in parts if part and part.upper() != SKIP}:
            check_prompt(field, part, steps * _calls(sampler), negative=field != "prompt")


def _init_upscaler(request: GenerationRequest, context: ResolveContext) -> str:
    """The name of what enlarges the start picture."""
    if request.mode == "txt2img" or is_none(request.init_upscaler):
        return "None"
    return upscaler_name(request.init_upscaler, context.library, context.capabilities(), "init_upscaler")


def _size(request: GenerationRequest, native: tuple[int, int], context: ResolveContext, multiple: int) -> tuple[int, int]:
    """What was asked; else a size for the start picture, else the checkpoint's own. Sides are multiples of what the family asks for."""
    width, height = _asked_size(request, native, context)
    for field, side, asked in (("width", width, request.width), ("height", height, request.height)):
        if asked is not None and side % multiple:
            nearest = min(max(round(side / multiple) * multiple, MIN_SIDE), MAX_SIDE)
            raise RequestError(field, f"{field.capitalize()} must be a multiple of {multiple} with this checkpoint. Nearest: {nearest}.")
    sides = ((width, request.width), (height, request.height))
    wide, high = (side if asked else round(side / multiple) * multiple for side, asked in sides)
    return wide, high


def _outpainted(request: GenerationRequest, context: ResolveContext, multiple: int) -> tuple[GenerationRequest, tuple[int, int] | None]:
    """The request with new sides that fit, and the picture's size with them; None where only the masked part is painted."""
    if request.outpaint is None or request.mode == "txt2img" or request.init is None:
        return request, None
    size, sides = outpainted(_image_size(request.init, "init", context), request.outpaint, multiple)
    return request.model_copy(update={"outpaint": sides}), None if request.only_masked and request.mode == "inpaint" else size


def _asked_size(request: GenerationRequest, native: tuple[int, int], context: ResolveContext) -> tuple[int, int]:
    from_picture = request.init is not None and request.mode != "txt2img"
    init = _image_size(str(request.init), "init", context) if from_picture else None
    return asked_size((request.width, request.height), native, init)


def _image_size(image_id: str, field: str, context: ResolveContext) -> tuple[int, int]:
    try:
        return look(context.image(image_id).read_bytes(), field).size
    except (NotFound, OSError):
        raise RequestError(field, "This picture is not here any more. Choose it again.") from None


def _check_mask(request: GenerationRequest, context: ResolveContext) -> None:
    if request.mode != "inpaint" or request.init is None or request.mask is None:
        return
    init, mask = _image_size(request.init, "init", context), _image_size(request.mask, "mask", context)
    if init != mask:
        raise RequestError("mask", f"The mask has {mask[0]}×{mask[1]} pixels, the picture {init[0]}×{init[1]}. Make them the same size.")


def _seed(seed: int) -> int:
    return random.SystemRandom().randrange(RANDOM_SEEDS) if seed == -1 else seed


def _extras(extras: Mapping[str, Mapping[str, JsonValue]], context: ResolveContext) -> dict[str, dict[str, Any]]:
    """Each extension's values, checked by the model that it registered; values of an extension that is not here are refused by name."""
    panels = context.panels()
    checked: dict[str, dict[str, Any]] = {}
    for name, values in extras.items():
        if name not in panels:
            said = f"The extension {name!r} is not here or is switched off. Leave its values out, or switch it on."
            raise RequestError(f"extras.{name}", said)
        try:
            checked[name] = panels[name].model_validate(values).model_dump(mode="json")
        except ValidationError as error:
            first = request_error_from(error, panels[name])
            raise RequestError(f"extras.{name}.{first.field}", first.message) from None
    return checked
