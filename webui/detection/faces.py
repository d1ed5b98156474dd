"""Faces by OpenCV's cascade of Haar features (Viola & Jones 2001; Lienhart & Maydt 2002), whose file its package carries."""

import math
import threading
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from webui.detection.packages import needed
from webui.errors import RequestError
from webui.plugins.types import Region

FILE, EYE_FILE = "haarcascade_frontalface_default.xml", "haarcascade_eye.xml"
LONGEST = 1280
"""Pixels of the longer side of what is looked at; a larger picture is made smaller for it."""
SMALLEST, LEAST = 40, 20
"""A face is at least this part of the shorter side, and so many pixels, high."""
_NEIGHBOURS, _STEP = 3, 1.07
_SOFT = 4.0
"""The cascade's sum at which the confidence is 0.63."""
_CONTRAST, _TILES = 2.0, (8, 8)
_EYES = (0.2, 0.6)
"""Which part of a face's height they are looked for in."""
_APART, _ASKEW = (0.28, 0.6), 0.4
"""How far apart they are, as shares of the face's width, and how much higher one may be, as a share of that."""
_WIDE = 200
"""Pixels that a face is made as wide as at least for its eyes."""
_one_at_a_time = threading.Lock()
Point = tuple[float, float]


def find_faces(image: Image.Image, confidence: float) -> list[Region]:
    """Upright faces seen from the front, the surest first. Raises `RequestError` where OpenCV is not installed."""
    cv2 = needed("cv2", "OpenCV")
    scale = min(LONGEST / max(image.size), 1.0)
    small = image.convert("L")
    if scale < 1:
        small = small.resize((max(round(image.width * scale), 1), max(round(image.height * scale), 1)), Image.Resampling.BOX)
    grey = np.asarray(small)
    if min(grey.shape) < LEAST:
        return []
    least = max(LEAST, min(grey.shape) // SMALLEST)
    with _one_at_a_time:  # a cascade keeps what it computes in itself
        even = cv2.createCLAHE(_CONTRAST, _TILES).apply(grey)  # a dark face has as much contrast as a light one
        boxes, _, sums = _cascade(FILE).detectMultiScale3(even, _STEP, _NEIGHBOURS, minSize=(least, least), outputRejectLevels=True)
        found = [_region(box, float(value), scale, _eyes(cv2, even, box)) for box, value in zip(boxes, sums, strict=True)]
    return sorted((each for each in found if each.confidence >= confidence), key=lambda each: -each.confidence)


def _region(box: Any, total: float, scale: float, eyes: tuple[Point, Point] | None) -> Region:
    left, top, width, height = (float(value) / scale for value in box)
    sure = 1 - math.exp(-max(total, 0.0) / _SOFT)
    seen = None if eyes is None else ((eyes[0][0] / scale, eyes[0][1] / scale), (eyes[1][0] / scale, eyes[1][1] / scale))
    return Region((round(left), round(top), round(left + width), round(top + height)), round(sure, 4), "face", eyes=seen)


def _eyes(cv2: Any, grey: np.ndarray, box: Any) -> tuple[Point, Point] | None:
    """The middles of a face's eyes, the left one in the picture first; None where two that could be are not seen."""
    left, top, width, height = (int(value) for value in box)
    first, last = top + round(_EYES[0] * height), top + round(_EYES[1] * height)
    times = max(_WIDE / width, 1.0)
    halves = (left, left + width // 2), (left + width // 2, left + width)
    found = [_eye(cv2, grey[first:last, start:end], times) for start, end in halves]
    if None in found:
        return None
    one, other = ((start + eye[0], first + eye[1]) for (start, _), eye in zip(halves, found, strict=True) if eye is not None)
    apart, askew = other[0] - one[0], abs(other[1] - one[1])
    fits = _APART[0] <= apart / width <= _APART[1] and askew <= _ASKEW * apart
    return (one, other) if fits else None


def _eye(cv2: Any, part: np.ndarray, times: float) -> Point | None:
    """The middle of the surest eye in a half of a face."""
    large = cv2.resize(part, None, fx=times, fy=times, interpolation=cv2.INTER_LINEAR) if times > 1 else part
    least = large.shape[1] // 5
    boxes, _, sums = _cascade(EYE_FILE).detectMultiScale3(large, 1.05, 3, minSize=(least, least), outputRejectLevels=True)
    if not len(boxes):
        return None
    left, top, width, height = boxes[int(np.argmax(sums))]
    return float(left + width / 2) / times, float(top + height / 2) / times


@cache
def _cascade(file: str) -> Any:
    cv2 = needed("cv2", "OpenCV")
    folder = getattr(getattr(cv2, "data", None), "haarcascades", "")
    cascade = cv2.CascadeClassifier(folder + file) if hasattr(cv2, "CascadeClassifier") else None
    if cascade is None or cascade.empty():
        raise RequestError("detector", "This OpenCV carries no face detector. Install opencv-python-headless below version 5.")
    return cascade
