"""A grid: one request, made once for every combination of its axes' values."""

from typing import Any, Literal

from pydantic import Field, JsonValue

from webui.core.frozen import FrozenModel

MAX_CELLS = 10_000
MAX_AXES = 3
MAX_TITLE = 200
AXIS_NAMES = ("X", "Y", "Z")


class AxisWish(FrozenModel):
    """An axis as it is asked for: a kind (a field, or one of A1111's names) and its values, as a list or in A1111's notation.

    `of` is what a kind is about where it needs that: the LoRA of "LoRA weight".
    """

    kind: str = Field(max_length=200)
    values: str | tuple[JsonValue, ...] = ""
    of: str = Field("", max_length=1000)


class GridWish(FrozenModel):
    """A grid as it is asked for. `new_seeds`: every cell has its own seed instead of all the same.

    Within their owner's jobs the cells have this priority; by default they come after what is submitted by hand.
    """

    request: dict[str, JsonValue] = Field(default_factory=dict)
    axes: tuple[AxisWish, ...] = Field(min_length=1, max_length=MAX_AXES, title="The list of axes")
    title: str = Field("", max_length=MAX_TITLE)
    new_seeds: bool = False
    priority: int = Field(-1, ge=-100, le=100)


PromptsFrom = Literal["request", "metadata", "files"]
"""Where the prompts of many start pictures come from: the request alone, the pictures' metadata too, or text files beside them."""


class FolderWish(FrozenModel):
    """A request over all pictures of a folder of the server's machine, whole paths.

    `masks` is a folder with a mask of each picture's name where it has one. `own_sizes`: each is made in its own shape and size, or at
    the checkpoint's own area where it is more than twice that; else all in the request's size.
    """

    folder: str = Field(max_length=4000)
    masks: str = Field("", max_length=4000)
    prompts: PromptsFrom = "request"
    own_sizes: bool = True
    request: dict[str, JsonValue] = Field(default_factory=dict)
    axes: tuple[AxisWish, ...] = Field((), max_length=2)
    title: str = Field("", max_length=200)


class Axis(FrozenModel):
    """An axis with its values read: each with the text that stands beside it. `kind` is a field's path or a special kind's name."""

    kind: str
    name: str
    of: str = ""
    values: tuple[JsonValue, ...]
    labels: tuple[str, ...]

    @property
    def beside(self) -> tuple[str, ...]:
        """The texts beside rows or columns: numbers say what they are of."""
        plain_words = any(isinstance(value, str | list | dict | tuple) for value in self.values)
        return self.labels if plain_words else tuple(f"{self.title}: {label}" for label in self.labels)

    @property
    def title(self) -> str:
        """What the axis is called."""
        return f"{self.name} ({self.of})" if self.of else self.name


class GridPlan(FrozenModel):
    """What a grid makes. `base` is the request that every cell starts from, with its seed chosen."""

    base: dict[str, JsonValue]
    axes: tuple[Axis, ...]
    new_seeds: bool = False

    @property
    def sides(self) -> tuple[int, int, int]:
        """How many values x, y and z have."""
        x, y, z = (*(len(axis.values) for axis in self.axes), 1, 1)[:3]
        return x, y, z


class GridPlace(FrozenModel):
    """Where a job stands in a grid: said in its pictures. `labels` are "Steps: 20" and the like, one an axis."""

    grid: str
    title: str = ""
    cell: tuple[int, int, int] = (0, 0, 0)
    labels: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """As it is written into a picture."""
        return ", ".join(self.labels)


CellState = Literal["planned", "queued", "running", "done", "failed", "cancelled"]


class Cell(FrozenModel):
    """One cell: its place, its job once there is one, and why there is none."""

    number: int
    x: int
    y: int
    z: int
    job_id: str | None = None
    state: CellState = "planned"
    error: str = ""


class Grid(FrozenModel):
    """A stored grid. `state` is "cancelled", else what its cells say."""

    id: str
    owner: str
    title: str = ""
    state: Literal["active", "done", "cancelled"] = "active"
    priority: int = -1
    created: float
    plan: GridPlan
    counts: dict[str, int] = Field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many cells there are."""
        x, y, z = self.plan.sides
        return x * y * z

    @property
    def body(self) -> dict[str, Any]:
        """Its JSON, with the axes and the base request beside the counts."""
        shown = self.model_dump(mode="json", exclude={"plan"})
        axes = [{**axis.model_dump(mode="json"), "title": axis.title} for axis in self.plan.axes]
        return {**shown, "total": self.total, "sides": list(self.plan.sides), "axes": axes, "request": self.plan.base}


def place_of(grid_id: str, title: str, plan: GridPlan, at: tuple[int, int, int]) -> GridPlace:
    """Where a cell stands."""
    labels = tuple(f"{axis.title}: {axis.labels[place]}" for axis, place in zip(plan.axes, at, strict=False))
    return GridPlace(grid=grid_id, title=title, cell=at, labels=labels)


def plain(value: Any) -> str:
    """A value as it stands beside a row or column."""
    return f"{value:g}" if isinstance(value, float) else str(value)
