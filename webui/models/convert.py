"""Save a model file anew: a pickled one as `.safetensors`, and any with numbers of another type. One tensor at a time is in memory."""

import contextlib
import json
import math
import os
import shutil
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Literal

import torch
from torch import Tensor

from webui.core.foreign import INDEX, check_same, named_path, shown
from webui.errors import CheckpointError, StorageError
from webui.library.models import SUFFIXES, ModelFile
from webui.models.weights import DTYPE_NAMES, Progress, Weights, open_weights, scaled, take_scales

NumberType = Literal["keep", "float32", "float16", "bfloat16", "float8"]
NUMBER_TYPES: Mapping[NumberType, torch.dtype | None] = {
    "keep": None,
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float8": torch.float8_e4m3fn,
}
_SHORT = {"keep": "", "float32": "-fp32", "float16": "-fp16", "bfloat16": "-bf16", "float8": "-fp8"}
_RESERVE = 256 * 2**20
_PIECE = 2**20
_OF_THE_FILE = ("modelspec.hash_sha256", "sshs_model_hash", "sshs_legacy_hash")
"""Metadata that tells of the old file's bytes."""
_WHOLE_IN_FLOAT8 = ("first_stage_model.", "vae.", "decoder.", "encoder.", "post_quant_conv.", "quant_conv.")
"""Parts that float8 spoils: a VAE."""


@dataclass(frozen=True)
class _Written:
    """One tensor of the new file: its numbers as they are, the type they get, and what they are multiplied with."""

    name: str
    tensor: Tensor
    dtype: torch.dtype
    scale: Tensor | None = None

    @property
    def size(self) -> int:
        return math.prod(self.tensor.shape) * self.dtype.itemsize

    def numbers(self) -> Tensor:
        """The tensor as it is written."""
        if self.scale is not None:
            return scaled(self.tensor, self.scale, self.dtype).contiguous()
        return self.tensor.to(self.dtype).contiguous()


def converted_name(model: ModelFile, to: NumberType) -> str:
    """The file name that the converted model gets."""
    return f"{named_path(model.path).stem}{_SHORT[to]}.safetensors"


def convert(model: ModelFile, to: NumberType, progress: Progress) -> Path:
    """Write a model as `.safetensors` beside its file, with its metadata and copies of what lies beside it; gives the new file.

    Whole numbers stay; float8 is for the matrices outside the VAE, the rest becomes float16. The new file is read back and compared
    before it appears. `progress` is told (bytes done, of), and may raise to end it. Raises `CheckpointError` for a file that cannot be
    read, or whose numbers the type cannot hold, `StorageError` where it cannot be written or something has that name.
    """
    source = named_path(model.path)
    if source.name == INDEX:
        raise CheckpointError(f"{shown(source.parent)} is a folder. Only single files are converted.")
    target = source.with_name(converted_name(model, to))
    if target.exists():
        raise StorageError(f"{target} is there already. Rename it, or choose another type.")
    weights = open_weights(model.path)
    written = _planned(weights, NUMBER_TYPES[to])
    header = _header(written, _metadata(weights, source, keeps=to == "keep"))
    _check_space(target, len(header) + sum(each.size for each in written))
    part = target.with_name(f".{target.name}.part")
    try:
        with part.open("wb") as file:
            file.write(header)
            _write(file, written, weights, progress)
            file.flush()
            os.fsync(file.fileno())
        _verify(part, written, weights)
        check_same(model.path, model.identity)
        _appear(part, target)
    except OSError as error:
        raise StorageError(f"{target} cannot be written: {error.strerror}. Nothing was changed.") from None
    finally:
        part.unlink(missing_ok=True)
    _copy_beside(source, target)
    return target


def _planned(weights: Weights, dtype: torch.dtype | None) -> list[_Written]:
    """What is written, in the order of the file; the scales of 8-bit weights are multiplied in where the type changes."""
    tensors = dict(weights.tensors)
    scales = take_scales(tensors) if dtype is not None else {}
    if scales:
        tensors.pop("scaled_fp8", None)
    plain = [_Written(name, tensor, _type(name, tensor, dtype), scales.get(name)) for name, tensor in tensors.items()]
    return [replace(each, dtype=torch.float16) if each.scale is not None and each.dtype.itemsize == 1 else each for each in plain]


def _type(name: str, tensor: Tensor, dtype: torch.dtype | None) -> torch.dtype:
    if dtype is None or not tensor.is_floating_point():
        return tensor.dtype
    if dtype.itemsize == 1 and (tensor.ndim < 2 or name.startswith(_WHOLE_IN_FLOAT8)):
        return torch.float16
    return dtype


def _metadata(weights: Weights, source: Path, *, keeps: bool) -> dict[str, str]:
    """The old file's, less what was true of its bytes only, and which file it was."""
    stale = _OF_THE_FILE[:1] if keeps else _OF_THE_FILE
    return {**{key: value for key, value in weights.metadata.items() if key not in stale}, "darkroom.converted_from": shown(source)}


def _header(written: list[_Written], metadata: dict[str, str]) -> bytes:
    """The head of a safetensors file (github.com/huggingface/safetensors, "Format"): its length, then JSON, padded to 8 bytes."""
    told: dict[str, object] = {"__metadata__": metadata}
    position = 0
    for each in written:
        offsets = [position, position + each.size]
        told[each.name] = {"dtype": DTYPE_NAMES[each.dtype], "shape": list(each.tensor.shape), "data_offsets": offsets}
        position += each.size
    text = json.dumps(told).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def _write(file: BinaryIO, written: list[_Written], weights: Weights, progress: Progress) -> None:
    done, total = 0, sum(each.size for each in written)
    for each in written:
        numbers = each.numbers()
        _check_held(each, numbers, weights.source)
        file.write(_bytes(numbers))
        weights.release(each.tensor)
        done += each.size
        progress(done, total)


def _check_held(each: _Written, numbers: Tensor, source: str) -> None:
    """Raises `CheckpointError` where numbers became infinite, or none at all, by the type."""
    if not numbers.is_floating_point() or each.dtype == each.tensor.dtype or numbers.numel() == 0:
        return
    if not _is_finite(numbers) and _is_finite(each.tensor):
        name = str(each.dtype).removeprefix("torch.")
        raise CheckpointError(f"{source}: numbers in {each.name[:80]} are too large for {name}. Choose bfloat16, which holds them.")


def _is_finite(tensor: Tensor) -> bool:
    """Looked at in pieces: float8 knows no such question, and the answer's intermediate results are three times the tensor."""
    return all(bool(torch.isfinite(piece.float()).all()) for piece in torch.split(tensor.reshape(-1), _PIECE))


def _bytes(numbers: Tensor) -> memoryview:
    return numbers.reshape(-1).view(torch.uint8).numpy().data if numbers.numel() else memoryview(b"")


def _same_bits(there: Tensor, wanted: Tensor) -> bool:
    return torch.equal(there.reshape(-1).view(torch.uint8), wanted.reshape(-1).view(torch.uint8))


def _verify(part: Path, written: list[_Written], weights: Weights) -> None:
    """Read the new file and compare it with what it was made from. Raises `StorageError` where a bit differs."""
    made = open_weights(part)
    for each in written:
        there, wanted = made.tensors.get(each.name), each.numbers()
        if there is None or there.dtype != each.dtype or there.shape != wanted.shape or not _same_bits(there, wanted):
            raise StorageError(f"{each.name[:80]} is not on the disk as it was written. Is the disk sound? Nothing was changed.")
        made.release(there)
        weights.release(each.tensor)


def _check_space(target: Path, size: int) -> None:
    with contextlib.suppress(OSError):
        free = shutil.disk_usage(target.parent).free
        if size + _RESERVE > free:
            raise StorageError(
                f"{target.parent} has {free / 1e9:.1f} GB free, and the new file takes {size / 1e9:.1f} GB. Free some space."
            )


def _appear(part: Path, target: Path) -> None:
    """At once and without replacing anything."""
    try:
        os.link(part, target)
    except FileExistsError:
        raise StorageError(f"{target} is there already. Rename it, or choose another type.") from None
    except OSError:  # a file system without links
        part.rename(target)


def _copy_beside(source: Path, target: Path) -> None:
    """Copies of previews, descriptions and configurations under the new name; what cannot be copied is left."""
    for path in _beside(source):
        copy = target.with_name(target.stem + path.name[len(source.stem) :])
        with contextlib.suppress(OSError):
            if not copy.exists():
                shutil.copyfile(path, copy)


def _beside(source: Path) -> Iterator[Path]:
    for path in source.parent.iterdir():
        if path.name.startswith(f"{source.stem}.") and path.suffix.lower() not in SUFFIXES and path.is_file():
            yield path
