"""Whether models of a family can do what a request asks for: refused by name, before anything is computed."""

from webui.core.family import FamilySpec
from webui.core.finish import details_of
from webui.core.pictures import distinct
from webui.core.protocol import Capabilities
from webui.core.request import GenerationRequest
from webui.errors import RequestError
from webui.library.families import NEEDS_PICTURE
from webui.prompts import strip_tags
from webui.samplers.catalog import Sampler, check_process, find_sampler, find_schedule, parse_sampler_name


def check_family(request: GenerationRequest, sampler: str, schedule: str, spec: FamilySpec, capabilities: Capabilities) -> None:
    """Raises `RequestError` for what models of this family cannot do, before anything is computed."""
    regions = request.regions
    wants = {
        "negative_prompt": ("negative_prompt", bool(request.negative_prompt.strip()), "take no negative prompt. Leave it empty."),
        "clip_skip": ("clip_skip", request.clip_skip > 1, "have no CLIP layers to skip. Leave clip skip at 1."),
        "img2img": ("init", request.mode == "img2img", "do not start from a picture. Choose txt2img."),
        "inpaint": ("mask", request.mode == "inpaint", "change no part of a picture. Choose txt2img."),
        "detail": ("finish", bool(details_of(request.finish)), "change no part of a picture. Take the step Detail out."),
        "hires": ("hires", request.hires is not None and request.mode == "txt2img", "have no second pass. Turn Hires. fix off."),
        "tiling": ("tiling", request.tiling, "make no tiles. Turn tiling off."),
        "lora": ("prompt", _asks_for_lora(request), "take no LoRA. Take its tag out."),
        "attention_couple": (
            "regions.method",
            regions is not None and regions.method == "attention",
            "have no attention couple. Choose latent couple.",
        ),
        "diffusers": ("profile", request.profile == "diffusers", "are not made by this profile. Choose a1111."),
    }
    for feature, (field, wanted, cannot) in wants.items():
        if wanted and {"detail": "inpaint"}.get(feature, feature) not in spec.supports:
            raise RequestError(field, f"{spec.title} models {cannot}")
    for name in [sampler, *((request.hires.sampler or "",) if request.hires else ())]:
        if name and (entry := _processes_of(parse_sampler_name(name)[0], capabilities)) is not None:
            check_process(entry, spec.process, spec.title)
    if (known := find_schedule(schedule)) is not None:
        check_process(known, spec.process, spec.title)


def check_variant(request: GenerationRequest, variant: str, name: str) -> None:
    """Raises `RequestError` for pictures out of nothing by a checkpoint of this name that sees the depth of one.

    A part that is painted again is a picture to start from, and what is asked for it comes here as text alone.
    """
    if variant == "depth" and request.mode == "txt2img" and not details_of(request.finish):
        raise RequestError("checkpoint", NEEDS_PICTURE.format(name))


def _asks_for_lora(request: GenerationRequest) -> bool:
    prompts = [each.prompt for each in distinct(request)]
    prompts += [area.prompt for area in request.regions.areas] if request.regions is not None else []
    return any(tag.kind in ("lora", "lyco") for prompt in prompts for tag in strip_tags(prompt)[1])


def _processes_of(name: str, capabilities: Capabilities) -> Sampler | None:
    """A built-in sampler, or what an engine said of an extension's."""
    known = find_sampler(name)
    if known is not None:
        return known
    found = next((option for option in capabilities.samplers if option.name.lower() == name.strip().lower()), None)
    return None if found is None else Sampler(found.name, "", processes=found.processes)
