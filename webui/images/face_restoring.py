"""Faces in a whole picture mended: each is found, turned upright at the networks' size, mended, and put back. No torch.

Where a face lies follows from its eyes, as in the pictures that the networks were trained on (FFHQ's alignment, Karras et al. 2019).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image

from webui.core.detail import MOST_REGIONS, Box
from webui.core.finish import RestoreStep
from webui.errors import RequestError
from webui.images.finishing import on_colors
from webui.plugins.types import FinishRun, Region

FACE = 512
"""Pixels a side of an aligned face."""
EYES = (complex(193, 240), complex(319, 240))
"""Where the eyes are in it."""
_USUAL = ((0.3, 0.39), (0.7, 0.39))
"""Where they are in a detector's box that says nothing of eyes, as shares of its sides."""
_SOFT = FACE // 8
"""Pixels at the edge of an aligned face over which it is blended with the picture."""


def restore(image: Image.Image, step: RestoreStep, run: FinishRun) -> Image.Image:
    """Mend the faces of a picture, or the one that it is. A detector that fails or finds none leaves it as it is, with a note."""
    if step.aligned:
        return on_colors(image, lambda plain: _mended_whole(plain, step, run))
    return on_colors(image, lambda plain: _mended_faces(plain, step, run))


def _mended_whole(face: Image.Image, step: RestoreStep, run: FinishRun) -> Image.Image:
    made = run.mend(face, step.model, step.fidelity)
    return made if step.visibility == 1 else Image.blend(face, made, step.visibility)


def _mended_faces(image: Image.Image, step: RestoreStep, run: FinishRun) -> Image.Image:
    try:
        found = run.off_device(lambda: run.detect(image, step.detector, step.confidence))
    except RequestError as error:
        run.note(f"Made without the step Restore faces: {error.message}")
        return image
    faces = _chosen(found, step, run)
    image = image.copy()
    for number, region in enumerate(faces):
        run.progress(number, len(faces))
        alignment = Alignment.of(region)
        mended = run.mend(run.off_device(partial(alignment.cut, image)), step.model, step.fidelity)
        run.off_device(partial(alignment.put_back, image, mended, step.visibility))
    return image


def _chosen(found: Sequence[Region], step: RestoreStep, run: FinishRun) -> list[Region]:
    sure = sorted((each for each in found if each.confidence >= step.confidence), key=lambda each: -each.confidence)
    if not sure:
        run.note(f"{step.detector} found no face; the step changed nothing.")
    if len(sure) > MOST_REGIONS:
        run.note(f"{step.detector} found {len(sure)} faces; those it is surest of, {MOST_REGIONS}, were mended.")
    return sorted(sure[:MOST_REGIONS], key=lambda each: each.box)


@dataclass(frozen=True)
class Alignment:
    """Where an aligned face lies in a picture: its pixel z, as a complex number, is the picture's `turn` · z + `shift`."""

    turn: complex
    shift: complex

    @classmethod
    def of(cls, region: Region) -> "Alignment":
        """By the region's eyes, or where they usually are in its box."""
        left, right = (complex(*eye) for eye in region.eyes or _usual_eyes(region.box))
        turn = (right - left) / (EYES[1] - EYES[0])
        return cls(turn, left - turn * EYES[0])

    @property
    def scale(self) -> float:
        """Pixels of the picture to one of the face."""
        return abs(self.turn)

    @property
    def box(self) -> Box:
        """The part of the picture that the aligned face covers; it may reach beyond the picture."""
        corners = [self.turn * corner + self.shift for corner in (0, FACE, FACE * 1j, FACE + FACE * 1j)]
        across, down = [corner.real for corner in corners], [corner.imag for corner in corners]
        return math.floor(min(across)), math.floor(min(down)), math.ceil(max(across)), math.ceil(max(down))

    def cut(self, image: Image.Image) -> Image.Image:
        """The face upright, 512 pixels a side. Beside the picture its edge goes on."""
        left, top, right, bottom = self.box
        inside = max(left, 0), max(top, 0), min(right, image.width), min(bottom, image.height)
        part = np.asarray(image.crop(inside))
        beside = ((inside[1] - top, bottom - inside[3]), (inside[0] - left, right - inside[2]), (0, 0))
        whole, by = Image.fromarray(np.pad(part, beside, mode="edge")), max(int(self.scale), 1)
        turn, shift = self.turn / by, (self.shift - complex(left, top)) / by
        return whole.reduce(by).transform((FACE, FACE), Image.Transform.AFFINE, _affine(turn, shift), Image.Resampling.BICUBIC)

    def put_back(self, image: Image.Image, face: Image.Image, visibility: float) -> None:
        """Lay a mended face over the picture, softly at its edges, as visible as that."""
        left, top, right, bottom = self.box
        window = max(left, 0), max(top, 0), min(right, image.width), min(bottom, image.height)
        size, by = (window[2] - window[0], window[3] - window[1]), max(int(1 / self.scale), 1)
        turn, shift = 1 / self.turn / by, (complex(window[0], window[1]) - self.shift) / self.turn / by
        mask = _soft_mask().point(lambda value: round(value * visibility))
        laid = [
            each.reduce(by).transform(size, Image.Transform.AFFINE, _affine(turn, shift), Image.Resampling.BICUBIC) for each in (face, mask)
        ]
        image.paste(laid[0], window[:2], laid[1])


def _usual_eyes(box: Box) -> tuple[tuple[float, float], ...]:
    left, top, right, bottom = box
    return tuple((left + x * (right - left), top + y * (bottom - top)) for x, y in _USUAL)


def _affine(turn: complex, shift: complex) -> tuple[float, ...]:
    """Pillow's coefficients of z ↦ turn · z + shift."""
    return turn.real, -turn.imag, shift.real, turn.imag, turn.real, shift.imag


def _soft_mask() -> Image.Image:
    places = np.minimum(np.arange(FACE) + 0.5, FACE - np.arange(FACE) - 0.5) / _SOFT
    slope = np.clip(places, 0, 1)
    slope = slope * slope * (3 - 2 * slope)
    return Image.fromarray(np.rint(slope[:, None] * slope[None] * 255).astype(np.uint8))
