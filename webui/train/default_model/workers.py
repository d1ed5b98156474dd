"""One process per core with one thread each, gradients averaged.

On the small layers of this model that beats one process with several threads, above all on a machine that has other work.
"""

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn

from webui.core.request import FrozenModel

_PATIENCE = timedelta(hours=6)
"""A paused run (kill -STOP) must find its partners waiting."""


class Budget(FrozenModel):
    """When a stage ends: after `steps` (the same on every machine), or after `seconds` of work."""

    steps: int = 0
    seconds: float = 0.0

    def progress(self, step: int, worked: float) -> float:
        by_steps = step / self.steps if self.steps else 0.0
        by_time = worked / self.seconds if self.seconds else 0.0
        return max(by_steps, by_time)


class WorkerGroup:
    """This process's place among the workers. `average` also spreads worker 0's progress, so that all stop at the same step."""

    def __init__(self, rank: int, size: int) -> None:
        self.rank, self.size = rank, size

    def average(self, modules: list[nn.Module], progress: float) -> float:
        """Replace gradients by their mean over the workers; returns worker 0's progress."""
        if self.size == 1:
            return progress
        gradients = [parameter.grad for module in modules for parameter in module.parameters() if parameter.grad is not None]
        flat = torch.cat([*(gradient.flatten() for gradient in gradients), torch.tensor([progress if self.rank == 0 else 0.0])])
        dist.all_reduce(flat)
        at = 0
        for gradient in gradients:
            gradient.copy_(flat[at : at + gradient.numel()].view(gradient.shape)).div_(self.size)
            at += gradient.numel()
        return float(flat[-1])

    def total(self, parts: list[torch.Tensor]) -> list[torch.Tensor]:
        """The sum of each tensor over the workers."""
        if self.size == 1 or not parts:
            return parts
        flat = torch.cat([part.flatten() for part in parts])
        dist.all_reduce(flat)
        return [piece.view(part.shape) for piece, part in zip(torch.split(flat, [part.numel() for part in parts]), parts, strict=True)]

    def wait(self) -> None:
        """Until all workers are here."""
        if self.size > 1:
            dist.barrier()

    def close(self) -> None:
        if self.size > 1:
            self.wait()
            dist.destroy_process_group()


def join(rank: int, size: int, meeting: Path) -> WorkerGroup:
    """Meet the other workers through a file."""
    if size > 1:
        dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size, timeout=_PATIENCE)
    return WorkerGroup(rank, size)


def start_others(words: list[str], size: int, meeting: Path) -> list["subprocess.Popen[bytes]"]:
    """Start workers 1… as this same command with a rank; worker 0 is this process."""
    if size > 1:
        meeting.unlink(missing_ok=True)
    program = [sys.executable, "-m", "webui.train.default_model.command", *words]
    return [subprocess.Popen([*program, "--rank", str(rank)], env=dict(os.environ)) for rank in range(1, size)]


class Clock:
    """Seconds of work over all chunks of a stage, without the time in which the process was stopped."""

    def __init__(self, worked: float) -> None:
        self.worked, self._last = worked, time.monotonic()

    def tick(self, longest: float = 60.0) -> float:
        now = time.monotonic()
        self.worked += min(now - self._last, longest)
        self._last = now
        return self.worked
