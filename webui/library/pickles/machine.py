"""Follow a pickle's instructions with a machine that makes nothing but plain containers: nothing of a file ever runs."""

import pickletools
from collections.abc import Callable, Mapping
from typing import Any

from webui.library.pickles.tensors import tensors_in
from webui.library.pickles.values import SIZES, TOO_LARGE, Broken, Made, Name, Refused, Storage, Stored, Table

MAX_INSTRUCTIONS = 2_000_000
"""The largest checkpoints have about 100,000: names and shapes; the weights lie beside them."""
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
                raise Refused(TOO_LARGE)
            if opcode.name == "STOP":
                content = self._pop()
                if self._called is not None and not isinstance(content, int) and not tensors_in(content):
                    called = f"{self._called.module}.{self._called.name}"[:60]
                    raise Refused(f"holds code ({called}), no weights; it was not run. Find the model as .safetensors.")
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
            raise Refused(TOO_LARGE)
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
        raise Refused(f"holds code ({said}) that other programs would run; it was not run. Do not use this file: find the model elsewhere.")
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
        dtype = named if named in SIZES else ""
    sides = (*shape, *stride, offset)
    if not isinstance(storage, Storage) or not dtype or len(shape) != len(stride) or not all(_is_count(side) for side in sides):
        raise Broken
    return Stored(storage, dtype, offset, tuple(shape), tuple(stride))


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= 2**53


# State dicts --------------------------------------------------------------------------------------------------------------------------
