"""Users' YOLO files: networks written here by hand, which find what is red; and files that are none."""

import numpy as np
import pytest
from PIL import Image

from webui.core.foreign import identity_of
from webui.core.registry import Registry
from webui.detection.service import Detectors
from webui.detection.yolo import detect
from webui.errors import CheckpointError, RequestError
from webui.library import Library
from webui.plugins.manager import Extensions

pytest.importorskip("onnxruntime")
CELL, CELLS = 32, 8
SIDE = CELL * CELLS


def number(value: int) -> bytes:
    """A varint of protobuf."""
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def part(place: int, content: bytes | str) -> bytes:
    data = content.encode() if isinstance(content, str) else content
    return number(place << 3 | 2) + number(len(data)) + data


def whole(place: int, value: int) -> bytes:
    return number(place << 3) + number(value)


def constant(name: str, values: np.ndarray) -> bytes:
    kind = 7 if values.dtype == np.int64 else 1
    shape = b"".join(whole(1, size) for size in values.shape)
    return part(5, shape + whole(2, kind) + part(8, name) + part(9, values.tobytes()))


def node(kind: str, inputs: list[str], output: str, **attributes: list[int] | int) -> bytes:
    told = b""
    for name, given in attributes.items():
        said = whole(20, 2) + whole(3, given) if isinstance(given, int) else whole(20, 7) + b"".join(whole(8, each) for each in given)
        told += part(5, part(1, name) + said)
    return part(1, b"".join(part(1, name) for name in inputs) + part(2, output) + part(4, kind) + told)


def value(place: int, name: str, shape: tuple[int, ...]) -> bytes:
    sizes = b"".join(part(1, whole(1, size)) for size in shape)
    return part(place, part(1, name) + part(2, part(1, whole(1, 1) + part(2, sizes))))


def red_detector(outputs: tuple[int, ...] = (1, 6, CELLS * CELLS)) -> bytes:
    """A network that says of each cell of 32 pixels how red it is (class 0) and how blue (class 1), its box being the cell."""
    weights = np.zeros((2, 3, 1, 1), np.float32)
    weights[0, :, 0, 0], weights[1, :, 0, 0] = (1, -1, -1), (-1, -1, 1)
    rows, columns = (grid.reshape(1, 1, -1) for grid in np.mgrid[0:CELLS, 0:CELLS])
    boxes = np.concatenate([columns * CELL + CELL / 2, rows * CELL + CELL / 2, 0 * rows + CELL, 0 * rows + CELL], axis=1).astype(np.float32)
    graph = (
        node("AveragePool", ["images"], "cells", kernel_shape=[CELL, CELL], strides=[CELL, CELL])
        + node("Conv", ["cells", "weights"], "scores")
        + node("Reshape", ["scores", "flat"], "rows")
        + node("Concat", ["boxes", "rows"], "output0", axis=1)
        + part(2, "red")
    )
    graph += constant("weights", weights) + constant("boxes", boxes) + constant("flat", np.array([1, 2, -1], np.int64))
    graph += value(11, "images", (1, 3, SIDE, SIDE)) + value(12, "output0", outputs)
    names = part(14, part(1, "names") + part(2, "{0: 'red', 1: 'blue'}"))
    return whole(1, 8) + part(7, graph) + part(8, whole(2, 13)) + names


@pytest.fixture
def file(tmp_path):
    def write(data: bytes, name: str = "red.onnx"):
        folder = tmp_path / "adetailer"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_bytes(data)
        return path

    return write


@pytest.fixture
def picture():
    """128 x 64 grey, with a red square and a blue one."""
    image = Image.new("RGB", (128, 64), (90, 90, 90))
    image.paste((255, 0, 0), (16, 16, 32, 32))
    image.paste((0, 0, 255), (96, 32, 112, 48))
    return image


def found(path, image, confidence=0.5):
    return sorted((region.box, region.label) for region in detect(path, identity_of(path), image, confidence))


def test_boxes_come_back_in_the_picture_s_own_pixels(file, picture):
    assert found(file(red_detector()), picture) == [((16, 16, 32, 32), "red"), ((96, 32, 112, 48), "blue")]
    large = picture.resize((1280, 640), Image.Resampling.NEAREST)
    assert [box for box, _ in found(file(red_detector()), large)] == [(160, 160, 320, 320), (960, 320, 1120, 480)]


def test_confidence(file, picture):
    picture.paste((150, 0, 0), (16, 16, 32, 32))
    assert [label for _, label in found(file(red_detector()), picture)] == ["red", "blue"]
    assert [label for _, label in found(file(red_detector()), picture, 0.8)] == ["blue"]


@pytest.mark.parametrize("data", [b"", b"no network", red_detector()[:200], red_detector()[:-40]])
def test_a_file_that_is_no_network_is_named(file, picture, data):
    with pytest.raises(CheckpointError, match="red.onnx is no YOLO"):
        found(file(data), picture)


def test_a_network_that_takes_something_else_is_named(file, picture):
    other = red_detector().replace(b"AveragePool", b"MaxPoolxxxx")
    with pytest.raises(CheckpointError, match="red.onnx is no YOLO"):
        found(file(other), picture)


def test_files_are_detectors_by_their_names(file, tmp_path, picture):
    file(red_detector())
    file(b"a pickle", "face.pt")
    detectors = Detectors(Registry("detector", "detector"), Library((tmp_path,)), Extensions("web"))
    assert detectors.names == ["red"]
    assert [detectors.named(name) for name in ("red", "red.onnx", "RED", "red.pt")] == ["red"] * 4
    assert len(detectors.detect(picture, "red", 0.5)) == 2
    with pytest.raises(RequestError, match="AGPL"):
        detectors.named("face.pt")
    with pytest.raises(RequestError, match="no detector named 'hands'. There are: red"):
        detectors.named("hands")
