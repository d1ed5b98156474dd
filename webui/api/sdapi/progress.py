"""How far the caller's own job is, in A1111's numbers."""

import base64
import time
from typing import Any

from webui.api.sdapi.answers import timestamp
from webui.api.sdapi.calls import Calls
from webui.core.job import FINAL_STATES, Job
from webui.jobs.queue import JobQueue

ENDED = tuple(sorted(FINAL_STATES))


class Standing:
    """A running or waiting job: how far, which picture, how long still."""

    def __init__(self, queue: JobQueue, job: Job, now: float) -> None:
        self.job = job
        live = queue.progress(job.id) if job.state == "running" else None
        self.step, self.steps = (live.step, live.steps) if live is not None and live.phase in ("sampling", "hires") else (0, 0)
        self.steps = self.steps or job.request.steps or 0
        self.batch, self.batches = (live.batch if live is not None else 0), job.request.batch_count
        done = self.batch / self.batches + (self.step / (self.batches * self.steps) if self.steps else 0.0)
        self.progress = min(0.01 + done, 1.0) if job.state == "running" else 0.0
        elapsed = max(now - job.started.timestamp(), 0.0) if job.started else 0.0
        self.eta = elapsed / self.progress - elapsed if self.progress else 0.0


def standing_of(queue: JobQueue, owner: str, job_id: str | None = None) -> Standing | None:
    """The caller's job that runs, else the one that waits first; None where there is none."""
    if job_id is None:
        running = queue.running_of(owner)
        waiting = () if running else queue.jobs(("queued",), owner=owner, limit=1)
        job = queue.get(running[0]) if running else next(iter(waiting), None)
    else:
        job = queue.get(job_id)
    return None if job is None or job.state in FINAL_STATES else Standing(queue, job, time.time())


def state_of(standing: Standing | None, queue: JobQueue, owner: str) -> dict[str, Any]:
    """A1111's nine facts; idle ones keep what the last job left."""
    job = standing.job if standing is not None else next(iter(queue.jobs(ENDED, owner=owner, limit=1, newest=True)), None)
    wish = queue.cancel_requested(job.id) if standing is not None and job is not None else ""
    name = ""
    if standing is not None:
        name = f"Batch {standing.batch + 1} out of {standing.batches}" if standing.batches > 1 else f"scripts_{_tab(standing.job)}"
    return {
        "skipped": False,
        "interrupted": wish == "stop" or (standing is None and job is not None and job.state == "cancelled"),
        "stopping_generation": wish == "after",
        "job": name,
        "job_count": standing.batches if standing is not None else 0,
        "job_timestamp": timestamp(job) if job is not None else "0",
        "job_no": standing.batch if standing is not None else job.request.batch_count if job is not None else 0,
        "sampling_step": standing.step if standing is not None else 0,
        "sampling_steps": standing.steps if standing is not None else (job.request.steps or 0) if job is not None else 0,
    }


def body(queue: JobQueue, owner: str, with_picture: bool) -> dict[str, Any]:
    """The answer of GET /sdapi/v1/progress."""
    standing = standing_of(queue, owner)
    found = queue.preview(standing.job.id) if standing is not None and with_picture else None
    return {
        "progress": standing.progress if standing is not None else 0.0,
        "eta_relative": standing.eta if standing is not None else 0.0,
        "state": state_of(standing, queue, owner),
        "current_image": base64.b64encode(found[1]).decode() if found is not None else None,
        "textinfo": _waits(queue, standing),
    }


def task_body(queue: JobQueue, calls: Calls, owner: str, task: str, after: int) -> dict[str, Any]:
    """The answer of POST /internal/progress; `after` is the number of the last picture that the caller has."""
    job_id = calls.job_of(owner, task)
    standing = standing_of(queue, owner, job_id) if job_id is not None else None
    running = standing is not None and standing.job.state == "running"
    found = queue.preview(standing.job.id) if standing is not None else None
    newer = found is not None and found[0] > after
    picture = f"data:image/jpeg;base64,{base64.b64encode(found[1]).decode()}" if found is not None and newer else None
    return {
        "active": running,
        "queued": standing is not None and not running,
        "completed": job_id is not None and standing is None,
        "progress": standing.progress if standing is not None and running else None,
        "eta": standing.eta if standing is not None and running else None,
        "live_preview": picture,
        "id_live_preview": found[0] if found is not None and newer else after,
        "textinfo": _waits(queue, standing),
    }


def _waits(queue: JobQueue, standing: Standing | None) -> str | None:
    if standing is None or standing.job.state != "queued":
        return None
    order = queue.waiting_order()
    place = order.index(standing.job.id) + 1 if standing.job.id in order else 1
    return f"In queue: {place} of {max(len(order), 1)}"


def _tab(job: Job) -> str:
    return "txt2img" if job.request.mode == "txt2img" else "img2img"
