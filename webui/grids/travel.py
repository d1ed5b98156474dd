"""Travel: from one seed or prompt to the next in small steps, as the values of an axis.

Between two seeds the start noise turns from one to the other (slerp: what a request's variation seed does); between two prompts the
conditioning goes in a straight line from one to the other (`blend`).
"""

import re
from collections.abc import Sequence
from random import SystemRandom
from typing import Any

from pydantic import JsonValue

from webui.core.grid import MAX_CELLS, Axis, AxisWish, plain
from webui.errors import RequestError
from webui.grids.values import bounded, numbers_of
from webui.grids.words import fields_of, label_of_fields

Stop = dict[str, Any]
EACH = 8
"""Pictures from one stop to the next where nothing else is said."""
_COUNT = re.compile(r"\s{0,9}\[\s{0,9}(\d{1,9})\s{0,9}\]\s*$")
_TRAVELS = ("prompt", "seed")


def read_seeds(wish: AxisWish, fields: dict[str, Any]) -> list[Any]:
    """`1, 2, 3 [17]`: seeds, and how many pictures there are from the first to the last. Raises `RequestError`."""
    if isinstance(wish.values, str):
        text, count = _counted(wish.values, wish.of)
        seeds: Sequence[Any] = numbers_of(text, True)
    else:
        seeds, count = _listed(wish.values, wish.of)
    if not all(isinstance(seed, int) and not isinstance(seed, bool) for seed in seeds):
        raise RequestError("values", "Seeds are whole numbers.")
    return between([{"seed": SystemRandom().randrange(2**32) if seed == -1 else seed} for seed in seeds], count)


def read_stops(wish: AxisWish, fields: dict[str, Any]) -> list[Any]:
    """A prompt a line, or `--prompt "a fox" --seed 3`; a last line such as `[17]` says how many pictures. Raises `RequestError`."""
    if isinstance(wish.values, str):
        text, count = _counted(wish.values, wish.of)
        lines: Sequence[JsonValue] = [line for line in text.splitlines() if line.strip()]
    else:
        lines, count = _listed(wish.values, wish.of)
    return between(_with_seeds([_stop(fields_of(line), fields) for line in bounded(list(lines))], fields), count)


def between(stops: Sequence[Stop], count: int) -> list[Any]:
    """So many values, evenly from the first stop to the last; 0 is `EACH` from one to the next. Raises `RequestError`."""
    if len(stops) < 2:
        raise RequestError("values", "Name two stops or more: where it begins, and where it goes.")
    legs = len(stops) - 1
    count = count or legs * EACH + 1
    if not len(stops) <= count <= MAX_CELLS:
        raise RequestError("values", f"Between brackets stands how many pictures there are: {len(stops)} to {MAX_CELLS:,}.")
    return [_at(stops, place * legs / (count - 1)) for place in range(count)]


def _at(stops: Sequence[Stop], where: float) -> Stop:
    """What is made at a place between two stops, which stand at whole numbers."""
    number = min(int(where), len(stops) - 2)
    share = round(where - number, 6)
    one, other = stops[number], stops[number + 1]
    if share in (0, 1):
        return dict(other if share else one)
    made = dict(one)
    if one.get("seed") != other.get("seed"):
        made |= {"variation_seed": other["seed"], "variation_strength": share}
    if one.get("prompt") != other.get("prompt"):
        made |= {"blend": {"prompt": other["prompt"], "share": share}}
    return made


def _stop(value: Any, fields: dict[str, Any]) -> Stop:
    """A stop with a prompt, the request's where it names none, and the seed that it names."""
    given = {"prompt": value} if isinstance(value, str) else dict(value)
    if other := next((name for name in given if name not in _TRAVELS), None):
        raise RequestError("values", f"A stop is a prompt, a seed or both; {other} cannot be travelled. Put it into the request.")
    try:
        own = {name: int(seed) for name, seed in given.items() if name == "seed"}
    except (TypeError, ValueError):
        raise RequestError("values", f"{str(given['seed'])[:50]!r} is no seed.") from None
    return {"prompt": fields.get("prompt", ""), **given, **own}


def _with_seeds(stops: list[Stop], fields: dict[str, Any]) -> list[Stop]:
    """Where one stop names a seed, the others have the request's; a random one is drawn once, so that there is a way to it."""
    if not any("seed" in stop for stop in stops):
        return stops
    own = fields.get("seed", -1)
    seeds = [stop.get("seed", own) for stop in stops]
    drawn = SystemRandom().randrange(2**32)
    return [{**stop, "seed": drawn if seed == -1 else seed} for stop, seed in zip(stops, seeds, strict=True)]


def _counted(text: str, of: str) -> tuple[str, int]:
    match = _COUNT.search(text)
    return (text[: match.start()], int(match[1])) if match else (text, _count(of))


def _listed(values: Sequence[JsonValue], of: str) -> tuple[Sequence[JsonValue], int]:
    last = _COUNT.fullmatch(str(values[-1])) if values else None
    return (values[:-1], int(last[1])) if last else (values, _count(of))


def _count(of: str) -> int:
    if of.strip() and not of.strip().isdecimal():
        raise RequestError("of", f"{of[:50]!r} does not say how many pictures there are from the first stop to the last.")
    return int(of[:9] or 0)


def put_stop(fields: dict[str, Any], value: Any, axis: Axis) -> None:
    """The place on the way."""
    if not isinstance(value, dict):
        raise RequestError("values", "A place on the way is an object of request fields.")
    fields |= value


def label_of_stop(value: Any) -> str:
    """Where between two stops it is."""
    parts = []
    if (blend := value.get("blend")) is not None:
        parts.append(f"{value['prompt']} → {blend['prompt']} {plain(blend['share'])}")
    if "variation_strength" in value:
        parts.append(f"seed {value['seed']} → {value['variation_seed']} {plain(value['variation_strength'])}")
    return ", ".join(parts) or label_of_fields(value)
