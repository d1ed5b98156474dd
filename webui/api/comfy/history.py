"""A job that has ended, as ComfyUI's history has it."""

from pathlib import Path
from typing import Any

from webui.api.comfy.nodes import SENT
from webui.api.comfy.sent import Sent
from webui.core.job import Job


def history_of(job: Job, sent: Sent) -> dict[str, Any]:
    """One entry of /history."""
    called = sent.prompt_id or job.id
    status = {
        "status_str": "success" if job.state == "done" else "error",
        "completed": job.state == "done",
        "messages": _messages(job, called),
    }
    return {"prompt": [0, called, sent.graph, {}, [sent.saves]], "outputs": {sent.saves: outputs(job, sent)}, "status": status, "meta": {}}


def outputs(job: Job, sent: Sent) -> dict[str, Any]:
    """What the node that saves has given: a job's pictures, by the names that /view takes, or as Krita's nodes tell of theirs."""
    kind = {"content-type": f"image/{sent.format.lower()}", "type": "output"}
    if sent.ends_in == "ETN_SaveImageCache":
        return {"images": [{"source": "http", "id": record.id, **kind} for record in job.images]}
    if sent.ends_in in SENT:
        return {"images": [{"source": "websocket", **kind} for _ in job.images]}
    return {"images": [{"filename": f"{record.id}{Path(record.path).suffix}", "subfolder": "", "type": "output"} for record in job.images]}


def why(job: Job) -> str:
    """Why a job has no more pictures."""
    return f"{job.error.message} {job.error.advice}".strip() if job.error is not None else "It was stopped."


def _messages(job: Job, called: str) -> list[list[Any]]:
    at = int((job.finished or job.created).timestamp() * 1000)
    begun: list[list[Any]] = [["execution_start", {"prompt_id": called, "timestamp": int((job.started or job.created).timestamp() * 1000)}]]
    if job.state == "done":
        return [*begun, ["execution_success", {"prompt_id": called, "timestamp": at}]]
    kind = "execution_error" if job.state == "failed" else "execution_interrupted"
    return [*begun, [kind, {"prompt_id": called, "timestamp": at, "exception_message": why(job)}]]
