"""What a pickled file is made of, once it is followed: names, things made of them, tables, and where numbers lie. All of it inert."""

from dataclasses import dataclass, field

LONGEST_NAME = 1000
TOO_LARGE = "is no weights file, or one that was made to fill the memory. Download it from where you trust it."
SIZES = {
    "float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int64": 8, "int32": 4, "int16": 2, "int8": 1, "uint8": 1, "bool": 1,
    "float8_e4m3fn": 1, "float8_e5m2": 1, "uint16": 2, "uint32": 4, "uint64": 8, "complex64": 8,
}  # fmt: skip
"""Bytes of one number."""


class Broken(Exception):
    """The instructions make no sense."""


class Refused(Exception):
    """A sentence's end about the file."""


@dataclass(frozen=True)
class Name:
    """A class or function that a file names; `module` and `name` are all there is of it."""

    module: str
    name: str


@dataclass(eq=False)
class Made:
    """What a file would have made by calling `of`: its arguments, and what was put into it since."""

    of: object
    arguments: tuple[object, ...] = ()
    state: object = None
    pairs: list[tuple[object, object]] = field(default_factory=list)
    items: list[object] = field(default_factory=list)


@dataclass(eq=False)
class Table:
    """A dictionary, as pairs: keys of any kind, none of which is asked for its hash."""

    pairs: list[tuple[object, object]] = field(default_factory=list)


@dataclass(frozen=True)
class Storage:
    """Numbers of one type in a file: the first byte, and how many numbers. `key` is the name the file has for them."""

    key: str
    dtype: str
    count: int
    start: int = -1


@dataclass(frozen=True)
class Stored:
    """A tensor in a file. `offset` and `stride` count numbers of its type, from the storage's start."""

    storage: Storage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
