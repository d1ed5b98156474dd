"""GGUF, the files of llama.cpp: what one holds is read from its header, so that it can be said; its quantized weights are not read.

Format (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md): magic, version, number of tensors and of key-value pairs, the pairs,
then each tensor's name, sides (innermost first), type and place.
"""

import struct
from collections import Counter
from pathlib import Path
from typing import IO, Any

from webui.core.family import Header
from webui.core.foreign import open_foreign, shown
from webui.errors import CheckpointError

SUFFIX = ".gguf"
_MOST_TENSORS, _MOST_PAIRS, _MOST_SIDES = 20_000, 5_000, 4
_MOST_BYTES = 64 * 2**20
"""Vocabularies of text encoders are some megabytes."""
_NUMBERS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_TEXT, _ARRAY = 8, 9
_TYPES = {0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K"}
_MORE_TYPES = {14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S"}
_LAST_TYPES = {23: "IQ4_XS", 29: "IQ1_M", 30: "BF16"}
_ALL_TYPES = _TYPES | _MORE_TYPES | _LAST_TYPES


def read_gguf(path: Path) -> Header:
    """Names, shapes, texts of the metadata, and the type of most numbers. Raises `CheckpointError` for what is no such file."""
    with open_foreign(path) as (file, identity):
        try:
            return _Reader(file, min(identity.size, _MOST_BYTES)).header()
        except (struct.error, ValueError, OverflowError, MemoryError):
            raise CheckpointError(f"{shown(path)} is not a whole GGUF file. Download it again.") from None


class _Reader:
    """Reads a header in its order. Raises ValueError and struct.error."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file, self._left = file, most

    def header(self) -> Header:
        """All of it."""
        if self._bytes(4) != b"GGUF" or self._number("<I") not in (2, 3):
            raise ValueError("no GGUF")
        tensors, pairs = int(self._number("<Q")), int(self._number("<Q"))
        if tensors > _MOST_TENSORS or pairs > _MOST_PAIRS:
            raise ValueError("too many parts")
        told = {self._text(): self._value() for _ in range(pairs)}
        shapes: dict[str, tuple[int, ...]] = {}
        types: Counter[int] = Counter()
        for _ in range(tensors):
            name, sides = self._text(), int(self._number("<I"))
            if sides > _MOST_SIDES:
                raise ValueError("too many sides")
            shapes[name] = tuple(int(self._number("<Q")) for _ in range(sides))[::-1]
            kind, _ = int(self._number("<I")), self._number("<Q")
            types[kind] += _product(shapes[name])
        usual = max(types, key=types.__getitem__, default=-1)
        texts = {key: value for key, value in told.items() if isinstance(value, str)}
        return Header(shapes=shapes, metadata=texts, dtype=_ALL_TYPES.get(usual, ""))

    def _value(self) -> Any:
        kind = int(self._number("<I"))
        if kind == _TEXT:
            return self._text()
        if kind != _ARRAY:
            return self._number(_NUMBERS[kind] if kind in _NUMBERS else "")
        inner, count = int(self._number("<I")), int(self._number("<Q"))
        if inner in _NUMBERS:
            self._bytes(count * struct.calcsize(_NUMBERS[inner]))
        elif inner == _TEXT:
            for _ in range(count):
                self._bytes(int(self._number("<Q")))
        else:
            raise ValueError("an array of arrays")
        return None

    def _number(self, form: str) -> Any:
        if not form:
            raise ValueError("an unknown type")
        return struct.unpack(form, self._bytes(struct.calcsize(form)))[0]

    def _text(self) -> str:
        return self._bytes(int(self._number("<Q"))).decode("utf-8", "replace")

    def _bytes(self, count: int) -> bytes:
        if count > self._left:
            raise ValueError("cut off")
        self._left -= count
        return self._file.read(count)


def _product(sides: tuple[int, ...]) -> int:
    count = 1
    for side in sides:
        count *= side
    return count
