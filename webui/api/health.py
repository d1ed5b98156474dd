"""For machines that watch machines: `/health`, `/ready`, `/metrics` (Prometheus text format 0.0.4)."""

from collections.abc import Iterable, Sequence

from fastapi.responses import JSONResponse, PlainTextResponse

from webui.api.errors import responses
from webui.api.native import Api
from webui.api.printed import PrintedRoute
from webui.api.router import Router

router = Router(route_class=PrintedRoute, tags=["Watching"], responses=responses(400, 401, 403, 429))
STATES = ("queued", "running", "done", "failed", "cancelled")
UP = ("ready", "working", "loading")
Sample = tuple[str, str, float]
"""A label's name and value ("" for none), and the number."""


@router.get("/health")
def health(api: Api) -> dict[str, str]:
    """Web answers; `degraded` with a message when a part of the program has failed."""
    troubles = api.queue.troubles
    return {"status": "degraded", "message": " ".join(troubles)} if troubles else {"status": "ok"}


@router.get("/ready", responses={503: {"description": "No engine can take jobs."}})
def ready(api: Api) -> JSONResponse:
    """200 when an engine can take jobs, else 503; with what engines say of themselves."""
    engines = api.queue.engines()
    is_ready = any(engine.state in UP for engine in engines)
    body = {
        "ready": is_ready,
        "engines": [engine.state for engine in engines],
        "messages": [*api.queue.troubles, *(engine.message for engine in engines if engine.message)],
    }
    return JSONResponse(body, 200 if is_ready else 503)


@router.get("/metrics")
def metrics(api: Api) -> PlainTextResponse:
    """Jobs by state, engines, memory, steps, batches, people who watch."""
    engines, counts = api.queue.engines(), api.queue.store.counts()

    def of_engines(values: Iterable[float]) -> list[Sample]:
        return [("engine", engine.name, value) for engine, value in zip(engines, values, strict=True)]

    lines = [
        *_metric("jobs", "gauge", "Jobs by state.", [("state", state, counts.get(state, 0)) for state in STATES]),
        *_metric("paused", "gauge", "Whether the queue is paused.", [("", "", int(api.queue.paused))]),
        *_metric("steps_total", "counter", "Sampling steps made since the start.", [("", "", api.queue.steps_made)]),
        *_metric("followers", "gauge", "Open event streams.", [("", "", api.queue.events.count)]),
        *_metric("engine_up", "gauge", "Whether an engine can take jobs.", of_engines(int(engine.state in UP) for engine in engines)),
        *_metric("engine_resident_bytes", "gauge", "Main memory of an engine.", of_engines(engine.resident for engine in engines)),
        *_metric("engine_device_bytes", "gauge", "Memory that an engine holds on its device.", of_engines(e.device_used for e in engines)),
        # Of batches: jobs by passes is a batch's size, seconds by passes a step's time, waits by jobs the wait.
        *_metric("running_jobs", "gauge", "Jobs that an engine runs at once.", of_engines(len(e.jobs) for e in engines)),
        *_metric("batch_passes_total", "counter", "Forward passes of the UNet.", of_engines(e.batch.passes for e in engines)),
        *_metric("batch_jobs_total", "counter", "Jobs answered by those passes.", of_engines(e.batch.answered for e in engines)),
        *_metric("batch_seconds_total", "counter", "Seconds of those passes.", of_engines(e.batch.seconds for e in engines)),
        *_metric("batch_wait_seconds_total", "counter", "Seconds that jobs waited for them.", of_engines(e.batch.waited for e in engines)),
    ]
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


def _metric(name: str, kind: str, help_text: str, samples: Sequence[Sample]) -> list[str]:
    lines = [f"# HELP darkroom_{name} {help_text}", f"# TYPE darkroom_{name} {kind}"]
    for label, value, number in samples:
        labels = f'{{{label}="{_escaped(value)}"}}' if label else ""
        lines.append(f"darkroom_{name}{labels} {number}")
    return lines


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
