"""What is faster here, measured once for each machine and version of torch and kept in a file."""

import json
import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import conv2d, scaled_dot_product_attention

from webui.devices import layouts
from webui.devices.attention import LONG, tiled_attention
from webui.devices.machine import cpu_name

CLEARLY = 1.2
"""A choice that costs precision must be this much faster."""
_LARGEST = 4096
_HOPELESS = 6


class Measurements:
    """Seconds by what was timed. `file` may be None: then nothing is kept.

    `threads` are those that pictures will be computed with (0: as many as torch has now), whatever this process has been given: a node of
    Ray's begins with one, and would choose by another measurement than web.
    """

    def __init__(self, file: Path | None, threads: int = 0) -> None:
        self._file, self._threads = file, threads or torch.get_num_threads()
        self._key = f"{cpu_name()}, {self._threads} threads, torch {torch.__version__}"

    def bf16_is_faster(self) -> bool:
        """Whether this CPU computes a model's layers clearly faster in bfloat16 than in float32."""
        times = self._timed("layers", {"float32": partial(_layers, torch.float32), "bfloat16": partial(_layers, torch.bfloat16)})
        return times["bfloat16"] * CLEARLY < times["float32"]

    def tiles_pay(self, tokens: int, dtype: torch.dtype) -> bool:
        """Whether self-attention over this many tokens is faster in tiles than by torch's own kernel."""
        if tokens < LONG:
            return False
        tokens = min(1 << (tokens.bit_length() - 1), _LARGEST)
        works = {
            "sdpa": partial(_attention, scaled_dot_product_attention, tokens, dtype),
            "tiled": partial(_attention, tiled_attention, tokens, dtype),
        }
        times = self._timed(f"self-attention over {tokens} tokens in {str(dtype).removeprefix('torch.')}", works)
        return times["tiled"] * 1.05 < times["sdpa"]

    def packing_pays(self) -> bool:
        """Whether convolutions in bfloat16 are faster with weights that were laid out once."""
        if not layouts.available():
            return False
        times = self._timed("layout", {"plain": partial(layouts.trial, False), "packed": partial(layouts.trial, True)})
        return times["packed"] * 1.05 < times["plain"]

    def _timed(self, what: str, works: Mapping[str, Callable[[], Callable[[], object]]]) -> dict[str, float]:
        kept = self._read()
        known = kept.get(self._key, {}).get(what)
        if known is not None and known.keys() == works.keys():
            return {name: float(seconds) for name, seconds in known.items()}
        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        try:
            times = fastest({name: make() for name, make in works.items()})
        finally:
            torch.set_num_threads(before)
        kept.setdefault(self._key, {})[what] = times
        self._write(kept)
        return times

    def _read(self) -> dict[str, dict[str, dict[str, float]]]:
        try:
            content = json.loads(self._file.read_text()) if self._file else {}
        except (OSError, ValueError):
            content = {}
        return content if isinstance(content, dict) and all(isinstance(value, dict) for value in content.values()) else {}

    def _write(self, content: dict[str, dict[str, dict[str, float]]]) -> None:
        if self._file is None:
            return
        part = self._file.with_suffix(f".{os.getpid()}.part")
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(content, indent=1))
            part.replace(self._file)
        except OSError:  # measured again next time
            return


def fastest(works: Mapping[str, Callable[[], object]], rounds: int = 4) -> dict[str, float]:
    """The best of several turns of each, in alternation, so that other programs disturb all alike.

    The first turn warms up; who is hopelessly behind after it has no further one: bfloat16 without units for it takes 20 times as long.
    """
    first = {name: _seconds(work) for name, work in works.items()}
    hopeful = [name for name in works if first[name] < _HOPELESS * min(first.values())]
    best = {name: seconds for name, seconds in first.items() if name not in hopeful}
    for _ in range(rounds):
        for name in hopeful:
            best[name] = min(best.get(name, float("inf")), _seconds(works[name]))
    return best


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _layers(dtype: torch.dtype) -> Callable[[], Tensor]:
    """A convolution and a linear layer of SD 1.x's middle sizes."""
    x = torch.randn(2, 320, 16, 16).to(dtype).contiguous(memory_format=torch.channels_last)
    kernel = torch.randn(320, 320, 3, 3).to(dtype).contiguous(memory_format=torch.channels_last)
    tokens, matrix = torch.randn(1024, 640).to(dtype), torch.randn(640, 1280).to(dtype)

    @torch.no_grad()
    def work() -> Tensor:
        conv2d(x, kernel, padding=1)
        return tokens @ matrix

    return work


def _attention(kernel: Callable[[Tensor, Tensor, Tensor], Tensor], tokens: int, dtype: torch.dtype) -> Callable[[], Tensor]:
    """Two heads of SD 1.x's first level, each of which lies between the others in memory, as linear layers make them."""
    query, key, value = (torch.randn(1, tokens, 8, 40).to(dtype).transpose(1, 2)[:, :2] for _ in range(3))

    @torch.no_grad()
    def work() -> Tensor:
        return kernel(query, key, value)

    return work
