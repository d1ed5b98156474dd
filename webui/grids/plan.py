"""A wish becomes a plan: values read, seeds chosen, the number of cells checked; and a plan becomes the requests of its cells."""

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from pydantic import JsonValue, ValidationError

from webui.core.grid import AXIS_NAMES, MAX_CELLS, Axis, AxisWish, GridPlan, GridWish
from webui.core.request import MAX_SEED, GenerationRequest, ResolvedRequest, parse_request, request_error_from
from webui.errors import RequestError
from webui.grids.axes import apply, costs, following, kind_of, read_axis

RANDOM_SEEDS = 2**32
MOST_RESOLVED = 60
"""Values of an axis that are looked at whole before the grid is taken; of numbers the ends are enough."""
Resolve = Callable[[GenerationRequest], ResolvedRequest]
Place = tuple[int, int, int]


def parse_wish(data: dict[str, Any]) -> GridWish:
    """A wish of plain data. Raises `RequestError` naming the first thing that is wrong."""
    try:
        return GridWish.model_validate(data)
    except ValidationError as error:
        raise request_error_from(error, GridWish) from None


def make_plan(wish: GridWish, resolve: Resolve) -> GridPlan:
    """Read a wish. Raises `RequestError` for whatever of it no cell could be made with, before anything is stored."""
    base = parse_request(dict(wish.request))
    fields = base.model_dump(mode="json", exclude_unset=True)
    axes = tuple(_with_seeds(_named(place, partial(read_axis, wanted, fields))) for place, wanted in enumerate(wish.axes))
    _check_count(axes)
    following(axes)
    chosen = {name: _chosen(getattr(base, name)) for name in ("seed", "variation_seed")}
    plan = GridPlan(base=fields | chosen, axes=axes, new_seeds=wish.new_seeds)
    for place, axis in enumerate(axes):
        _named(place, partial(check_values, plan, place, range(len(axis.values)), resolve))
    return plan


def add_values(plan: GridPlan, place: int, values: str | tuple[JsonValue, ...], resolve: Resolve) -> GridPlan:
    """The plan with more values on one axis; those that it has already are left out. Raises `RequestError`."""
    if not 0 <= place < len(plan.axes):
        raise RequestError("axis", f"This grid has {len(plan.axes)} axes: {', '.join(AXIS_NAMES[: len(plan.axes)]).lower()}.")
    old = plan.axes[place]
    if kind_of(old.kind).whole:
        raise RequestError("axis", f"{old.name} has all its values. Make a new grid.")
    more = _with_seeds(read_axis(AxisWish(kind=old.kind, of=old.of, values=values), plan.base))
    new = [(value, label) for value, label in zip(more.values, more.labels, strict=True) if value not in old.values]
    if not new:
        raise RequestError("values", "The axis has these values already.")
    axis = old.model_copy(
        update={"values": (*old.values, *(value for value, _ in new)), "labels": (*old.labels, *(label for _, label in new))}
    )
    axes = tuple(axis if number == place else each for number, each in enumerate(plan.axes))
    _check_count(axes)
    grown = plan.model_copy(update={"axes": axes})
    check_values(grown, place, range(len(old.values), len(axis.values)), resolve)
    return grown


def check_values(plan: GridPlan, place: int, numbers: Sequence[int], resolve: Resolve) -> None:
    """Try an axis' values, one at a time, each with the first of the others. Raises `RequestError` naming the value."""
    axis = plan.axes[place]
    numbers = numbers[:1] if kind_of(axis.kind).follows else numbers  # the others start from pictures that are not there yet
    are_numbers = all(isinstance(value, int | float) for value in axis.values)
    whole = {*numbers[:1], *numbers[-1:]} if are_numbers else set(numbers[:MOST_RESOLVED])
    for number in numbers:
        at = [0, 0, 0]
        at[place] = number
        try:
            request = cell_request(plan, (at[0], at[1], at[2]), 0)
            if number in whole:
                resolve(request)
        except RequestError as error:
            raise RequestError(error.field, f"{axis.title} {axis.labels[number][:100]}: {error.message}") from None


def before(plan: GridPlan, at: Place) -> Place | None:
    """The cell whose picture this one starts from; None for one that starts from what the request says."""
    axis = following(plan.axes)
    if axis is None or at[axis] == 0:
        return None
    x, y, z = (place - (number == axis) for number, place in enumerate(at))
    return x, y, z


def cell_request(plan: GridPlan, at: Place, number: int, start: str = "") -> GenerationRequest:
    """The request of one cell, by its place and its number. Raises `RequestError` where its values do not go together.

    `start` is the id of the picture of the cell `before` it.
    """
    fields = apply(dict(plan.base), plan.axes, at)
    request = parse_request(fields | {"init": start} if start else fields)
    if not plan.new_seeds or any(axis.kind == "seed" for axis in plan.axes):
        return request
    return request.model_copy(update={"seed": (request.seed + number * request.count) % (MAX_SEED + 1)})


def places(plan: GridPlan, known: GridPlan | None = None) -> Iterator[Place]:
    """The places of a plan's cells in the order in which they are made: what costs most changes least. Those of `known` are left out.

    Equal values of an axis stand together, so that a checkpoint named twice is loaded once.
    """
    old = known.sides if known is not None else (0, 0, 0)
    expensive = [*costs(plan.axes), 0.0, 0.0][:3]
    loops = sorted((2, 1, 0), key=lambda axis: -expensive[axis])
    first = [_first(plan.axes[axis]) if axis < len(plan.axes) else [0] for axis in range(3)]

    def turn(at: Place) -> tuple[int, ...]:
        return (*(first[axis][at[axis]] for axis in loops), *(at[axis] for axis in loops))

    x, y, z = plan.sides
    everything: Iterator[Place] = itertools.product(range(x), range(y), range(z))
    yield from sorted((at for at in everything if not all(one < other for one, other in zip(at, old, strict=True))), key=turn)


def _first(axis: Axis) -> list[int]:
    """For each value the number of the first one that is equal."""
    numbers: dict[str, int] = {}
    return [numbers.setdefault(label, number) for number, label in enumerate(axis.labels)]


def _with_seeds(axis: Axis) -> Axis:
    """-1 on an axis of seeds is chosen once, for all cells with it."""
    if axis.kind not in ("seed", "variation_seed"):
        return axis
    values = tuple(_chosen(value) if isinstance(value, int) else value for value in axis.values)
    return axis.model_copy(update={"values": values, "labels": tuple(map(str, values))})


def _chosen(seed: int) -> int:
    return random.SystemRandom().randrange(RANDOM_SEEDS) if seed == -1 else seed


def _check_count(axes: Sequence[Axis]) -> None:
    count = 1
    for axis in axes:
        count *= len(axis.values)
    if count > MAX_CELLS:
        sides = " × ".join(str(len(axis.values)) for axis in axes)
        said = f"This grid would have {sides} = {count:,} cells; at most {MAX_CELLS:,} are possible. Take fewer values."
        raise RequestError("axes", said)


def _named(place: int, act: Callable[[], Any]) -> Any:
    """Say which axis an error is about."""
    try:
        return act()
    except RequestError as error:
        raise RequestError(f"axes.{place}.{error.field}", f"{AXIS_NAMES[place]} axis: {error.message}") from None
