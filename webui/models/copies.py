"""Copies of a file's tensors in the type, place and layout that is computed with: a few ahead at a time, by threads of their own."""

import mmap
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from webui.models.weights import scaled

_AHEAD, _MOST = 2**26, 64
"""Bytes and tensors that are copied ahead of who takes them."""
_PIECE = 2**18
"""Numbers that are widened at once: they stay in a core's cache."""


@dataclass(frozen=True)
class Wanted:
    """How tensors are wanted: in which type those of fractions, where, and whether those of four sides with the channels last.

    `passing` are the names of those that are done with when the next copy is asked for: its numbers may lie there.
    """

    dtype: torch.dtype
    device: torch.device
    channels_last: bool = False
    passing: Collection[str] = ()

    def empty(self, name: str, tensor: Tensor, scratch: "_Scratch") -> Tensor:
        """Memory for a copy."""
        layout = torch.channels_last if self.channels_last and tensor.ndim == 4 else torch.contiguous_format
        dtype = self.dtype if tensor.is_floating_point() else tensor.dtype
        size = tensor.numel() * dtype.itemsize
        if name in self.passing and self.device.type == "cpu" and layout == torch.contiguous_format and size:
            return torch.frombuffer(scratch.take(name, size), dtype=dtype, count=tensor.numel()).view(tensor.shape)
        return torch.empty(tensor.shape, dtype=dtype, device=self.device, memory_format=layout)


class _Scratch:
    """Memory that tensors use one after another: between those that stay, the heap would keep a hole for each."""

    def __init__(self) -> None:
        self._free: list[mmap.mmap] = []
        self._taken: dict[str, mmap.mmap] = {}

    def take(self, name: str, size: int) -> mmap.mmap:
        """The smallest free piece of at least this size, or a new one."""
        fitting = [piece for piece in self._free if len(piece) >= size]
        piece = min(fitting, key=len, default=None) or mmap.mmap(-1, size)
        self._free = [each for each in self._free if each is not piece]
        self._taken[name] = piece
        return piece

    def give_back(self, name: str) -> None:
        """Another tensor may have what this one had."""
        if name in self._taken:
            self._free.append(self._taken.pop(name))


def _keep(tensor: Tensor) -> None:
    """Nothing is given back."""


def copied(
    tensors: Mapping[str, Tensor],
    wanted: Wanted,
    release: Callable[[Tensor], None] = _keep,
    scales: Mapping[str, Tensor] = MappingProxyType({}),
) -> Iterator[tuple[str, Tensor]]:
    """Each name with its copy, in their order. Always copies: a file may be replaced while its model is in use.

    `release` is called with each tensor that has been copied (`Weights.release`). `scales` are what tensors are multiplied with, by name.
    In main memory each thread copies a tensor of its own: to share one between them costs more than twice the processor's time.
    """

    def fill(name: str, made: Tensor) -> Tensor:
        tensor = tensors[name]
        _copy(tensor if name not in scales else scaled(tensor, scales[name], made.dtype), made)
        release(tensor)
        return made

    threads = torch.get_num_threads() if wanted.device.type == "cpu" else 1
    scratch = _Scratch()
    if threads == 1 or len(tensors) < 2:
        for name, tensor in tensors.items():
            yield name, fill(name, wanted.empty(name, tensor, scratch))
            scratch.give_back(name)
        return
    waiting: deque[tuple[str, int, Future[Tensor]]] = deque()
    ahead = 0
    with _workers(threads) as pool:
        for name, tensor in tensors.items():
            made = wanted.empty(name, tensor, scratch)  # by this thread: what others allocate lies in heaps of their own
            waiting.append((name, made.nbytes, pool.submit(fill, name, made)))
            ahead += made.nbytes
            while waiting and (len(waiting) > _MOST or (ahead > _AHEAD and len(waiting) > threads)):
                first, size, done = waiting.popleft()
                ahead -= size
                yield first, done.result()
                scratch.give_back(first)
        for first, _, done in waiting:
            yield first, done.result()
            scratch.give_back(first)


def _copy(tensor: Tensor, made: Tensor) -> None:
    """float16 becomes bfloat16 by way of float32, to the same bits: torch does the two steps with vectors, the one number by number."""
    if (tensor.dtype, made.dtype) != (torch.float16, torch.bfloat16) or not (tensor.is_contiguous() and made.is_contiguous()):
        made.copy_(tensor)
        return
    middle = torch.empty(min(_PIECE, tensor.numel()))
    for half, result in zip(torch.split(tensor.view(-1), _PIECE), torch.split(made.view(-1), _PIECE), strict=True):
        wide = middle[: half.numel()]
        wide.copy_(half)
        result.copy_(wide)


@contextmanager
def _workers(count: int) -> Iterator[ThreadPoolExecutor]:
    """Threads of which each computes alone. torch counts threads for each thread, and takes the last number told for those that begin."""
    before = torch.get_num_threads()
    begun = threading.Barrier(count + 1)

    def begin() -> None:
        torch.get_num_threads()  # a thread's first question sets its number: it would undo the next line
        torch.set_num_threads(1)
        begun.wait()

    pool = ThreadPoolExecutor(count, "copy", initializer=begin)
    try:
        for _ in range(count):
            pool.submit(int)
        begun.wait()
        torch.set_num_threads(before)
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
