"""What a process that computes must be told before torch is imported; nothing here imports torch.

Measured on 2 AVX2 cores, torch 2.13: an SD 1.5 step at 256² takes 4.3 s without, 3.2 s with all of these;
on a machine that does other work too, a small model's step takes 1.5 s with spinning threads, 0.15 s with waiting ones. On a virtual
machine to wake a sleeping thread costs as much as a small layer: threads that look for a moment before they sleep make the default model's
picture in 1.0 s instead of 1.5 and a step at 256² in 1.09 s instead of 1.25 (AMD, 2 cores), and small layers beside two busy processes in
1.2 ms instead of 2.1, beside six in 4.1 instead of 3.7.
"""

import ctypes
import os
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager

VARIABLES = {
    "OMP_WAIT_POLICY": "passive",  # threads that wait for others sleep: a spinning one takes the core from whom it waits for
    "GOMP_SPINCOUNT": "10000",  # but not at once: for some 30 microseconds, in which most waits are over, they look
    "THP_MEM_ALLOC_ENABLE": "1",  # large pages for large tensors
    "HF_HUB_OFFLINE": "1",  # nothing leaves the machine unasked
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTORCH_ENABLE_MPS_FALLBACK": "1",
}
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_KEPT, _KEPT_BY_OLD_GLIBC = 2**30, 2**25
_RETURNED = 2**22
_SET_THP_DISABLE, _GET_THP_DISABLE = 41, 42
"""Linux' numbers for `prctl`: whether a process takes large pages."""


def prepare_process(environment: MutableMapping[str, str] = os.environ) -> None:
    """Set what the user has not set. Call it first: torch's libraries read these once, when they are loaded."""
    chosen = "OMP_WAIT_POLICY" in environment
    for name, value in VARIABLES.items():
        if not (chosen and name == "GOMP_SPINCOUNT"):  # libgomp would let it go before the user's policy
            environment.setdefault(name, value)
    keep_freed_memory()


def keep_freed_memory() -> bool:
    """Let glibc keep freed blocks for the next step instead of giving them back and faulting them in again. True where that is possible."""
    if not sys.platform.startswith("linux"):
        return False
    if (libc := _libc()) is None:
        return False
    mapped = libc.mallopt(_MMAP_THRESHOLD, _KEPT) or libc.mallopt(_MMAP_THRESHOLD, _KEPT_BY_OLD_GLIBC)
    return bool(mapped and libc.mallopt(_TRIM_THRESHOLD, 2**31 - 1) and libc.mallopt(_TOP_PAD, 2**24))


@contextmanager
def large_blocks_returned() -> Iterator[None]:
    """Within, blocks of 4 MB and more go back to the system when they are freed, and before it what the heap has kept.

    A VAE's few tensors of ever other sizes fit into no kept block of the denoiser's or of each other: at 512² in bfloat16 the process grew
    by 0.9 GB, and so it is 0.43 GB. Does nothing where the C library is not glibc.
    """
    libc = _libc() if sys.platform.startswith("linux") else None
    if libc is None:
        yield
        return
    libc.malloc_trim(0)
    libc.mallopt(_MMAP_THRESHOLD, _RETURNED)
    try:
        yield
    finally:
        keep_freed_memory()


@contextmanager
def small_pages() -> Iterator[None]:
    """Within, memory that is touched for the first time comes in small pages.

    A virtual machine whose host takes free memory back fills a large page five times as slowly as small ones of the same size (1.9 to 3.2
    against 0.55 seconds a GB): for a model's weights it is all that loading waits for. The system joins them later. Does nothing elsewhere.
    """
    libc = _libc() if sys.platform.startswith("linux") else None
    if libc is None or libc.prctl(_GET_THP_DISABLE, 0, 0, 0, 0) != 0:
        yield
        return
    libc.prctl(_SET_THP_DISABLE, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(_SET_THP_DISABLE, 0, 0, 0, 0)


def configure_backend(device: str, dtype: str = "float32") -> None:
    """Make a GPU compute the same numbers every time, and float32 in float32.

    Where the UNet computes in half precision, the parts that must stay in float32 for its range (the VAE) take tensor cores' TF32: as
    precise as float16, and several times as fast.
    """
    import torch

    if device.startswith("cuda"):
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.allow_tf32 = dtype != "float32"
        torch.backends.cuda.matmul.allow_tf32 = dtype != "float32"


def trim_heap() -> None:
    """Undo the keeping once: after a model was unloaded the system shall have its memory."""
    if sys.platform.startswith("linux") and (libc := _libc()) is not None:
        libc.malloc_trim(0)


def _libc() -> ctypes.CDLL | None:
    """glibc, or None where another C library, with its own ways, is in use."""
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return None
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None
