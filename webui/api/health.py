"""For machines that watch machines: `/health`, `/ready`, `/metrics` (Prometheus text format 0.0.4)."""

from collections.abc import Sequence

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse

from webui.api.native import Parts
from webui.jobs.placement import EngineStatus

router = APIRouter(tags=["Watching"])


@router.get("/health")
def health() -> dict[str, str]:
    """Web answers."""
    return {"status": "ok"}


@router.get("/ready")
def ready(api: Parts) -> JSONResponse:
    """200 when an engine can take jobs, else 503."""
    states = [engine.state for engine in api.queue.engines()]
    is_ready = any(state in ("ready", "working", "loading") for state in states)
    return JSONResponse({"ready": is_ready, "engines": states}, 200 if is_ready else 503)


@router.get("/metrics")
def metrics(api: Parts) -> PlainTextResponse:
    """Jobs by state, engines, memory."""
    lines = ["# HELP darkroom_jobs Jobs by state.", "# TYPE darkroom_jobs gauge"]
    lines += [
        f'darkroom_jobs{{state="{state}"}} {api.queue.store.count(state)}' for state in ("queued", "running", "done", "failed", "cancelled")
    ]
    lines += ["# HELP darkroom_engine_up Whether an engine can take jobs.", "# TYPE darkroom_engine_up gauge"]
    lines += [f'darkroom_engine_up{{engine="{engine.name}"}} {int(engine.state in ("ready", "working"))}' for engine in api.queue.engines()]
    lines += ["# HELP darkroom_engine_resident_bytes Main memory of an engine.", "# TYPE darkroom_engine_resident_bytes gauge"]
    lines += [f'darkroom_engine_resident_bytes{{engine="{engine.name}"}} {engine.resident}' for engine in api.queue.engines()]
    lines += [
        "# HELP darkroom_paused Whether the queue is paused.",
        "# TYPE darkroom_paused gauge",
        f"darkroom_paused {int(api.queue.paused)}",
    ]
    lines += _batches(api.queue.engines())
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


def _batches(engines: Sequence[EngineStatus]) -> list[str]:
    """Forward passes of each engine: jobs by passes is the batch's size, seconds by passes the step's time, waits by jobs the wait."""
    tables = (
        ("darkroom_running_jobs", "gauge", "Jobs that an engine runs at once.", lambda engine: len(engine.jobs)),
        ("darkroom_batch_passes_total", "counter", "Forward passes of the UNet.", lambda engine: engine.batch.passes),
        ("darkroom_batch_jobs_total", "counter", "Jobs answered by those passes.", lambda engine: engine.batch.answered),
        ("darkroom_batch_seconds_total", "counter", "Seconds of those passes.", lambda engine: engine.batch.seconds),
        ("darkroom_batch_wait_seconds_total", "counter", "Seconds that jobs waited for those passes.", lambda engine: engine.batch.waited),
    )
    lines = []
    for name, kind, text, value in tables:
        lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
        lines += [f'{name}{{engine="{engine.name}"}} {value(engine)}' for engine in engines]
    return lines
