"""Users' YOLO detectors as ONNX files: boxes, and the shapes of those that segment. Runs on the CPU, by onnxruntime.

A `.pt` of Ultralytics is a pickled program of their package, whose licence (AGPL) is not ours: it is never opened, and refused by name.
"""

import ast
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from webui.core.foreign import FileIdentity, check_same, shown
from webui.detection.packages import needed
from webui.errors import CheckpointError
from webui.plugins.types import Region

USUAL = 640
"""Pixels a side that a network sees, where its file takes any."""
MOST_SIDE = 4096
OVERLAP = 0.7
"""Of two boxes of one class that cover each other more than this, the surer stays (intersection over union)."""
MOST = 300
_GREY = 114
_COEFFICIENTS = 32
"""Of a shape, as a sum of the network's prototypes."""
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Frame:
    """How a picture of `size` stands in what the network sees: made `scale` times as large, `offset` from the corner of `side`."""

    size: tuple[int, int]
    side: tuple[int, int]

    @property
    def scale(self) -> float:
        return min(self.side[0] / self.size[0], self.side[1] / self.size[1])

    @property
    def inner(self) -> tuple[int, int]:
        """The picture's size in it."""
        return max(round(self.size[0] * self.scale), 1), max(round(self.size[1] * self.scale), 1)

    @property
    def offset(self) -> tuple[int, int]:
        return (self.side[0] - self.inner[0]) // 2, (self.side[1] - self.inner[1]) // 2


def detect(path: Path, identity: FileIdentity, image: Image.Image, confidence: float) -> list[Region]:
    """Return what the network finds, the surest first.

    Raises `CheckpointError` naming a file that is none, and `RequestError` where onnxruntime is not installed.
    One network runs at a time: it takes all cores.
    """
    with _one_at_a_time:
        check_same(path, identity)
        session = _session(path, identity)
        frame = Frame(image.size, _side(session))
        try:
            outputs = session.run(None, {session.get_inputs()[0].name: letterbox(image, frame)})
        except Exception as error:  # the boundary around a network that takes other pictures
            raise _none(path) from error
        names = _names(session)
    rows, prototypes = _rows([np.asarray(output) for output in outputs], path)
    boxes, scores, classes, shapes = _columns(rows, prototypes is not None)
    sure = np.flatnonzero(scores >= max(confidence, 1e-3))
    found = []
    for at in sure[_suppressed(boxes[sure], scores[sure], classes[sure])]:
        box = _whole((boxes[at].reshape(2, 2) - frame.offset) / frame.scale, image.size)
        if box[0] >= box[2] or box[1] >= box[3]:
            continue
        mask = None if prototypes is None else _shape(shapes[at], prototypes, frame, box)
        label = names.get(int(classes[at]), str(int(classes[at])))[:100]
        found.append(Region(box, round(min(float(scores[at]), 1.0), 4), label, mask))
    return found


def letterbox(image: Image.Image, frame: Frame) -> np.ndarray:
    """The picture in the middle of a grey one, [1, 3, height, width] in 0…1."""
    seen = Image.new("RGB", frame.side, (_GREY,) * 3)
    seen.paste(image.convert("RGB").resize(frame.inner, Image.Resampling.BILINEAR), frame.offset)
    return np.ascontiguousarray(np.asarray(seen, np.float32).transpose(2, 0, 1)[None] / 255)


def _rows(outputs: Sequence[np.ndarray], path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """(n rows, prototypes [32, h, w] or None)."""
    flat = next((output[0] for output in outputs if output.ndim == 3 and len(output) == 1), None)
    if flat is None or min(flat.shape) < 5 or not np.isfinite(flat).all():
        raise _none(path)
    prototypes = next((output[0] for output in outputs if output.ndim == 4 and output.shape[:2] == (1, _COEFFICIENTS)), None)
    ends = flat.shape[1] in (6, 6 + _COEFFICIENTS) and flat.shape[0] >= flat.shape[1]
    return (flat if ends else flat.T).astype(np.float32), prototypes


def _columns(rows: np.ndarray, shaped: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Boxes as corners, scores, classes, coefficients."""
    shapes = rows[:, -_COEFFICIENTS:] if shaped else rows[:, :0]
    rows = rows[:, :-_COEFFICIENTS] if shaped else rows
    if rows.shape[1] == 6 and (rows[:, 5] == np.round(rows[:, 5])).all() and (rows[:, 2:4] >= rows[:, :2]).all():
        return rows[:, :4], rows[:, 4], rows[:, 5].astype(int), shapes
    middle, extent = rows[:, :2], rows[:, 2:4]
    corners = np.concatenate([middle - extent / 2, middle + extent / 2], axis=1)
    return corners, rows[:, 4:].max(axis=1), rows[:, 4:].argmax(axis=1), shapes


def _suppressed(boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray) -> list[int]:
    """Greedy non-maximum suppression within each class."""
    order = list(np.argsort(-scores, kind="stable")[: MOST * 10])
    kept: list[int] = []
    while order and len(kept) < MOST:
        best = order.pop(0)
        kept.append(int(best))
        order = [at for at in order if classes[at] != classes[best] or _overlap(boxes[at], boxes[best]) <= OVERLAP]
    return kept


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    width, height = np.maximum(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0)
    both = float(width * height)
    areas = float(np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]))
    return both / (areas - both) if areas > both else 0.0


def _whole(corners: np.ndarray, size: tuple[int, int]) -> tuple[int, int, int, int]:
    (left, top), (right, bottom) = np.clip(np.rint(corners), 0, size).astype(int).tolist()
    return left, top, right, bottom


def _shape(coefficients: np.ndarray, prototypes: np.ndarray, frame: Frame, box: tuple[int, int, int, int]) -> Image.Image:
    """The mask of one region, of the picture's size, within its box."""
    logits = np.tensordot(coefficients, prototypes.astype(np.float32), axes=1)
    across, down = logits.shape[1] / frame.side[0], logits.shape[0] / frame.side[1]
    (x, y), (width, height) = frame.offset, frame.inner
    cut = x * across, y * down, min((x + width) * across, logits.shape[1]), min((y + height) * down, logits.shape[0])
    grown = Image.fromarray(logits).resize(frame.size, Image.Resampling.BILINEAR, box=cut)
    white = np.zeros((frame.size[1], frame.size[0]), bool)
    left, top, right, bottom = box
    white[top:bottom, left:right] = np.asarray(grown)[top:bottom, left:right] > 0
    return Image.fromarray(np.where(white, 255, 0).astype(np.uint8))


@lru_cache(maxsize=2)
def _session(path: Path, identity: FileIdentity) -> Any:
    """Kept by the file's identity."""
    runtime = needed("onnxruntime", "onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the boundary around a file that is no network
        raise _none(path) from error
    if len(session.get_inputs()) != 1 or len(session.get_inputs()[0].shape) != 4:
        raise _none(path)
    return session


def _side(session: Any) -> tuple[int, int]:
    height, width = session.get_inputs()[0].shape[2:]
    sides = [side if isinstance(side, int) and 32 <= side <= MOST_SIDE else USUAL for side in (width, height)]
    return sides[0], sides[1]


def _names(session: Any) -> dict[int, str]:
    """The classes' names, which Ultralytics writes into the file as a Python dictionary."""
    try:
        found = ast.literal_eval(session.get_modelmeta().custom_metadata_map.get("names", "{}"))
        return {int(key): str(name) for key, name in found.items()}
    except (ValueError, SyntaxError, AttributeError, TypeError, RecursionError, MemoryError):
        return {}


def _none(path: Path) -> CheckpointError:
    said = f"{shown(path)} is no YOLO detector that can be run: one picture goes in, boxes with scores come out."
    return CheckpointError(f"{said} Export it anew: yolo export model=NAME.pt format=onnx")
