"""How far the caller's own job is, in A1111's numbers."""

import base64
import time
from typing import Any

from webui.api.sdapi.answers import timestamp
from webui.api.sdapi.calls import Calls
from webui.core.job import FINAL_STATES, Job
from webui.core.request import FrozenModel
from webui.jobs.queue import JobQueue

ENDED = tuple(sorted(FINAL_STATES))


class Facts(FrozenModel):
    """What of a running job does not change, read once: polls ask no database while it runs."""

    id: str
    state: str
    steps: int
    batches: int
    timestamp: str
    started: float
    tab: str

    @classmethod
    def of(cls, job: Job) -> "Facts":
        """Of a job."""
        return cls(
            id=job.id,
            state=job.state,
            steps=job.request.steps,
            batches=job.request.batch_count,
            timestamp=timestamp(job),
            started=job.started.timestamp() if job.started else 0.0,
            tab="txt2img" if job.request.mode == "txt2img" else "img2img",
        )


class Standing:
    """A running or waiting job: how far, which picture, how long still."""

    def __init__(self, queue: JobQueue, job: Facts, now: float) -> None:
        self.job = job
        live = queue.progress(job.id) if job.state == "running" else None
        self.step, self.steps = (live.step, live.steps) if live is not None and live.phase in ("sampling", "hires") else (0, 0)
        self.steps = self.steps or job.steps
        self.batch, self.batches = (live.batch if live is not None else 0), job.batches
        done = self.batch / self.batches + (self.step / (self.batches * self.steps) if self.steps else 0.0)
        self.progress = min(0.01 + done, 1.0) if job.state == "running" else 0.0
        elapsed = max(now - job.started, 0.0) if job.started else 0.0
        self.eta = elapsed / self.progress - elapsed if self.progress else 0.0


def running_standing(queue: JobQueue, calls: Calls, owner: str) -> Standing | None:
    """The caller's running job, where it is known already; asks no database."""
    running = queue.running_of(owner)
    known = calls.facts.get(running[0]) if running else None
    return Standing(queue, known, time.time()) if isinstance(known, Facts) else None


def standing_of(queue: JobQueue, calls: Calls, owner: str, job_id: str | None = None) -> Standing | None:
    """The caller's job that runs, else the one that waits first; None where there is none."""
    if job_id is None:
        running = queue.running_of(owner)
        waiting = () if running else queue.jobs(("queued",), owner=owner, limit=1)
        job = queue.get(running[0]) if running else next(iter(waiting), None)
    else:
        job = queue.get(job_id)
    if job is None or job.state in FINAL_STATES:
        return None
    facts = Facts.of(job)
    if job.state == "running":
        calls.facts.put(job.id, facts)
    return Standing(queue, facts, time.time())


def state_of(standing: Standing, queue: JobQueue) -> dict[str, Any]:
    """A1111's nine facts of a job."""
    wish = queue.cancel_requested(standing.job.id)
    return {
        "skipped": False,
        "interrupted": wish == "stop",
        "stopping_generation": wish == "after",
        "job": f"Batch {standing.batch + 1} out of {standing.batches}" if standing.batches > 1 else f"scripts_{standing.job.tab}",
        "job_count": standing.batches,
        "job_timestamp": standing.job.timestamp,
        "job_no": standing.batch,
        "sampling_step": standing.step,
        "sampling_steps": standing.steps,
    }


def idle_state(queue: JobQueue, owner: str) -> dict[str, Any]:
    """The same while nothing of the caller's runs or waits: most stay from the last job."""
    last = next(iter(queue.jobs(ENDED, owner=owner, limit=1, newest=True)), None)
    return {
        "skipped": False,
        "interrupted": last is not None and last.state == "cancelled",
        "stopping_generation": False,
        "job": "",
        "job_count": 0,
        "job_timestamp": timestamp(last) if last is not None else "0",
        "job_no": last.request.batch_count if last is not None else 0,
        "sampling_step": 0,
        "sampling_steps": last.request.steps if last is not None else 0,
    }


def body(queue: JobQueue, calls: Calls, owner: str, with_picture: bool) -> dict[str, Any]:
    """The answer of GET /sdapi/v1/progress."""
    standing = standing_of(queue, calls, owner)
    if standing is not None:
        return body_of(queue, standing, with_picture)
    return {"progress": 0.0, "eta_relative": 0.0, "state": idle_state(queue, owner), "current_image": None, "textinfo": None}


def body_of(queue: JobQueue, standing: Standing, with_picture: bool) -> dict[str, Any]:
    """The same for a job that runs or waits."""
    found = queue.preview(standing.job.id) if with_picture else None
    return {
        "progress": standing.progress,
        "eta_relative": standing.eta,
        "state": state_of(standing, queue),
        "current_image": base64.b64encode(found[1]).decode() if found is not None else None,
        "textinfo": _waits(queue, standing),
    }


def task_body(queue: JobQueue, calls: Calls, owner: str, task: str, after: int) -> dict[str, Any]:
    """The answer of POST /internal/progress; `after` is the number of the last picture that the caller has."""
    job_id = calls.job_of(owner, task)
    standing = standing_of(queue, calls, owner, job_id) if job_id is not None else None
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
