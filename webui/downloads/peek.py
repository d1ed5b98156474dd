"""What a file at a site is, by its first bytes: a safetensors file begins with its header."""

import struct
from pathlib import Path

from webui.core.family import Header
from webui.downloads.net import Egress
from webui.downloads.offers import OfferedFile
from webui.errors import CheckpointError
from webui.library.header import parse_header

_FIRST = 2**19
"""Enough for the headers of most models."""
_MOST = 2**25


def peek(egress: Egress, file: OfferedFile) -> Header | None:
    """A file's header; None for one that has none at its beginning. Raises `FetchError`."""
    if not file.path.lower().endswith(".safetensors"):
        return None
    data = egress.beginning(file.url, _FIRST)
    length = struct.unpack("<Q", data[:8])[0] if len(data) > 8 else 0
    if not 0 < length <= _MOST:
        return None
    if length + 8 > len(data):
        data = egress.beginning(file.url, length + 8)
    try:
        return parse_header(Path(file.path), data[8 : length + 8], max(file.size - length - 8, 0) or 2**53)
    except CheckpointError:
        return None
