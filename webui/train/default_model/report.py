"""What a run says and keeps while it works: lines, a loss plot, the state every minute, an exported file every ten."""

import json
import time
from collections.abc import Callable
from pathlib import Path

from webui.train.default_model.sheet import plot
from webui.train.default_model.state import Stage
from webui.train.default_model.workers import WorkerGroup

_SAVE_EVERY, _EXPORT_EVERY, _SAY_EVERY = 60.0, 600.0, 20


class Paused(Exception):
    """The minutes of this run are used up; the state is saved, and the same command goes on from it."""


class Reporter:
    """In worker 0: saves, exports, says; raises `Paused` at `until` (monotonic seconds; 0 is never)."""

    def __init__(self, path: Path, group: WorkerGroup, finish: Callable[[Stage], None] | None = None, until: float = 0.0) -> None:
        self.path, self.world, self.finish, self.until = path, group, finish, until
        self.export_every = _EXPORT_EVERY
        self.saved = self.exported = time.monotonic()

    def __call__(self, state: Stage, progress: float) -> None:
        if self.world.rank != 0:
            return
        if state.step % _SAY_EVERY == 0:
            recent = state.log[-_SAY_EVERY:]
            means = {key: round(sum(entry[key] for entry in recent) / len(recent), 4) for key in recent[0] if key not in ("step", "worked")}
            print(f"{time.strftime('%H:%M:%S')} {self.path.stem} step {state.step} {progress:.1%} {json.dumps(means)}", flush=True)
        over = bool(self.until) and time.monotonic() > self.until
        if time.monotonic() - self.saved > _SAVE_EVERY or progress >= 1 or over:
            state.save(self.path)
            plot(state.log, "loss", self.path.with_suffix(".png"))
            self.saved = time.monotonic()
        if self.finish and (time.monotonic() - self.exported > self.export_every or progress >= 1 or over):
            self.finish(state)
            self.exported = time.monotonic()
        if over and progress < 1:
            raise Paused(f"{self.path.stem} is at {progress:.1%}. The same command goes on from there.")
