"""A job that has ended, as ComfyUI's history has it."""

from pathlib import Path
from typing import Any

from webui.api.comfy.sent import Sent
from webui.core.job import Job


def history_of(job: Job, sent: Sent) -> dict[str, Any]:
    """One entry of /history."""
    status = {"status_str": "success" if job.state == "done" else "error", "completed": job.state == "done", "messages": _messages(job)}
    return {"prompt": [0, job.id, sent.graph, {}, [sent.saves]], "outputs": {sent.saves: outputs(job)}, "status": status, "meta": {}}


def outputs(job: Job) -> dict[str, Any]:
    """What the node that saves has given: a job's pictures, by the names that /view takes."""
    return {"images": [{"filename": f"{record.id}{Path(record.path).suffix}", "subfolder": "", "type": "output"} for record in job.images]}


def why(job: Job) -> str:
    """Why a job has no more pictures."""
    return f"{job.error.message} {job.error.advice}".strip() if job.error is not None else "It was stopped."


def _messages(job: Job) -> list[list[Any]]:
    at = int((job.finished or job.created).timestamp() * 1000)
    begun: list[list[Any]] = [["execution_start", {"prompt_id": job.id, "timestamp": int((job.started or job.created).timestamp() * 1000)}]]
    if job.state == "done":
        return [*begun, ["execution_success", {"prompt_id": job.id, "timestamp": at}]]
    kind = "execution_error" if job.state == "failed" else "execution_interrupted"
    return [*begun, [kind, {"prompt_id": job.id, "timestamp": at, "exception_message": why(job)}]]
