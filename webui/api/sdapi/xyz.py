"""A1111's script "X/Y/Z plot" over its API: axes by their numbers or names, cells as rounds of jobs, one labelled picture."""

import io
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from random import SystemRandom
from typing import Any

from webui.api.sdapi.arguments import Argument, number
from webui.api.sdapi.bodies import Generation, Img2Img
from webui.api.sdapi.rounds import MOST_ROUNDS, Made, Make, Outcome, each_of, without_script
from webui.core.grid import MAX_AXES, Axis, GridPlan
from webui.core.job import Job
from webui.errors import RequestError
from webui.grids import words
from webui.grids.axes import kind_of
from webui.grids.sheet import Sheet, draw_sheet
from webui.grids.values import numbers_of, permutations_of, words_of

NAME = "x/y/z plot"
NOTHING = "Nothing"
Paths = Callable[[Job], list[Path]]
"""The files of a job's pictures."""

FIELDS = {
    "Seed": "seed",
    "Var. seed": "subseed",
    "Var. strength": "subseed_strength",
    "Steps": "steps",
    "Hires steps": "hr_second_pass_steps",
    "CFG Scale": "cfg_scale",
    "Image CFG Scale": "image_cfg_scale",
    "Sampler": "sampler_name",
    "Hires sampler": "hr_sampler_name",
    "Negative Guidance minimum sigma": "s_min_uncond",
    "Sigma Churn": "s_churn",
    "Sigma min": "s_tmin",
    "Sigma max": "s_tmax",
    "Sigma noise": "s_noise",
    "Schedule type": "scheduler",
    "Eta": "eta",
    "Denoising": "denoising_strength",
    "Initial noise multiplier": "initial_noise_multiplier",
    "Hires upscaler": "hr_upscaler",
    "Refiner checkpoint": "refiner_checkpoint",
    "Refiner switch at": "refiner_switch_at",
}
"""Kinds that are one field of the body."""
OPTIONS = {
    "Checkpoint name": "sd_model_checkpoint",
    "Schedule min sigma": "sigma_min",
    "Schedule max sigma": "sigma_max",
    "Schedule rho": "rho",
    "Beta schedule alpha": "beta_dist_alpha",
    "Beta schedule beta": "beta_dist_beta",
    "Clip skip": "CLIP_stop_at_last_layers",
    "Extra noise": "img2img_extra_noise",
    "Cond. Image Mask Weight": "inpainting_mask_weight",
    "VAE": "sd_vae",
    "UniPC Order": "uni_pc_order",
    "Always discard next-to-last sigma": "always_discard_next_to_last_sigma",
    "SGM noise multiplier": "sgm_noise_multiplier",
    "RNG source": "randn_source",
    "Token merging ratio": "token_merging_ratio",
    "Token merging ratio high-res": "token_merging_ratio_hr",
}
"""Kinds that are one option."""
ABSENT = ("Distilled CFG Scale", "Face restore", "FP8 mode")
_BOTH: tuple[str, ...] = (
    NOTHING,
    "Seed",
    "Var. seed",
    "Var. strength",
    "Steps",
    "Hires steps",
    "CFG Scale",
    "Image CFG Scale",
)
_BOTH += ("Prompt S/R", "Prompt order", "Sampler", "Hires sampler", "Checkpoint name", "Negative Guidance minimum sigma", "Sigma Churn")
_BOTH += ("Sigma min", "Sigma max", "Sigma noise", "Schedule type", "Schedule min sigma", "Schedule max sigma", "Schedule rho")
_BOTH += ("Beta schedule alpha", "Beta schedule beta", "Eta", "Clip skip", "Denoising", "Initial noise multiplier", "Extra noise")
_BOTH += ("Hires upscaler", "Cond. Image Mask Weight", "VAE", "Styles", "UniPC Order", "Face restore", "Token merging ratio")
_BOTH += ("Token merging ratio high-res", "Always discard next-to-last sigma", "SGM noise multiplier", "Refiner checkpoint")
_BOTH += ("Refiner switch at", "RNG source", "FP8 mode", "Size", "Distilled CFG Scale")
_NOT = {True: {"Hires steps", "Hires sampler", "Hires upscaler"}, False: {"Image CFG Scale", "Cond. Image Mask Weight"}}


def kinds(is_img2img: bool) -> tuple[str, ...]:
    """The kinds of axes in A1111's order, whose places are the numbers that clients send. What Forge alone has stands last."""
    return tuple(name for name in _BOTH if name not in _NOT[is_img2img])


def arguments(is_img2img: bool = False) -> tuple[Argument, ...]:
    """The script's arguments by position."""
    axes = [
        argument
        for place, name in enumerate("XYZ")
        for argument in (
            Argument(f"{name} type", NOTHING if place else "Seed", choices=kinds(is_img2img)),
            Argument(f"{name} values", None),
            Argument(f"{name} values", None),
        )
    ]
    flags = ("Draw legend", "Include Sub Images", "Include Sub Grids", "Keep -1 for seeds")
    more = [Argument(label, label == "Draw legend") for label in (*flags, *(f"Vary seeds for {name}" for name in "XYZ"))]
    return (*axes, *more, Argument("Grid margins (px)", 0, 0, 500, 2), Argument("Use text inputs instead of dropdowns", False))


async def run(body: Generation, make: Make, paths: Paths) -> Outcome:
    """Make all cells and draw them. Raises `RequestError` for axes that are none, and what `make` raises."""
    given = _read_arguments(body)
    axes = [_axis(given[place * 3 : place * 3 + 3], isinstance(body, Img2Img), given[17]) for place in range(MAX_AXES)]
    plain = without_script(body)
    if given[12]:
        plain = plain.model_copy(update={"seed": body.seed})
    else:
        axes = [_with_seeds(axis) for axis in axes]
    sides = [len(axis.values) for axis in axes]
    if sides[0] * sides[1] * sides[2] > MOST_ROUNDS:
        raise RequestError("script_args", f"This plot has {' × '.join(map(str, sides))} cells; over this API {MOST_ROUNDS} are the most.")
    at = [(x, y, z) for z, y, x in itertools.product(*(range(side) for side in reversed(sides)))]
    varied = [place for place in range(3) if given[13 + place]]
    bodies = []
    for place in at:
        each = plain.model_copy(update={"override_settings": dict(plain.override_settings or {})})
        for axis, count in zip(axes, place, strict=True):
            each = _changed(each, axis, axis.values[count])
        further = sum(place[one] * _stride(sides, varied, one) for one in varied)
        bodies.append(each.model_copy(update={"seed": (each.seed or 0) + further}) if further else each)
    made = await each_of(bodies, make)
    sheet = _drawn(axes, dict(zip(at, made, strict=False)), paths, legend=given[9])
    return Outcome(made, whole=None if given[10] else sheet, first=sheet if given[10] else None)


def _read_arguments(body: Generation) -> list[Any]:
    """All 18, flags as flags; those that older versions of A1111 do not have are left as they are. Raises `RequestError`."""
    sent, wanted = list(body.script_args), arguments(isinstance(body, Img2Img))
    if len(sent) < 9:
        raise RequestError("script_args", f"This script takes 18 arguments by position: {', '.join(each.label for each in wanted)}.")
    if len(sent) in (14, 15):  # before seeds could vary by axis, the margin stood there
        sent = [*sent[:13], None, None, None, *sent[13:]]
    sent = [*sent, *[None] * 18][:18]
    return [*sent[:9], *(argument.read(value) for argument, value in zip(wanted[9:], sent[9:], strict=True))]


def _with_seeds(axis: Axis) -> Axis:
    """An axis of seeds with one drawn for each -1, so that a row or column has the same one."""
    if axis.kind not in ("Seed", "Var. seed") or not any(value == -1 for value in axis.values):
        return axis
    values = tuple(SystemRandom().randrange(2**32) if value == -1 else value for value in axis.values)
    return axis.model_copy(update={"values": values, "labels": tuple(kind_of(axis.kind).label(value) for value in values)})


def _stride(sides: Sequence[int], varied: Sequence[int], one: int) -> int:
    """How far apart the seeds of neighbours on an axis are, so that each cell has its own."""
    stride = 1
    for other in varied:
        stride *= sides[other] if other < one else 1
    return stride


def _axis(given: Sequence[Any], is_img2img: bool, as_text: bool) -> Axis:
    """One axis of its type, its values as text, and those chosen in a list."""
    known, place = kinds(is_img2img), number(given[0])
    name = known[int(place)] if place is not None and place == int(place) and 0 <= place < len(known) else str(given[0] or NOTHING)
    found = next((kind for kind in known if kind.lower() == name.lower()), None)
    if found is None or found in ABSENT:
        raise RequestError("script_args", f"The axis {name[:100]!r} is not in Darkroom. There are {', '.join(known[:8])} and others.")
    if found == NOTHING:
        return Axis(kind=NOTHING, name=NOTHING, values=("",), labels=("",))
    chosen = given[2] if isinstance(given[2], list) and given[2] and not as_text else None
    try:
        values = chosen if chosen is not None else _read(found, str(given[1] or ""))
    except RequestError as error:
        raise RequestError("script_args", f"The axis {found}: {error.message}") from None
    if not values:
        raise RequestError("script_args", f"The axis {found} has no values.")
    return Axis(kind=found, name=found, values=tuple(values), labels=tuple(kind_of(found).label(value) for value in values))


def _read(kind: str, text: str) -> Sequence[Any]:
    if kind == "Prompt order":
        return [list(order) for order in permutations_of(words_of(text))]
    if kind in ("Seed", "Var. seed", "Steps", "Hires steps", "Clip skip", "UniPC Order"):
        return numbers_of(text, whole=True)
    is_text = {"Prompt S/R", "Sampler", "Hires sampler", "Checkpoint name", "Schedule type", "Hires upscaler", "VAE", "Styles", "Size"}
    is_text |= {"Refiner checkpoint", "RNG source", "Always discard next-to-last sigma", "SGM noise multiplier"}
    return words_of(text) if kind in is_text else numbers_of(text, whole=False)


def _changed(body: Generation, axis: Axis, value: Any) -> Generation:
    """The body with one value. Raises `RequestError` where it cannot be put in."""
    if axis.kind == NOTHING:
        return body
    if axis.kind in FIELDS:
        return body.model_copy(update={FIELDS[axis.kind]: value})
    if axis.kind in OPTIONS:
        chosen = value.lower() == "true" if isinstance(value, str) and value.lower() in ("true", "false") else value
        return body.model_copy(update={"override_settings": {**(body.override_settings or {}), OPTIONS[axis.kind]: chosen}})
    if axis.kind == "Styles":
        more = [name.strip() for name in str(value).split(",") if name.strip() and name.strip().lower() != "none"]
        return body.model_copy(update={"styles": [*(body.styles or ()), *more]})
    if axis.kind == "Size":
        width, _, height = str(value).lower().partition("x")
        if not (width.strip().isdigit() and height.strip().isdigit()):
            raise RequestError("script_args", f"{str(value)[:50]!r} is no size. Write it as 512x768.")
        return body.model_copy(update={"width": int(width), "height": int(height)})
    prompts: dict[str, Any] = {"prompt": body.prompt or "", "negative_prompt": body.negative_prompt or ""}
    change = words.replace_word if axis.kind == "Prompt S/R" else words.put_in_order
    change(prompts, value, axis)
    return body.model_copy(update=prompts)


def _drawn(axes: Sequence[Axis], made: dict[tuple[int, int, int], Made], paths: Paths, legend: bool) -> bytes | None:
    files = {place: next(iter(paths(job)), None) for place, (_, job) in made.items()}
    if not any(files.values()):
        return None
    stream = io.BytesIO()
    sheet = Sheet(GridPlan(base={}, axes=tuple(axes)), "", files, {}, 1024, labelled=legend)
    draw_sheet(sheet).save(stream, "PNG", compress_level=1)
    return stream.getvalue()
