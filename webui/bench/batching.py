"""`bench batching`: several users at once in one batch, against the same jobs one after another, and what the bare UNet gains.

Each round has as many users as jobs, all submitted at the same moment, through the real queue and an engine of its own process. The bare
UNet is timed in this process between the rounds, while the engine is idle, with the same model, precision and threads.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from webui.app import open_app
from webui.bench.results import keep
from webui.core.job import FINAL_STATES, Job
from webui.core.protocol import RunJob
from webui.core.request import GenerationRequest
from webui.settings import Settings, load_settings

if TYPE_CHECKING:
    from torch import Tensor

    from webui.models.conditioning import Conditioning

USERS = (1, 2, 4, 8, 16)
GOAL_SHARE, GOAL_GAIN, GOAL_AT, GOAL_SLOWDOWN = 0.9, 1.25, 8, 0.02
_PATIENCE = 1800.0


def run(words: Sequence[str]) -> int:
    """Print and keep the figures; 1 when a goal is missed."""
    options = _parser().parse_args(list(words))
    figures = {}
    for dtype in options.dtype:
        figures[dtype] = measure(options, dtype)
        _show(dtype, figures[dtype])
    print(keep(options.name, figures))
    return 0 if all(_reached(figures[dtype], dtype) for dtype in figures) else 1


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m webui bench batching")
    made.add_argument("--users", type=int, nargs="+", default=list(USERS))
    made.add_argument("--dtype", nargs="+", default=["float32", "bfloat16"], choices=["float32", "bfloat16", "float16"])
    made.add_argument("--checkpoint", default=None, help="name of the model (default: the first found)")
    made.add_argument("--models-dir", type=Path, action="append", default=[])
    made.add_argument("--device", default="auto")
    made.add_argument("--size", type=int, default=None, help="width and height (default: the model's own)")
    made.add_argument("--steps", type=int, default=20)
    made.add_argument("--repeat", type=int, default=3, help="rounds of each kind; the quickest counts")
    made.add_argument("--pairs", type=int, default=25, help="pairs of runs that the delay of a lone job is taken from")
    made.add_argument("--name", default="batching", help="name of the result in docs/bench")
    return made


def measure(options: argparse.Namespace, dtype: str) -> dict[str, Any]:
    """Everything at one precision."""
    with tempfile.TemporaryDirectory() as folder:
        flags = {"data_dir": folder, "models_dirs": tuple(options.models_dir), "devices": (options.device,), "dtype": dtype}
        settings = load_settings(flags, environment={})
        bare = Bare(settings, options)
        rounds = Rounds(settings, options, max(options.users))
        try:
            rows = []
            for users in options.users:
                rows.append(_row(users, rounds, bare, options.repeat))
                print(f"{dtype}, {users} users: {rows[-1]}", file=sys.stderr, flush=True)
            first = rounds.steps_until_first_preview()
        finally:
            rounds.close()
        base = rows[0]
        for row in rows:
            row["bare_gain"] = row["users"] * base["bare_ms"] / row["bare_ms"] / base["users"]
        slower, own = bare.lone_slowdown(options.pairs)
        return {"rows": rows, "lone_slowdown": slower, "lone_slowdown_outside_model": own, "second_users_first_preview_steps": first}


def _row(users: int, rounds: "Rounds", bare: "Bare", repeat: int) -> dict[str, Any]:
    """Both ways in turn and the bare UNet before each, so that other work on the machine meets all of them."""
    together, apart, bare_ms = [], [], []
    for _ in range(repeat):
        bare_ms.append(bare.milliseconds(users))
        together.append(rounds.seconds(users, users))
        bare_ms.append(bare.milliseconds(users))
        apart.append(rounds.seconds(users, 1))
    best, other = min(together, key=max), min(apart, key=max)
    return {
        "users": users,
        "bare_ms": min(bare_ms),
        "together_seconds": max(best),
        "apart_seconds": max(other),
        "gain": max(other) / max(best),
        "together_latency_median": statistics.median(best),
        "together_latency_p95": _p95(best),
        "apart_latency_median": statistics.median(other),
        "apart_latency_p95": _p95(other),
    }


def _p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


class Rounds:
    """An app without a page. `seconds` lets so many users submit at once."""

    def __init__(self, settings: Settings, options: argparse.Namespace, most: int) -> None:
        self._app = open_app(settings)
        self._request = GenerationRequest(
            prompt="a red apple", checkpoint=options.checkpoint, width=options.size, height=options.size, steps=options.steps
        )
        self._most = most
        self._app.start()
        self.seconds(1, 1)

    def seconds(self, users: int, at_once: int) -> list[float]:
        """From the submit of all to the end of each, in order of ending."""
        queue = self._app.services.queue
        queue.pause(True)
        self._app.services.settings.change({"batch_jobs": at_once})
        jobs = [queue.submit(self._request.model_copy(update={"seed": number}), f"user{number}") for number in range(users)]
        started = time.time()
        queue.pause(False)
        ended = [self._end(job) for job in jobs]
        return sorted(moment - started for moment in ended)

    def _end(self, job: Job) -> float:
        """Asks the database only while the job is not running: to ask it fifty times a second would be work beside the engine's."""
        queue, until = self._app.services.queue, time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            if queue.progress(job.id) is not None:
                time.sleep(0.005)
                continue
            found = queue.get(job.id)
            if found.state in FINAL_STATES:
                if found.state != "done" or found.finished is None:
                    raise RuntimeError(f"A job {found.state}: {found.error}")
                return found.finished.timestamp()
            time.sleep(0.02)
        raise RuntimeError("A job did not end.")

    def steps_until_first_preview(self) -> int:
        """Steps that a running 50-step job makes between a second user's submit and that user's first preview."""

        async def watched() -> int:
            with self._app.services.queue.events.subscribe():  # previews are made only while somebody looks
                return await asyncio.to_thread(self._race)

        return asyncio.run(watched())

    def _race(self) -> int:
        queue = self._app.services.queue
        self._app.services.settings.change({"batch_jobs": 8, "preview_period": 0.1})
        long = queue.submit(self._request.model_copy(update={"steps": 50, "seed": 1}), "first")
        while (progress := queue.progress(long.id)) is None or progress.step < 5:
            time.sleep(0.001)
        second = queue.submit(self._request.model_copy(update={"steps": 50, "seed": 2}), "second")
        before = queue.progress(long.id)
        while queue.preview(second.id) is None:
            time.sleep(0.001)
        after = queue.progress(long.id)
        for job in (long, second):
            self._end(job)
        return (after.step if after else 50) - (before.step if before else 0)

    def close(self) -> None:
        """End the engine."""
        self._app.stop()


class Bare:
    """The model by itself, in this process."""

    def __init__(self, settings: Settings, options: argparse.Namespace) -> None:
        from webui.engine.bootstrap import make_plan
        from webui.local import LocalRunner

        self._alone, self._settings = LocalRunner(settings), settings
        request = GenerationRequest(
            prompt="a red apple", checkpoint=options.checkpoint, width=options.size, height=options.size, steps=options.steps, seed=1
        )
        self._task = RunJob(job_id="bare", owner="local", attempt=1, request=self._alone.resolve(request))
        self._plan = make_plan(self._task, self._alone.context, self._alone.device, settings)
        self._model = self._alone.context.models.get(self._task.request.checkpoint, None, self._plan)
        self._cond = self._asked_with()
        self._in_model = 0.0
        self._model.unet.register_forward_pre_hook(self._enters)
        self._model.unet.register_forward_hook(self._leaves)

    def _asked_with(self) -> "Conditioning":
        """What one of its pictures asks the UNet with, two rows: whatever the family has besides the prompt's context is there."""
        from webui.generation.device import ForwardRequest, InlineDevice
        from webui.generation.run import run_job as run_task

        asked: list[ForwardRequest] = []

        class Noting(InlineDevice):
            def predict(self, request: ForwardRequest) -> "Tensor":
                asked.append(request)
                return super().predict(request)

        request = self._task.request.model_copy(update={"steps": 2})
        task = self._task.model_copy(update={"plan": self._plan, "request": request})
        run_task(task, replace(self._alone.context, device=Noting()), lambda event: None)
        return asked[0].cond

    def _enters(self, *_: Any) -> None:
        self._in_model -= time.perf_counter()

    def _leaves(self, *_: Any) -> None:
        self._in_model += time.perf_counter()

    def milliseconds(self, users: int) -> float:
        """One forward pass of the UNet with guidance for so many users: the mean of as many calls as a job makes."""
        import torch

        from webui.models.conditioning import Conditioning

        width, height = self._task.request.width or 512, self._task.request.height or 512
        x = torch.randn(2 * users, self._model.latent_channels, height // 8, width // 8, device=self._model.device)
        cond = Conditioning.cat([self._cond] * users)
        times = torch.full((2 * users,), 500.0, device=self._model.device)
        self._model.predict(x, times, cond)
        calls, began = self._task.request.steps or 20, time.perf_counter()
        for _ in range(calls):
            self._model.predict(x, times, cond).sum().item()
        return (time.perf_counter() - began) * 1000 / calls

    def lone_slowdown(self, pairs: int) -> tuple[float, float]:
        """How much longer a lone job takes in turn than at once, as a share: of the whole, and outside the model's calls alone.

        Medians over pairs of runs, one of each kind right after the other and each kind first in turn, so that a machine that slows down
        meets both. The first is the promise; the second tells what of it is ours: the model's own time varies.
        """
        whole, own = [], []
        for pair in range(pairs + 1):
            times = {seated: self._timed(seated) for seated in ((True, False) if pair % 2 else (False, True))}
            (seated, seated_model), (direct, direct_model) = times[True], times[False]
            if pair:  # the first warms both up
                whole.append(seated / direct - 1)
                own.append((seated - seated_model - direct + direct_model) / direct)
        return statistics.median(whole), statistics.median(own)

    def _timed(self, seated: bool) -> tuple[float, float]:
        """Seconds of a whole job, and of the model's calls in it."""
        from webui.engine.admission import AdmissionController
        from webui.engine.model_runner import TorchModelRunner
        from webui.engine.scheduler import BatchScheduler
        from webui.engine.slot import JobSlot
        from webui.generation.run import run_job as run_task

        task = self._task.model_copy(update={"plan": self._plan})
        self._in_model, began = 0.0, time.perf_counter()
        if not seated:
            run_task(task, self._alone.context, lambda event: None)
            return time.perf_counter() - began, self._in_model
        admission = AdmissionController(self._alone.context, self._alone.device, self._settings)

        def left(slot: JobSlot) -> None:
            scheduler.stopping = True

        def work(slot: JobSlot) -> None:
            slot.run_on_device(lambda: admission.admit(task))
            admission.run(task, slot, self._alone.context.preview_settings, lambda event: None)

        scheduler = BatchScheduler(SimpleQueue(), TorchModelRunner(), lambda message: None, left, lambda job_id: False)
        scheduler.start_job("bare", work)
        scheduler.run()
        return time.perf_counter() - began, self._in_model


def _show(dtype: str, figures: dict[str, Any]) -> None:
    print(f"{dtype}: a lone job is slowed by {figures['lone_slowdown']:+.1%}; the second user's first preview comes ", end="")
    print(f"{figures['second_users_first_preview_steps']} steps after submit")
    print(f"{'users':>5} {'bare ms':>9} {'bare gain':>9} {'gain':>6} {'share':>6}   latency together / apart: median, p95 (s)")
    for row in figures["rows"]:
        print(
            f"{row['users']:>5} {row['bare_ms']:>9.1f} {row['bare_gain']:>9.2f} {row['gain']:>6.2f} {row['gain'] / row['bare_gain']:>6.0%}"
            f"   {row['together_latency_median']:.2f}, {row['together_latency_p95']:.2f}"
            f" / {row['apart_latency_median']:.2f}, {row['apart_latency_p95']:.2f}"
        )


def _reached(figures: dict[str, Any], dtype: str) -> bool:
    rows = figures["rows"]
    shares = all(row["gain"] >= GOAL_SHARE * row["bare_gain"] for row in rows)
    gains = all(row["gain"] >= GOAL_GAIN for row in rows if row["users"] == GOAL_AT and dtype == "bfloat16")
    return shares and gains and figures["lone_slowdown"] <= GOAL_SLOWDOWN and figures["second_users_first_preview_steps"] <= 3
