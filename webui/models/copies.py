"""Copies of a file's tensors in the type, the place and the layout that is computed with: a few ahead at a time, by threads of their own."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from webui.models.weights import scaled

_AHEAD = 2**26
"""Bytes that are copied ahead of who takes them."""
_PIECE = 2**18
"""Numbers that are widened at once: they stay in a core's cache."""


@dataclass(frozen=True)
class Wanted:
    """How tensors are wanted: in which type those of fractions, where, and whether those of four sides with the channels last."""

    dtype: torch.dtype
    device: torch.device
    channels_last: bool = False

    def empty(self, tensor: Tensor) -> Tensor:
        """Memory for a copy."""
        layout = torch.channels_last if self.channels_last and tensor.ndim == 4 else torch.contiguous_format
        dtype = self.dtype if tensor.is_floating_point() else tensor.dtype
        return torch.empty(tensor.shape, dtype=dtype, device=self.device, memory_format=layout)


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
    if threads == 1 or len(tensors) < 2:
        for name, tensor in tensors.items():
            yield name, fill(name, wanted.empty(tensor))
        return
    waiting: deque[tuple[str, int, Future[Tensor]]] = deque()
    ahead = 0
    with _workers(threads) as pool:
        for name, tensor in tensors.items():
            made = wanted.empty(tensor)  # by this thread: what others allocate lies in heaps of their own
            waiting.append((name, made.nbytes, pool.submit(fill, name, made)))
            ahead += made.nbytes
            del made
            while ahead > _AHEAD and len(waiting) > threads:
                first, size, done = waiting.popleft()
                ahead -= size
                yield first, done.result()
        while waiting:
            first, _, done = waiting.popleft()
            yield first, done.result()


def _copy(tensor: Tensor, made: Tensor) -> None:
    """float16 becomes bfloat16 by way of float32, to the same bits: torch does the two steps with vectors, the one number by number."""
    if (tensor.dtype, made.dtype) != (torch.float16, torch.bfloat16) or not (tensor.is_contiguous() and made.is_contiguous()):
        made.copy_(tensor)
        return
    middle = torch.empty(min(_PIECE, tensor.numel()))
    for half, result in zip(tensor.view(-1).split(_PIECE), made.view(-1).split(_PIECE), strict=True):
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
