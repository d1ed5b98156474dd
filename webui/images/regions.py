"""What a detector found, as masks: which regions are taken, in what order, moved and grown. Numbers and their meaning are ADetailer's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot

import numpy as np
from PIL import Image, ImageChops

from webui.core.detail import MOST_REGIONS, Box, DetailStep
from webui.plugins.types import Region

Size = tuple[int, int]


@dataclass(frozen=True)
class Chosen:
    """The regions that a step works on, in order, each with its mask (white changes, not blurred yet), and what is to be said of them."""

    regions: tuple[Region, ...]
    masks: tuple[Image.Image, ...]
    notes: tuple[str, ...] = ()


def choose(found: Sequence[Region], size: Size, step: DetailStep) -> Chosen:
    """Filter, limit and order regions of a picture of `size`, and make their masks."""
    inside = [clipped for region in found if (clipped := _inside(region, size)) is not None]
    area = size[0] * size[1]
    fitting = [each for each in inside if each.confidence >= step.confidence and step.smallest <= _area(each) / area <= step.largest]
    most, notes = step.limit or MOST_REGIONS, list[str]()
    if len(fitting) > most:
        by = "the largest" if step.limit_by == "size" else "those it is surest of"
        fitting = sorted(fitting, key=_area if step.limit_by == "size" else _confidence, reverse=True)[:most]
        if not step.limit:
            notes.append(f"{step.detector} found {len(found)} regions; {by} {most} were worked on.")
    ordered = _ordered(fitting, size, step)
    masks = [(region, mask) for region in ordered if (mask := mask_of(region, size, step)).getbbox() is not None]
    if not masks:
        notes.append(_nothing(found, step))
    return Chosen(tuple(region for region, _ in masks), tuple(_merged([mask for _, mask in masks], step)), tuple(notes))


def given(step: DetailStep) -> list[Region]:
    """The regions that the step itself names."""
    return [Region(box, 1.0) for box in step.regions]


def _nothing(found: Sequence[Region], step: DetailStep) -> str:
    if not found:
        return f"{step.detector} found nothing; the step changed nothing."
    return f"{step.detector} found nothing of the confidence and size asked for ({len(found)} other regions); the step changed nothing."


def _inside(region: Region, size: Size) -> Region | None:
    left, top, right, bottom = (int(value) for value in region.box)
    box = max(left, 0), max(top, 0), min(right, size[0]), min(bottom, size[1])
    return replace(region, box=box) if box[0] < box[2] and box[1] < box[3] else None


def _area(region: Region) -> int:
    left, top, right, bottom = region.box
    return (right - left) * (bottom - top)


def _confidence(region: Region) -> float:
    return region.confidence


def _center(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _ordered(regions: Sequence[Region], size: Size, step: DetailStep) -> list[Region]:
    if step.order == "left to right":
        return sorted(regions, key=lambda each: each.box)
    if step.order == "center to edge":
        middle = size[0] / 2, size[1] / 2
        return sorted(regions, key=lambda each: hypot(*(a - b for a, b in zip(_center(each.box), middle, strict=True))))
    return sorted(regions, key=_area if step.order == "large to small" else _confidence, reverse=True)


def mask_of(region: Region, size: Size, step: DetailStep) -> Image.Image:
    """The region's mask: its own or its box, moved, then grown or shrunk."""
    if region.mask is not None and region.mask.size == size:
        mask = region.mask.convert("L").point(lambda value: 255 if value > 127 else 0)
    else:
        mask = Image.new("L", size)
        mask.paste(255, region.box)
    if step.offset_x or step.offset_y:
        moved = Image.new("L", size)
        moved.paste(mask, (step.offset_x, -step.offset_y))
        mask = moved
    return _grown(mask, step.grow) if step.grow else mask


def _grown(mask: Image.Image, by: int) -> Image.Image:
    """Dilated by a square of `by` pixels, or eroded by one of so many below 0."""
    white = np.asarray(mask) > 127
    if by < 0:
        white = ~white
    for axis in (0, 1):
        white = _spread(white, abs(by), axis)
    return Image.fromarray(np.where(white if by > 0 else ~white, 255, 0).astype(np.uint8))


def _spread(white: np.ndarray, span: int, axis: int) -> np.ndarray:
    """Whether any of `span` neighbours along an axis is white; what lies outside is not."""
    widths = [(0, 0), (0, 0)]
    widths[axis] = (span // 2 + 1, span - 1 - span // 2)
    sums = np.cumsum(np.pad(white, widths), axis=axis, dtype=np.int32)
    length = white.shape[axis]
    return np.asarray(np.take(sums, range(span, span + length), axis) > np.take(sums, range(length), axis))


def _merged(masks: Sequence[Image.Image], step: DetailStep) -> list[Image.Image]:
    if step.merge == "none" or not masks:
        return list(masks)
    union = masks[0]
    for mask in masks[1:]:
        union = ImageChops.lighter(union, mask)
    return [union] if step.merge == "merge" else [ImageChops.invert(union)]
