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

FILE = "haarcascade_frontalface_default.xml"
LONGEST = 1280
"""Pixels of the longer side of what is looked at; a larger picture is made smaller for it."""
SMALLEST, LEAST = 40, 20
"""A face is at least this part of the shorter side, and so many pixels, high."""
_NEIGHBOURS, _STEP = 3, 1.07
_SOFT = 4.0
"""The cascade's sum at which the confidence is 0.63."""
_CONTRAST, _TILES = 2.0, (8, 8)
_one_at_a_time = threading.Lock()


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
        boxes, _, sums = _cascade().detectMultiScale3(even, _STEP, _NEIGHBOURS, minSize=(least, least), outputRejectLevels=True)
    found = [_region(box, float(value), scale) for box, value in zip(boxes, sums, strict=True)]
    return sorted((each for each in found if each.confidence >= confidence), key=lambda each: -each.confidence)


def _region(box: Any, total: float, scale: float) -> Region:
    left, top, width, height = (float(value) / scale for value in box)
    sure = 1 - math.exp(-max(total, 0.0) / _SOFT)
    return Region((round(left), round(top), round(left + width), round(top + height)), round(sure, 4), "face")


@cache
def _cascade() -> Any:
    cv2 = needed("cv2", "OpenCV")
    folder = getattr(getattr(cv2, "data", None), "haarcascades", "")
    cascade = cv2.CascadeClassifier(folder + FILE) if hasattr(cv2, "CascadeClassifier") else None
    if cascade is None or cascade.empty():
        raise RequestError("detector", "This OpenCV carries no face detector. Install opencv-python-headless below version 5.")
    return cascade
