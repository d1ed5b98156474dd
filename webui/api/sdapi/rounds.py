"""Scripts that one chooses, as rounds of jobs: prompt matrix, prompts from file, loopback, SD upscale."""

import math
import shlex
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import SystemRandom
from typing import Any

from PIL import Image

from webui.api import encoding
from webui.api.sdapi import pictures
from webui.api.sdapi.bodies import Generation, Img2Img
from webui.api.sdapi.refusals import Refusal
from webui.api.sdapi.translate import Translation, side
from webui.core.job import Job
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


Enlarge = Callable[[Image.Image, str, float], Awaitable[Image.Image]]
"""The picture by an upscaler's name and a factor. Raises `RequestError`."""


@dataclass(frozen=True)
class Argument:
    """One argument of a script, as A1111's page labels it."""

    label: str
    value: Any
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[str, ...] | None = None

    def takes(self, value: Any) -> bool:
        """Whether it may be chosen: by its name, by its number, or, where several may be, as a list of names."""
        choices = self.choices or ()
        if self.label == "Upscaler":
            return True
        if isinstance(self.value, list):
            return isinstance(value, list) and all(each in choices for each in value)
        return value in choices or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(choices))


@dataclass(frozen=True)
class Outcome:
    """What a script made: jobs in order, whether a grid of all stands first, a picture in the place of theirs, and one in front of them."""

    made: list[Made]
    grid: bool = False
    grid_has_text: bool = False
    whole: bytes | None = None
    first: bytes | None = None


_CURVES = ("Aggressive", "Linear", "Lazy")
SCRIPTS: dict[str, tuple[tuple[str, ...], tuple[Argument, ...]]] = {
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
    "prompts from file or textbox": (
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
            Argument("Upscaler", "Lanczos", choices=("None", "Lanczos", "Nearest")),
            Argument("Scale Factor", 2.0, 1.0, 4.0, 0.05),
        ),
    ),
}


def arguments_of(body: Generation, script: tuple[tuple[str, ...], tuple[Argument, ...]]) -> list[Any]:
    """A script's arguments by position, all of them. Raises `RequestError`, and `Refusal` for a script of the other route."""
    routes, wanted = script
    if ("img2img" if isinstance(body, Img2Img) else "txt2img") not in routes:
        raise Refusal(422, f"Script '{body.script_name}' not found")
    if len(body.script_args) < len(wanted):
        labels = ", ".join(each.label for each in wanted)
        raise RequestError("script_args", f"This script takes {len(wanted)} arguments by position: {labels}.")
    found = []
    for value, argument in zip(body.script_args, wanted, strict=False):
        number = isinstance(argument.value, int | float) and not isinstance(argument.value, bool)
        if number and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise RequestError("script_args", f"{argument.label} must be a number.")
        if number and not (argument.minimum or 0) <= value <= (argument.maximum or math.inf):
            raise RequestError("script_args", f"{argument.label} must be between {argument.minimum} and {argument.maximum}.")
        if argument.choices and not argument.takes(value):
            raise RequestError("script_args", f"{argument.label} must be one of {', '.join(argument.choices)}.")
        found.append(argument.choices[value] if argument.choices and isinstance(value, int) else value)
    return found


async def run(body: Generation, make: Make, read: Read, enlarge: Enlarge) -> Outcome:
    """Run the script that a body names. Raises `RequestError`, `Refusal`, and what `make` raises."""
    given = arguments_of(body, SCRIPTS[(body.script_name or "").lower()])
    plain = without_script(body)
    name = (body.script_name or "").lower()
    if name == "prompt matrix":
        return await _matrix(plain, given, make)
    if name == "prompts from file or textbox":
        return await _lines(plain, given, make)
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


async def _lines(body: Generation, given: list[Any], make: Make) -> Outcome:
    """One round for each line, with A1111's flags such as --steps 20."""
    iterate, _, position, text, combined = given
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    bodies = []
    for number, line in enumerate(lines):
        fields: dict[str, Any] = _flags(line) if line.startswith("--") else {"prompt": line}
        words, own = str(fields.get("prompt", "")), body.prompt or ""
        fields["prompt"] = " ".join(part for part in ((words, own) if position == "start" else (own, words)) if part)
        fields.setdefault("seed", (body.seed or 0) + (number if iterate else 0))
        bodies.append(type(body).model_validate(body.model_dump() | fields))
    return Outcome(await each_of(bodies, make), grid=bool(combined) and len(bodies) > 1, grid_has_text=True)


_LINE_FIELDS = {
    **{name: name for name in ("prompt", "negative_prompt", "seed", "steps", "cfg_scale", "width", "height", "sampler_name")},
    **{name: name for name in ("batch_size", "n_iter", "subseed", "subseed_strength", "restore_faces", "tiling")},
}


def _flags(line: str) -> dict[str, Any]:
    """`--prompt "a fox" --steps 20` as fields."""
    try:
        words = shlex.split(line)
    except ValueError:
        raise RequestError("script_args", f"This line cannot be read: {line[:100]}") from None
    found: dict[str, Any] = {}
    while words:
        flag, *words = words
        name = _LINE_FIELDS.get(flag.removeprefix("--"))
        if name is None or not words:
            raise RequestError("script_args", f"{flag[:50]} is no flag of a line, or its value is missing.")
        value, *words = words
        found[name] = value
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
    large = await enlarge(flatten(start), str(upscaler), float(factor))
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
