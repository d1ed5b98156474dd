"""A safetensors header: names, shapes and metadata of a file without reading its weights.

Format (https://github.com/huggingface/safetensors, "Format"): 8 bytes little-endian length N, then N bytes of JSON, then the data.
"""

import json
import struct
from pathlib import Path
from typing import Any

from webui.core.request import Value
from webui.errors import CheckpointError

_LIMIT = 100 * 2**20


class Header(Value):
    """`shapes` by tensor name; `metadata` as the file's maker wrote it."""

    shapes: dict[str, tuple[int, ...]]
    metadata: dict[str, str] = {}


def read_header(path: Path) -> Header:
    """Read and check a header. Raises `CheckpointError` when the file is missing, truncated or not safetensors."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            prefix = file.read(8)
            length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else _LIMIT + 1
            if length > min(_LIMIT, size - 8):
                raise CheckpointError(f"{path.name} is not a whole safetensors file: its header does not fit. Download it again.")
            content = json.loads(file.read(length))
    except FileNotFoundError:
        raise CheckpointError(f"{path} is not there any more. Refresh the list of checkpoints.") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        raise CheckpointError(f"{path.name} is not a safetensors file: its header is not JSON. Download it again.") from None
    return _header(path, content, size - 8 - length)


def _header(path: Path, content: Any, data_size: int) -> Header:
    try:
        metadata = {str(key): str(value) for key, value in content.pop("__metadata__", {}).items()}
        shapes = {name: tuple(int(side) for side in entry["shape"]) for name, entry in content.items()}
        end = max((int(entry["data_offsets"][1]) for entry in content.values()), default=0)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError):
        raise CheckpointError(f"{path.name} is not a safetensors file: its header names no tensors. Download it again.") from None
    if end > data_size:
        raise CheckpointError(f"{path.name} is cut off: {end - data_size} bytes are missing. Download it again.")
    return Header(shapes=shapes, metadata=metadata)
