"""What a picture shows, as numbers: drawn for a whole batch at once from one generator, before anything is painted or put in words."""

import torch

from webui.core.request import FrozenModel
from webui.train.default_model.bank import FILLING, HUES, MANY, Bank
from webui.train.default_model.compose import COLOURS

KINDS = ("plain", "moved", "size", "place", "count", "pair", "hue")
PLACES: dict[str, tuple[float, float]] = {
    "top left corner": (0.25, 0.25),
    "top right corner": (0.75, 0.25),
    "bottom left corner": (0.25, 0.75),
    "bottom right corner": (0.75, 0.75),
    "top": (0.5, 0.25),
    "bottom": (0.5, 0.75),
    "left": (0.25, 0.5),
    "right": (0.75, 0.5),
}
BESIDE, ABOVE = 0, 1
LAYERS = 3
_SMALL, _LARGE, _HALF, _THIRD = 0.4, 1.0, 0.46, 0.4
_UNUSED = -1
_WHITE = 5
"""White comes so many times as often as any other background: it is also what an unnamed one means."""


class Mix(FrozenModel):
    """Shares of the kinds of scenes; what is left is plain."""

    moved: float = 0.2
    size: float = 0.07
    place: float = 0.05
    count: float = 0.04
    pair: float = 0.05
    hue: float = 0.08

    def shares(self) -> torch.Tensor:
        others = [getattr(self, kind) for kind in KINDS[1:]]
        return torch.tensor([1 - sum(others), *others])


OBJECTS = Mix()
"""Mostly one object; two objects and named places are 10 %."""

ARRANGED = Mix(moved=0.1, size=0.08, place=0.15, count=0.08, pair=0.25, hue=0.1)
"""Two objects and named places are 40 %."""


class Scenes(FrozenModel):
    """A batch. `what` is [n, LAYERS]: concepts, -1 where there is none; `boxes` [n, LAYERS, 3]: centre and side as shares of the picture.

    `detail` means by kind: small or large, a place, two or three, beside or above. `hue` is a colour word's number or -1.
    """

    model_config = {"arbitrary_types_allowed": True, "frozen": True}

    kind: torch.Tensor
    style: torch.Tensor
    ground: torch.Tensor
    jitter: torch.Tensor
    what: torch.Tensor
    boxes: torch.Tensor
    mirrored: torch.Tensor
    detail: torch.Tensor
    hue: torch.Tensor

    def __len__(self) -> int:
        return len(self.kind)

    def rows(self, index: torch.Tensor) -> "Scenes":
        return Scenes(**{name: getattr(self, name)[index] for name in Scenes.model_fields})

    def to(self, device: torch.device) -> "Scenes":
        return Scenes(**{name: getattr(self, name).to(device) for name in Scenes.model_fields})


def joined(parts: list[Scenes]) -> Scenes:
    return Scenes(**{name: torch.cat([getattr(part, name) for part in parts]) for name in Scenes.model_fields})


class Kit(FrozenModel):
    """What drawing scenes needs to know of a bank, without the pictures: how many, and which (style, concept) have one hue."""

    model_config = {"arbitrary_types_allowed": True, "frozen": True}

    styles: int
    concepts: int
    coloured: torch.Tensor


def kit(bank: Bank) -> Kit:
    return Kit(styles=len(bank.styles), concepts=len(bank.concepts), coloured=(bank.hue != MANY).nonzero().cpu())


def draw(known: Kit, count: int, mix: Mix, source: torch.Generator) -> Scenes:
    """`count` scenes; the same for the same generator."""
    kind = torch.multinomial(mix.shares(), count, replacement=True, generator=source)
    what = torch.full((count, LAYERS), _UNUSED)
    what[:, 0] = _whole(known.concepts, count, source)
    other = (what[:, 0] + 1 + _whole(max(1, known.concepts - 1), count, source)) % known.concepts
    style, ground = _whole(known.styles, count, source), (_whole(len(COLOURS) + _WHITE - 1, count, source) - _WHITE + 1).clamp(min=0)
    hue = torch.full((count,), _UNUSED)
    if len(known.coloured):
        chosen = known.coloured[_whole(len(known.coloured), count, source)]
        is_hue = kind == KINDS.index("hue")
        what[:, 0], style = torch.where(is_hue, chosen[:, 1], what[:, 0]), torch.where(is_hue, chosen[:, 0], style)
        hue = torch.where(is_hue, _whole(len(HUES), count, source), hue)
        ground = torch.where(is_hue & (_hue_grounds()[hue] == ground), 0, ground)
    else:
        kind = torch.where(kind == KINDS.index("hue"), 0, kind)
    boxes, what, detail = _arranged(kind, what, other, source)
    mirrored = (torch.rand((count, LAYERS), generator=source) < 0.5) & (kind == KINDS.index("moved"))[:, None]
    jitter = torch.randint(-8, 9, (count, 3), generator=source) * (kind != 0)[:, None]
    return Scenes(kind=kind, style=style, ground=ground, jitter=jitter, what=what, boxes=boxes, mirrored=mirrored, detail=detail, hue=hue)


def _whole(below: int, count: int, source: torch.Generator) -> torch.Tensor:
    return torch.randint(below, (count,), generator=source)


def _hue_grounds() -> torch.Tensor:
    """The background of the same name for each colour word."""
    return torch.tensor([list(COLOURS).index(name) for name in HUES])


def _arranged(
    kind: torch.Tensor, what: torch.Tensor, other: torch.Tensor, source: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Boxes, what is in them, and the detail that the caption names."""
    count = len(kind)
    shift, scale = torch.rand((count, LAYERS, 2), generator=source) * 2 - 1, torch.rand((count, LAYERS), generator=source)
    boxes, detail = torch.zeros((count, LAYERS, 3)), torch.zeros(count, dtype=torch.long)
    boxes[:, 0] = torch.tensor([0.5, 0.5, FILLING])
    boxes[:, 0, :2] += shift[:, 0] * 0.04 * (kind == KINDS.index("hue"))[:, None]

    rows = (kind == KINDS.index("moved")).nonzero()[:, 0]
    side = 0.5 + 0.375 * scale[rows, 0]
    boxes[rows, 0] = torch.cat([0.5 + shift[rows, 0] * (1 - side[:, None]) / 2, side[:, None]], 1)

    rows = (kind == KINDS.index("size")).nonzero()[:, 0]
    detail[rows] = _whole(2, count, source)[rows]
    boxes[rows, 0, 2] = torch.where(detail[rows] == 0, _SMALL, _LARGE) + (scale[rows, 0] - 0.5) * 0.06 * (detail[rows] == 0)
    boxes[rows, 0, :2] += shift[rows, 0] * 0.05 * (detail[rows] == 0)[:, None]

    rows = (kind == KINDS.index("place")).nonzero()[:, 0]
    detail[rows] = _whole(len(PLACES), count, source)[rows]
    boxes[rows, 0, :2] = torch.tensor(list(PLACES.values()))[detail[rows]] + shift[rows, 0] * 0.02
    boxes[rows, 0, 2] = _HALF

    rows = (kind == KINDS.index("count")).nonzero()[:, 0]
    detail[rows] = 2 + _whole(2, count, source)[rows]
    boxes[rows], what[rows] = _several(detail[rows], shift[rows]), _repeated(detail[rows], what[rows, 0])

    rows = (kind == KINDS.index("pair")).nonzero()[:, 0]
    detail[rows] = (_whole(10, count, source)[rows] >= 7).long()
    boxes[rows, :2], what[rows, 1] = _two(detail[rows], shift[rows]), other[rows]
    return boxes, what, detail


def _several(number: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Two side by side, or three: two below and one above."""
    two = torch.tensor([[0.26, 0.5, _HALF], [0.74, 0.5, _HALF], [0.0, 0.0, 0.0]])
    three = torch.tensor([[0.26, 0.7, _THIRD], [0.74, 0.7, _THIRD], [0.5, 0.26, _THIRD]])
    boxes = torch.where((number == 2)[:, None, None], two, three)
    boxes[..., :2] += shift * 0.02 * (boxes[..., 2:] > 0)
    return boxes


def _repeated(number: torch.Tensor, concept: torch.Tensor) -> torch.Tensor:
    places = torch.arange(LAYERS)[None] < number[:, None]
    return torch.where(places, concept[:, None], _UNUSED)


def _two(relation: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    beside = torch.tensor([[0.26, 0.5, _HALF], [0.74, 0.5, _HALF]])
    above = torch.tensor([[0.5, 0.26, _HALF], [0.5, 0.74, _HALF]])
    boxes = torch.where((relation == BESIDE)[:, None, None], beside, above)
    boxes[..., :2] += shift[:, :2] * 0.02
    return boxes
