"""A graph whose jobs have ended, as ComfyUI's history has it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from webui.api.comfy.nodes import SENT
from webui.api.comfy.pictures import behind
from webui.api.comfy.sent import End, Sent
from webui.core.job import Job

_STAGES: dict[str, tuple[str, ...]] = {
    "loading": ("CheckpointLoaderSimple",),
    "encoding": ("CLIPTextEncode",),
    "sampling": ("KSampler", "KSamplerAdvanced", "SamplerCustom", "SamplerCustomAdvanced"),
    "hires": ("KSampler", "KSamplerAdvanced", "SamplerCustom", "SamplerCustomAdvanced"),
    "decoding": ("VAEDecode", "VAEDecodeTiled"),
}
"""The nodes that do what a job is at."""
Made = Sequence[tuple[Job, Sent]]
"""The jobs of one graph, at least one, each with what it makes of it."""


def history_of(made: Made) -> dict[str, Any]:
    """One entry of /history."""
    job, sent = made[0]
    done = all(each.state == "done" for each, _ in made)
    called = sent.prompt_id or job.id
    status = {"status_str": "success" if done else "error", "completed": done, "messages": _messages(made, called)}
    given = {end.node: outputs(each, part, end) for each, part in made for end in part.ends}
    return {"prompt": [0, called, sent.graph, {}, sent.all_ends()], "outputs": given, "status": status, "meta": {}}


def outputs(job: Job, sent: Sent, end: End) -> dict[str, Any]:
    """What an end has shown: a job's pictures, by the names that /view takes, or as Krita's nodes tell of theirs."""
    sort = sent.kind(end)
    kind = {"content-type": f"image/{sent.format(end).lower()}", "type": "output"}
    if sort == "ETN_SaveImageCache":
        return {"images": [{"source": "http", "id": sent.name(record.id, end), **kind} for record in job.images]}
    if sort in SENT:
        return {"images": [{"source": "websocket", **kind} for _ in job.images]}
    names = [sent.name(record.id, end) + Path(record.path).suffix for record in job.images]
    return {"images": [{"filename": name, "subfolder": "", "type": "temp" if sort == "PreviewImage" else "output"} for name in names]}


def why(job: Job) -> str:
    """Why a job has no more pictures."""
    return f"{job.error.message} {job.error.advice}".strip() if job.error is not None else "It was stopped."


def worst(jobs: Sequence[Job]) -> Job:
    """The job that says how all of a graph's have ended: one that failed, else one that was stopped, else the last."""
    return next((job for state in ("failed", "cancelled") for job in jobs if job.state == state), jobs[-1])


def _messages(made: Made, called: str) -> list[list[Any]]:
    jobs = [job for job, _ in made]
    job = worst(jobs)
    sent = next(part for each, part in made if each is job)
    at = max(int((each.finished or each.created).timestamp() * 1000) for each in jobs)
    first = min(int((each.started or each.created).timestamp() * 1000) for each in jobs)
    begun: list[list[Any]] = [["execution_start", {"prompt_id": called, "timestamp": first}]]
    if job.state == "done":
        return [*begun, ["execution_success", {"prompt_id": called, "timestamp": at}]]
    kind = "execution_error" if job.state == "failed" else "execution_interrupted"
    return [*begun, [kind, {"prompt_id": called, "timestamp": at, **where(sent, node_of(sent, "sampling")), **what(job)}]]


def node_of(sent: Sent, stage: str) -> str:
    """The node that does what a job is at, of those that its ends are made of."""
    first = sent.ends[0].node
    if first not in sent.graph:
        return first
    needed = set(behind(sent.graph, first))
    found = [key for key, node in sent.graph.items() if key in needed and node["class_type"] in _STAGES.get(stage, ())]
    return found[-1 if stage == "hires" else 0] if found else first


def where(sent: Sent, node: str) -> dict[str, Any]:
    """Where a graph has stopped, as ComfyUI says it."""
    return {"node_id": node, "node_type": sent.graph.get(node, {}).get("class_type", ""), "executed": []}


def what(job: Job) -> dict[str, Any]:
    """What went wrong, as ComfyUI says it; nothing where it was stopped."""
    if job.state != "failed":
        return {}
    return {"exception_message": why(job), "exception_type": job.error.kind if job.error is not None else "Error", "traceback": []}
