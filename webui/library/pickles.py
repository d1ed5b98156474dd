"""Read pickled weights without unpickling: the instructions are followed by a machine that makes nothing but plain containers.

A class or a function that a file names becomes a `Name`, what is made of one a `Made`, so that nothing of a file ever runs, whatever it
names: Lightning's callbacks, numpy's numbers, optimisers. Tensors are told by where their numbers lie in the file (`Stored`). Imports no
torch. Formats: torch's archive (a zip with `data.pkl` and one member for each storage) and what `torch.save` wrote before 1.6 (pickles in a
row, then the storages).
"""

import io
import pickletools
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from webui.core.foreign import open_foreign, shown
from webui.errors import CheckpointError

MAX_INSTRUCTIONS = 2_000_000
"""The largest checkpoints have about 100,000: names and shapes; the weights lie beside them."""
MAX_MEMBERS = 100_000
MOST_TIMES = 4
"""Weights hardly compress; what unpacks to more than this many times its size is no weights file."""
MAX_PICKLE = 64 * 2**20
DEEPEST = 16
"""Tables in one another that are gone through for tensors."""
MOST_TENSORS, LONGEST_NAME = 200_000, 1000
MOST_FACTS = 1000
"""Numbers or texts in one list that counts as a fact."""
TOO_LARGE = "is no weights file, or one that was made to fill the memory. Download it from where you trust it."
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_SIZES = {
    "float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int64": 8, "int32": 4, "int16": 2, "int8": 1, "uint8": 1, "bool": 1,
    "float8_e4m3fn": 1, "float8_e5m2": 1, "uint16": 2, "uint32": 4, "uint64": 8, "complex64": 8,
}  # fmt: skip
_STORAGES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16", "BFloat16Storage": "bfloat16", "LongStorage": "int64",
    "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8", "ByteStorage": "uint8", "BoolStorage": "bool",
    "UntypedStorage": "uint8", "ComplexFloatStorage": "complex64",
}  # fmt: skip
_PROGRAMS = frozenset(
    "os posix nt subprocess sys socket shutil importlib runpy pty commands webbrowser ctypes code codeop pdb timeit multiprocessing"
    " asyncio http urllib requests pip platform".split()
)
_BUILTINS = frozenset("eval exec execfile compile open __import__ getattr setattr delattr input breakpoint globals vars apply".split())


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


class Broken(Exception):
    """The instructions make no sense."""


def read_pickle(path: Path) -> dict[str, Stored]:
    """The tensors of a pickled file by name, of the innermost state dict. Raises `CheckpointError`, whatever is in the file."""
    return _read(path, tensors_in)


def read_facts(path: Path) -> dict[str, Any]:
    """What a pickled file's outermost table says besides tensors: its texts, numbers, and lists of them. Raises `CheckpointError`."""
    return _read(path, facts_in)


def _read(path: Path, take: Callable[[object], dict[str, Any]]) -> dict[str, Any]:
    with open_foreign(path) as (file, identity):
        is_zip = file.read(2) == b"PK"
        file.seek(0)
        try:
            found = _read_archive(path, file, identity.size, take) if is_zip else _read_row(file, identity.size, take)
        except (Broken, zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RecursionError, LookupError, TypeError, OverflowError,
                EOFError, RuntimeError, AttributeError, struct.error):  # fmt: skip
            raise CheckpointError(f"{shown(path)} is not a whole weights file. Download it again.") from None
        except _Refused as refused:
            raise CheckpointError(f"{shown(path)} {refused}") from None
    return found


class _Refused(Exception):
    """A sentence's end about the file."""


# The two formats ----------------------------------------------------------------------------------------------------------------------


def _read_archive(path: Path, file: IO[bytes], size: int, take: Callable[[object], dict[str, Any]]) -> dict[str, Any]:
    archive = zipfile.ZipFile(file)
    members = {member.filename: member for member in archive.infolist()}
    if len(members) > MAX_MEMBERS or sum(member.file_size for member in members.values()) > MOST_TIMES * size + 2**20:
        raise _Refused("unpacks to far more than it is, which no weights file does. Download it from where you trust it.")
    main = min((name for name in members if name == "data.pkl" or name.endswith("/data.pkl")), key=len, default=None)
    if main is None:
        raise _Refused("is an archive without weights. If it was packed to download it, unpack it first.")
    if members[main].file_size > MAX_PICKLE:
        raise _Refused(TOO_LARGE)
    root = main.removesuffix("data.pkl")
    if f"{root}byteorder" in members and archive.read(f"{root}byteorder") == b"big":
        raise _Refused("was written on another kind of machine (big-endian). Convert it there.")

    def storage(key: str, dtype: str, count: int) -> Storage:
        member = members[f"{root}data/{key}"]
        if member.compress_type != zipfile.ZIP_STORED:
            raise _Refused("was packed again. Unpack it and save the weights without compression.")
        file.seek(member.header_offset)
        header = file.read(30)
        if len(header) < 30 or header[:4] != b"PK\3\4":
            raise Broken
        start = member.header_offset + 30 + sum(struct.unpack("<HH", header[26:30]))
        if count * _SIZES[dtype] > member.file_size or start + count * _SIZES[dtype] > size:
            raise Broken
        return Storage(key, dtype, count, start)

    with archive.open(main) as stream:
        pickled = stream.read(MAX_PICKLE)
    return take(Machine(storage).run(_Few(io.BytesIO(pickled))))


def _read_row(file: IO[bytes], size: int, take: Callable[[object], dict[str, Any]]) -> dict[str, Any]:
    """Magic number, protocol, facts about the machine, the object, the storages' keys; then each storage: how many numbers, the numbers."""
    if size < 2 or file.peek(1)[:1] != b"\x80":  # type: ignore[attr-defined]
        raise Broken
    budget, stream = [MAX_INSTRUCTIONS], _Few(file)
    wanted: dict[str, Storage] = {}

    def storage(key: str, dtype: str, count: int) -> Storage:
        return wanted.setdefault(key, Storage(key, dtype, count))

    head = [Machine(storage, budget).run(stream) for _ in range(3)]
    if head[0] != _MAGIC or head[1] != _PROTOCOL:
        raise Broken
    content = Machine(storage, budget).run(stream)
    keys = Machine(storage, budget).run(stream)
    starts: dict[str, Storage] = {}
    for key in keys if isinstance(keys, list) else ():
        known = wanted[str(key)]
        count = struct.unpack("<q", file.read(8))[0]
        start, length = file.tell(), count * _SIZES[known.dtype]
        if count < 0 or start + length > size:
            raise Broken
        starts[known.key] = Storage(known.key, known.dtype, count, start)
        file.seek(length, 1)
    return {name: _placed(each, starts) if isinstance(each, Stored) else each for name, each in take(content).items()}


def _placed(each: Stored, starts: Mapping[str, Storage]) -> Stored:
    return Stored(starts[each.storage.key], each.dtype, each.offset, each.shape, each.stride)


class _Few:
    """A stream for `genops` that gives no more than a pickle beside weights may have."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._left = stream, MAX_PICKLE
        self.tell = stream.tell

    def read(self, count: int) -> bytes:
        """So many bytes."""
        if count > self._left:
            raise Broken
        self._left -= count
        return self._stream.read(count)

    def readline(self) -> bytes:
        """A line, of a length that names have."""
        line = self._stream.readline(LONGEST_NAME * 10)
        self._left -= len(line)
        return line


# The machine --------------------------------------------------------------------------------------------------------------------------

_MARK = object()
_AS_THEY_ARE = frozenset(
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8"
    " BYTEARRAY8 UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8".split()
)
_EMPTY: Mapping[str, Callable[[], object]] = {
    "EMPTY_LIST": list, "EMPTY_DICT": Table, "EMPTY_TUPLE": tuple, "EMPTY_SET": list, "NONE": lambda: None,
    "NEWTRUE": lambda: True, "NEWFALSE": lambda: False, "MARK": lambda: _MARK,
}  # fmt: skip


class Machine:
    """Follows one pickle's instructions. `storage` is asked for a tensor's numbers by (key, type, count); `budget` is shared by pickles."""

    def __init__(self, storage: Callable[[str, str, int], Storage], budget: list[int] | None = None) -> None:
        self._storage = storage
        self._budget = [MAX_INSTRUCTIONS] if budget is None else budget
        self._stack: list[Any] = []
        self._memo: dict[int, object] = {}
        self._called: Name | None = None

    def run(self, stream: Any) -> object:
        """The object, of containers, numbers, texts, `Name`, `Made` and `Stored`. Raises `Broken` and what `pickletools` raises."""
        for opcode, argument, _ in pickletools.genops(stream):
            self._budget[0] -= 1
            if self._budget[0] < 0:
                raise _Refused(TOO_LARGE)
            if opcode.name == "STOP":
                content = self._pop()
                if self._called is not None and not isinstance(content, int) and not tensors_in(content):
                    called = f"{self._called.module}.{self._called.name}"[:60]
                    raise _Refused(f"holds code ({called}), no weights; it was not run. Find the model as .safetensors.")
                return content
            self._step(opcode.name, argument)
        raise Broken

    def _step(self, name: str, argument: Any) -> None:
        if name in _AS_THEY_ARE:
            self._stack.append(argument)
        elif name in _EMPTY:
            self._stack.append(_EMPTY[name]())
        elif name not in ("PROTO", "FRAME"):
            act = getattr(self, f"_do_{name.lower()}", None)
            if act is None:
                raise Broken
            act(argument)

    def _pop(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise Broken
        return self._stack.pop()

    def _to_mark(self) -> list[Any]:
        place = next((place for place in range(len(self._stack) - 1, -1, -1) if self._stack[place] is _MARK), None)
        if place is None:
            raise Broken
        items = self._stack[place + 1 :]
        del self._stack[place:]
        return items

    def _do_pop(self, _: object) -> None:
        if not self._stack:
            raise Broken
        self._stack.pop()

    def _do_pop_mark(self, _: object) -> None:
        self._to_mark()

    def _do_dup(self, _: object) -> None:
        top = self._pop()
        self._stack += [top, top]

    # containers

    def _do_list(self, _: object) -> None:
        self._stack.append(self._to_mark())

    _do_frozenset = _do_list

    def _do_tuple(self, _: object) -> None:
        self._stack.append(tuple(self._to_mark()))

    def _do_tuple1(self, _: object) -> None:
        self._stack.append((self._pop(),))

    def _do_tuple2(self, _: object) -> None:
        second = self._pop()
        self._stack.append((self._pop(), second))

    def _do_tuple3(self, _: object) -> None:
        third, second = self._pop(), self._pop()
        self._stack.append((self._pop(), second, third))

    def _do_dict(self, _: object) -> None:
        self._stack.append(Table(_pairs(self._to_mark())))

    def _do_append(self, _: object) -> None:
        item = self._pop()
        self._extend([item])

    def _do_appends(self, _: object) -> None:
        self._extend(self._to_mark())

    _do_additems = _do_appends

    def _do_setitem(self, _: object) -> None:
        value = self._pop()
        self._update([self._pop(), value])

    def _do_setitems(self, _: object) -> None:
        self._update(self._to_mark())

    def _extend(self, items: list[Any]) -> None:
        target = self._pop()
        if isinstance(target, list):
            target += items
        elif isinstance(target, Made):
            target.items += items
        else:
            raise Broken
        self._stack.append(target)

    def _update(self, items: list[Any]) -> None:
        target = self._pop()
        if not isinstance(target, Table | Made):
            raise Broken
        target.pairs += _pairs(items)
        self._stack.append(target)

    # memory

    def _do_put(self, place: int) -> None:
        if not self._stack:
            raise Broken
        if place > MAX_INSTRUCTIONS:
            raise _Refused(TOO_LARGE)
        self._memo[place] = self._stack[-1]

    _do_binput = _do_long_binput = _do_put

    def _do_memoize(self, _: object) -> None:
        self._do_put(len(self._memo))

    def _do_get(self, place: int) -> None:
        if place not in self._memo:
            raise Broken
        self._stack.append(self._memo[place])

    _do_binget = _do_long_binget = _do_get

    # what would be code

    def _do_global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self._stack.append(_named(module, name))

    def _do_stack_global(self, _: object) -> None:
        name, module = self._pop(), self._pop()
        self._stack.append(_named(str(module), str(name)))

    def _do_inst(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self._stack.append(Made(_named(module, name), tuple(self._to_mark())))

    def _do_obj(self, _: object) -> None:
        of, *arguments = self._to_mark()
        self._stack.append(Made(of, tuple(arguments)))

    def _do_reduce(self, _: object) -> None:
        arguments, of = self._pop(), self._pop()
        if isinstance(of, Name) and of.module.partition(".")[0] not in ("torch", "collections"):
            self._called = self._called or of
        self._stack.append(_made(of, arguments if isinstance(arguments, tuple) else ()))

    _do_newobj = _do_reduce

    def _do_newobj_ex(self, _: object) -> None:
        self._pop()
        self._do_reduce(None)

    def _do_build(self, _: object) -> None:
        state = self._pop()
        if self._stack and isinstance(self._stack[-1], Made):
            self._stack[-1].state = state

    def _do_persid(self, _: object) -> None:
        raise Broken

    def _do_binpersid(self, _: object) -> None:
        self._stack.append(self._of_file(self._pop()))

    def _of_file(self, said: object) -> object:
        """A storage (`("storage", type, key, place, count, …)`), or a module that travels with its source."""
        if isinstance(said, tuple) and said[:1] == ("module",) and len(said) > 1:
            return said[1]
        if not isinstance(said, tuple) or len(said) < 5 or said[0] != "storage" or not isinstance(said[1], Name):
            raise Broken
        dtype = _STORAGES.get(said[1].name)
        if dtype is None or not _is_count(said[4]):
            raise Broken
        if len(said) > 5 and said[5] is not None:
            raise Broken  # a view of another storage, which nothing has written for many years
        return self._storage(str(said[2]), dtype, said[4])


def _pairs(items: list[Any]) -> list[tuple[object, object]]:
    if len(items) % 2:
        raise Broken
    return list(zip(items[::2], items[1::2], strict=True))


def _named(module: str, name: str) -> Name:
    """A name; that of a program that would run commands is no part of any weights."""
    if module.partition(".")[0] in _PROGRAMS or (module in ("builtins", "__builtin__") and name in _BUILTINS):
        said = f"{module}.{name}"[:60]
        raise _Refused(
            f"holds code ({said}) that other programs would run; it was not run. Do not use this file: find the model elsewhere."
        )
    return Name(module, name)


def _made(of: object, arguments: tuple[Any, ...]) -> object:
    """What calling would make: a tensor is one, a parameter is its tensor, everything else stays what it is."""
    if isinstance(of, Name) and of.module in ("torch._utils", "torch._tensor"):
        if of.name in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3"):
            return _tensor(of.name, arguments)
        if of.name in ("_rebuild_parameter", "_rebuild_parameter_with_state") and arguments:
            return arguments[0]
        if of.name == "_rebuild_from_type_v2" and len(arguments) > 2 and isinstance(arguments[2], tuple):
            return _made(arguments[0], arguments[2])
    return Made(of, arguments)


def _tensor(way: str, arguments: tuple[Any, ...]) -> Stored:
    storage, offset, shape, stride = arguments[:4]
    if isinstance(shape, Made) and shape.arguments:  # torch.Size
        shape = shape.arguments[0]
    dtype = storage.dtype
    if way.endswith("_v3"):
        named = next((each.name for each in arguments[4:] if isinstance(each, Name) and each.module == "torch"), "")
        dtype = named if named in _SIZES else ""
    sides = (*shape, *stride, offset)
    if not isinstance(storage, Storage) or not dtype or len(shape) != len(stride) or not all(_is_count(side) for side in sides):
        raise Broken
    return Stored(storage, dtype, offset, tuple(shape), tuple(stride))


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= 2**53


# State dicts --------------------------------------------------------------------------------------------------------------------------

WRAPPERS = ("state_dict", "model_state_dict", "params_ema", "params", "model", "module", "ema", "weights", "net")
"""Keys below which programs keep the weights beside other things of their training."""
PREFIXES = ("module.", "_orig_mod.")
"""What is before every name when a model was saved inside another one (for several devices, or compiled)."""


def tensors_in(content: object) -> dict[str, Stored]:
    """The tensors by dotted name, without the wrappings around the state dict."""
    for _ in range(DEEPEST):
        table = _table(content)
        inner = next((table[key] for key in WRAPPERS if key in table and _is_wrapped(key, table)), None)
        if inner is None:
            break
        content = inner
    found = dict(_walk(content))
    for prefix in PREFIXES:
        if found and all(name.startswith(prefix) for name in found):
            found = {name.removeprefix(prefix): tensor for name, tensor in found.items()}
    return found


def facts_in(content: object) -> dict[str, Any]:
    """What a table says besides tensors: texts, numbers, and lists of them."""
    return {name: value for name, value in _table(content).items() if _is_plain(value)}


def _is_plain(value: object) -> bool:
    if isinstance(value, list):
        return len(value) <= MOST_FACTS and all(isinstance(each, str | int | float | bool) for each in value)
    return value is None or isinstance(value, str | int | float | bool)


def _is_wrapped(key: str, table: Mapping[str, object]) -> bool:
    """Whether the weights are below this key: they always are below `state_dict`, else if nothing beside it is a tensor."""
    inner = _table(table[key])
    return bool(inner) and (key == "state_dict" or not _holds_parts(table, inner))


def _holds_parts(table: Mapping[str, object], inner: Mapping[str, object]) -> bool:
    """Whether `model` and its like are a part's name rather than a wrapping: tensors lie beside it, or what is in it is named so too."""
    return any(isinstance(value, Stored) for value in table.values()) or any(name.startswith("diffusion_model") for name in inner)


def _table(content: object) -> dict[str, object]:
    """What is in a table, an ordered one, or a module (whose parameters are in its state), by text. Looks no deeper than that."""
    pairs = _pairs_of(content)
    if isinstance(content, Made):
        state = {key: value for key, value in _pairs_of(content.state) if isinstance(key, str)}
        pairs = [*pairs, *(pair for part in ("_parameters", "_buffers", "_modules") for pair in _pairs_of(state.get(part)))]
    return {str(key): value for key, value in pairs if isinstance(key, str | int)}


def _pairs_of(content: object) -> list[tuple[object, object]]:
    if isinstance(content, Made):
        return [*_given(content), *content.pairs]
    return content.pairs if isinstance(content, Table) else []


def _given(made: Made) -> Iterator[tuple[object, object]]:
    """The pairs that an ordered dictionary was made of."""
    for each in made.arguments[0] if made.arguments and isinstance(made.arguments[0], list) else ():
        if isinstance(each, list | tuple) and len(each) == 2:
            yield each[0], each[1]


def _walk(content: object) -> Iterator[tuple[str, Stored]]:
    """Tensors with dotted names. Raises `Broken` when tables in one another say more than any weights do."""
    tables: dict[int, dict[str, object]] = {}
    waiting: list[tuple[str, object, int]] = [("", content, 0)]
    left = MOST_TENSORS
    while waiting:
        prefix, current, depth = waiting.pop()
        if id(current) not in tables:
            tables[id(current)] = _table(current)
        for name, value in tables[id(current)].items():
            left -= 1
            if left < 0 or len(prefix) > LONGEST_NAME:
                raise Broken
            if isinstance(value, Stored):
                yield prefix + name, value
            elif depth < DEEPEST and isinstance(value, Table | Made):
                waiting.append((f"{prefix}{name}.", value, depth + 1))
            elif depth == 0 and name.isdecimal() and isinstance(value, tuple):  # a hypernetwork's networks for keys and for values
                waiting += [(f"{prefix}{name}.{place}.", each, 1) for place, each in enumerate(value[:2]) if isinstance(each, Table | Made)]
