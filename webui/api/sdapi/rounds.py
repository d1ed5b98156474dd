"""Scripts that one chooses, as rounds of jobs: prompt matrix, prompts from file, loopback, SD upscale."""

import math
import shlex
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import SystemRandom
from typing import Any

from PIL import Image
from pydantic import ValidationError

from webui.api import encoding
from webui.api.sdapi import pictures
from webui.api.sdapi.arguments import UPSCALER, Argument, Script, arguments_of
from webui.api.sdapi.bodies import Generation, Img2Img
from webui.api.sdapi.refusals import Refusal
from webui.api.sdapi.translate import Translation, side
from webui.core.job import Job
from webui.core.sentences import sentence
from webui.errors import RequestError
from webui.images.decode import read_image
from webui.images.pixels import flatten
from webui.images.tiles import TileGrid

MOST_ROUNDS = 256
Made = tuple[Translation, Job]
Make = Callable[[Generation], Awaitable[Made]]
"""Runs one body as a job and waits for its end."""
Read = Callable[[Job], list[bytes]]
"""The files of a job's pictures."""


Enlarge = Callable[[Image.Image, str | float, float], Awaitable[Image.Image]]
"""The picture by an upscaler's name, or its number in the list, and a factor. Raises `RequestError`."""


@dataclass(frozen=True)
class Outcome:
    """What a script made: jobs in order, whether a grid of all stands first, a picture in the place of theirs, and one in front of them."""

    made: list[Made]
    grid: bool = False
    grid_has_text: bool = False
    whole: bytes | None = None
    first: bytes | None = None


_CURVES = ("Aggressive", "Linear", "Lazy")
LINES = "prompts from file or textbox"
SCRIPTS: dict[str, Script] = {
    "prompt matrix": (
        ("txt2img", "img2img"),
        (
            Argument("Put variable parts at start of prompt", False),
            Argument("Use different seed for each picture", False),
            Argument("Select prompt", "positive", choices=("positive", "negative")),
            Argument("Select joining char", "comma", choices=("comma", "space")),
            Argument("Grid margins (px)", 0, 0, 500, 2),
        ),
    ),
    LINES: (
        ("txt2img", "img2img"),
        (
            Argument("Iterate seed every line", False),
            Argument("Use same random seed for all lines", False),
            Argument("Insert prompts at the", "start", choices=("start", "end")),
            Argument("List of prompt inputs", ""),
            Argument("Make a combined image containing all outputs (if more than one)", False),
        ),
    ),
    "loopback": (
        ("img2img",),
        (
            Argument("Loops", 4, 1, 32, 1),
            Argument("Final denoising strength", 0.5, 0, 1, 0.01),
            Argument("Denoising strength curve", "Linear", choices=_CURVES),
            Argument("Append interrogated prompt at each iteration", "None", choices=("None",)),
        ),
    ),
    "sd upscale": (
        ("img2img",),
        (
            Argument("Info", ""),
            Argument("Tile overlap", 64, 0, 256, 16),
            Argument(UPSCALER, "Lanczos", choices=("None", "Lanczos", "Nearest")),
            Argument("Scale Factor", 2.0, 1.0, 4.0, 0.05),
        ),
    ),
}


async def run(body: Generation, make: Make, read: Read, enlarge: Enlarge) -> Outcome:
    """Run the script that a body names. Raises `RequestError`, `Refusal`, and what `make` raises."""
    name = (body.script_name or "").lower()
    body = body.model_copy(update={"script_args": _older_lines(body.script_args)}) if name == LINES else body
    given = arguments_of(body, SCRIPTS[name], may_lack=1 if name == LINES else 0)
    plain = without_script(body)
    if name == "prompt matrix":
        return await _matrix(plain, given, make)
    if name == LINES:
        keeps_random = body.seed in (None, -1) and not (given[0] or given[1])
        return await _lines(plain.model_copy(update={"seed": -1}) if keeps_random else plain, given, make)
    if not isinstance(plain, Img2Img) or not plain.init_images:
        raise Refusal(404, "Init image not found")
    return await (_loopback(plain, given, make, read) if name == "loopback" else _upscale(plain, given, make, read, enlarge))


def without_script(body: Generation) -> Generation:
    """The request of a round: without the script, its seed chosen."""
    seed = SystemRandom().randrange(2**32) if body.seed in (None, -1) else body.seed
    return body.model_copy(update={"script_name": None, "script_args": [], "seed": seed})


def starts_of(body: Generation) -> list[Any]:
    """The start pictures of img2img where there are several, each for one picture of a batch; else none."""
    if not isinstance(body, Img2Img) or body.script_name:
        return []
    given = body.init_images or []
    return given if 1 < len(given) <= (body.batch_size or 1) and any(each != given[0] for each in given) else []


async def run_starts(body: Generation, starts: Sequence[Any], make: Make) -> Outcome:
    """A round for each start picture of each batch; the batch is as large as there are start pictures, as in A1111."""
    seed = SystemRandom().randrange(2**32) if body.seed in (None, -1) else body.seed or 0
    alone = {"batch_size": 1, "n_iter": 1}
    bodies = [
        body.model_copy(update={"init_images": [start], "seed": seed + number, **alone})
        for number, start in enumerate(list(starts) * (body.n_iter or 1))
    ]
    return Outcome(await each_of(bodies, make), grid=body.save_images, grid_has_text=True)


async def each_of(bodies: Sequence[Generation], make: Make) -> list[Made]:
    """Make the bodies one after another. Raises `RequestError` for too many or none, and what `make` raises."""
    if not 0 < len(bodies) <= MOST_ROUNDS:
        raise RequestError("script_args", f"A script may make 1 to {MOST_ROUNDS} rounds; this one would make {len(bodies)}.")
    made: list[Made] = []
    for each in bodies:
        made.append(await make(each))
        if made[-1][1].state == "cancelled":  # who interrupts a script means all of it
            break
    return made


async def _matrix(body: Generation, given: list[Any], make: Make) -> Outcome:
    """Every combination of the parts that stand behind a bar."""
    at_start, other_seeds, which, joined, _ = given
    field = "prompt" if which == "positive" else "negative_prompt"
    main, *parts = (getattr(body, field) or "").split("|")
    if len(parts) > 8:
        raise RequestError(field, "A prompt matrix may have 8 parts behind bars.")
    delimiter = ", " if joined == "comma" else " "
    bodies = []
    for number in range(2 ** len(parts)):
        chosen = [part.strip() for place, part in enumerate(parts) if number & (1 << place)]
        words = delimiter.join([*chosen, main.strip()] if at_start else [main.strip(), *chosen])
        bodies.append(body.model_copy(update={field: words, "seed": (body.seed or 0) + (number if other_seeds else 0)}))
    return Outcome(await each_of(bodies, make), grid=True, grid_has_text=True)


def _older_lines(args: list[Any]) -> list[Any]:
    """Older versions of A1111 do not say where the prompts go."""
    return [*args[:2], "start", args[2]] if len(args) == 3 else args


async def _lines(body: Generation, given: list[Any], make: Make) -> Outcome:
    """One round for each line, with A1111's flags such as --steps 20. A random seed stays one where it is not to be one for all."""
    iterate, _, position, text, combined = given
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    once = (body.batch_size or 1) * (body.n_iter or 1)
    bodies = []
    for count, line in enumerate(lines):
        fields: dict[str, Any] = _flags(line, body) if line.startswith("--") else {"prompt": line}
        for name in ("prompt", "negative_prompt"):
            parts = [str(fields.get(name, "")), getattr(body, name) or ""]
            fields[name] = " ".join(part for part in (parts if position == "start" else parts[::-1]) if part)
        fields.setdefault("seed", -1 if body.seed == -1 else (body.seed or 0) + (count * once if iterate else 0))
        bodies.append(_with(body, fields, line))
    return Outcome(await each_of(bodies, make), grid=bool(combined) and len(bodies) > 1, grid_has_text=True)


def _with(body: Generation, fields: dict[str, Any], line: str) -> Generation:
    try:
        return type(body).model_validate(body.model_dump() | fields)
    except ValidationError as error:
        wrong = error.errors()[0]
        said = sentence(wrong, f"--{wrong['loc'][0]}")
        raise RequestError("script_args", f"{said} The line is: {line[:100]}") from None


_LINE_FIELDS = (
    *("prompt", "negative_prompt", "seed", "steps", "cfg_scale", "width", "height", "sampler_name", "sampler_index", "styles"),
    *("batch_size", "n_iter", "subseed", "subseed_strength", "restore_faces", "tiling", "seed_resize_from_h", "seed_resize_from_w"),
    *("do_not_save_samples", "do_not_save_grid"),
)


def _flags(line: str, body: Generation) -> dict[str, Any]:
    """`--prompt "a fox" --steps 20` as fields."""
    try:
        words = shlex.split(line)
    except ValueError:
        raise RequestError("script_args", f"This line cannot be read: {line[:100]}") from None
    found: dict[str, Any] = {}
    while words:
        flag, *words = words
        name = flag.removeprefix("--")
        if name not in (*_LINE_FIELDS, "sd_model") or not words:
            raise RequestError("script_args", f"{flag[:50]} is no flag of a line, or its value is missing.")
        value, *words = words
        if name == "sd_model":
            found["override_settings"] = {**(body.override_settings or {}), "sd_model_checkpoint": value}
        else:
            found[name] = [value] if name == "styles" else value
    return found


async def _loopback(body: Img2Img, given: list[Any], make: Make, read: Read) -> Outcome:
    """Each round starts from the picture of the one before."""
    loops, final, curve, _ = given
    made: list[Made] = []
    current = body
    for number in range(int(loops)):
        progress = number / (loops - 1) if loops > 1 else 0.0
        bend = {"Aggressive": math.sin(progress * math.pi / 2), "Lazy": 1 - math.cos(progress * math.pi / 2)}.get(curve, progress)
        strength = body.denoising_strength + (final - body.denoising_strength) * bend
        seed = (body.seed or 0) + number
        current = current.model_copy(update={"denoising_strength": strength, "seed": seed, "batch_size": 1, "n_iter": 1})
        made.append(await make(current))
        files = read(made[-1][1])
        if not files or made[-1][1].state == "cancelled":
            break
        current = current.model_copy(update={"init_images": [encoding.encoded(files[0])]})
    return Outcome(made, grid=len(made) > 1)


async def _upscale(body: Img2Img, given: list[Any], make: Make, read: Read, enlarge: Enlarge) -> Outcome:
    """The picture enlarged, then painted over tile by tile, and the tiles joined: A1111's rule, its seed one higher for each tile."""
    _, overlap, upscaler, factor = given
    _, start = pictures.picture_of((body.init_images or [""])[0])
    large = await enlarge(flatten(start), upscaler, float(factor))
    width, height = side("width", body.width), side("height", body.height)
    grid = TileGrid(*large.size, width, min(int(overlap), width - 8, height - 8), height)
    if len(grid) > MOST_ROUNDS:
        raise RequestError("script_args", f"These are {len(grid)} tiles; at most {MOST_ROUNDS} can be made. Take larger tiles.")
    tiles = list(grid.cut(large))
    once = {"batch_size": 1, "n_iter": 1}
    each = [
        body.model_copy(update={"init_images": [encoding.encoded(encoding.png(tile))], "seed": (body.seed or 0) + number, **once})
        for number, tile in enumerate(tiles)
    ]
    made = await each_of(each, make)
    files = [read(job) for _, job in made]
    done = [read_image(each[0], "tile").convert("RGB") if each else tile for each, tile in zip(files, tiles, strict=False)]
    return Outcome(made, whole=encoding.png(grid.join(iter([*done, *tiles[len(done) :]]))))
