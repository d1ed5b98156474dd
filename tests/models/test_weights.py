"""Weights on their file: every type, unaligned numbers, and pages that are given back."""

import json
import struct
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from webui.errors import CheckpointError
from webui.models.copies import Wanted, copied
from webui.models.weights import open_weights

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2)
DTYPES += (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool)


def test_every_type_and_shape_arrives(tmp_path):
    wanted = {str(dtype): torch.arange(6).reshape(2, 3).to(dtype) for dtype in DTYPES}
    wanted |= {"scalar": torch.tensor(3.5), "empty": torch.zeros(0, 4)}
    save_file(wanted, tmp_path / "all.safetensors", metadata={"a": "b"})
    weights = open_weights(tmp_path / "all.safetensors")
    assert weights.metadata == {"a": "b"} and weights.tensors.keys() == wanted.keys()
    for name, tensor in wanted.items():
        found = weights.tensors[name]
        assert (found.dtype, found.shape) == (tensor.dtype, tensor.shape) and torch.equal(found.double(), tensor.double())


def test_numbers_may_lie_anywhere(tmp_path):
    """A header of odd length: the format asks for no alignment."""
    numbers = torch.arange(5, dtype=torch.float32)
    header = json.dumps({"x": {"dtype": "F32", "shape": [5], "data_offsets": [0, 20]}}).encode()
    header += b" " * (8 - len(header) % 8 + 3)
    (tmp_path / "odd.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + numbers.numpy().tobytes())
    assert torch.equal(open_weights(tmp_path / "odd.safetensors").tensors["x"], numbers)


def test_a_type_that_is_not_known_is_named(tmp_path):
    header = json.dumps({"x": {"dtype": "F4", "shape": [4], "data_offsets": [0, 2]}}).encode()
    (tmp_path / "four.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + b"\0\0")
    with pytest.raises(CheckpointError, match="four.safetensors"):
        open_weights(tmp_path / "four.safetensors")


@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
def test_pages_are_given_back_and_read_again(tmp_path, suffix):
    path = tmp_path / f"large.{suffix}"
    wanted = {"a": torch.randn(2**20), "b": torch.randn(300)}
    save_file(wanted, path) if suffix == "safetensors" else torch.save(wanted, path)
    weights = open_weights(path)
    copies = dict(copied(weights.tensors, Wanted(torch.float32, torch.device("cpu")), weights.release))
    held = resident(path)
    assert all(torch.equal(copies[name], tensor) for name, tensor in wanted.items())
    assert all(torch.equal(weights.tensors[name], tensor) for name, tensor in wanted.items())
    if sys.platform == "linux":
        assert held < 2**20 < resident(path)


def resident(path: Path) -> int:
    """Bytes of a file's mappings that this process holds in memory."""
    if sys.platform != "linux":
        return 0
    total, inside = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split(" ")[0]:
            inside = line.endswith(str(path))
        elif inside and line.startswith("Rss:"):
            total += int(line.split()[1]) * 1024
    return total


def test_a_name_that_is_no_utf8_is_a_name_like_any_other(tmp_path):
    path = tmp_path / "b\udce4d.safetensors"
    save_file({"x": torch.ones(3)}, tmp_path / "plain.safetensors")
    (tmp_path / "plain.safetensors").rename(path)
    assert torch.equal(open_weights(path).tensors["x"], torch.ones(3))


@pytest.mark.parametrize(
    ("offsets", "more"), [(([0, 8], [4, 12]), b""), (([0, 8], [12, 20]), b""), (([4, 12], [12, 20]), b""), (([0, 8], [8, 16]), b"more")]
)
def test_tensors_lie_one_behind_the_other(tmp_path, offsets, more):
    """Overlaps, holes at the start and between, bytes behind the last: the file is not what it says."""
    entries = {str(number): {"dtype": "F32", "shape": [2], "data_offsets": list(span)} for number, span in enumerate(offsets)}
    header = json.dumps(entries).encode()
    data = bytes(max(span[1] for span in offsets))
    (tmp_path / "odd.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + data + more)
    with pytest.raises(CheckpointError, match="odd.safetensors cannot be read"):
        open_weights(tmp_path / "odd.safetensors")
