"""What happens to a job, in the messages of ComfyUI's websocket: which node runs, how far it is, previews, what was saved."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from webui.api.comfy.history import outputs, why
from webui.api.comfy.sent import Sent
from webui.core.job import FINAL_STATES, Job

PREVIEW, JPEG, PNG = 1, 1, 2
_STAGES: dict[str, tuple[str, ...]] = {
    "loading": ("CheckpointLoaderSimple",),
    "encoding": ("CLIPTextEncode",),
    "sampling": ("KSampler", "KSamplerAdvanced", "SamplerCustom", "SamplerCustomAdvanced"),
    "hires": ("KSampler", "KSamplerAdvanced", "SamplerCustom", "SamplerCustomAdvanced"),
    "decoding": ("VAEDecode", "VAEDecodeTiled"),
}
"""The nodes that do what a job is at."""
Said = str | bytes


def status(remaining: int, sid: str = "") -> str:
    """How many jobs wait or run; to who has just come, also the name that they go by."""
    data: dict[str, Any] = {"status": {"exec_info": {"queue_remaining": remaining}}}
    return _message("status", data | ({"sid": sid} if sid else {}))


def frame_of(file: bytes, kind: int = JPEG) -> bytes:
    """A picture as a message: two numbers of four bytes, for what it is and its file type, and the file."""
    return PREVIEW.to_bytes(4, "big") + kind.to_bytes(4, "big") + file


class Telling:
    """One job's way through its graph. Whoever joins late hears what stands at the beginning first."""

    def __init__(self, job_id: str, sent: Sent) -> None:
        self._job_id = job_id
        self._sent = sent
        self._begun = False
        self._node = ""

    def goes_on(self, body: Mapping[str, Any]) -> Iterator[Said]:
        """A step."""
        yield from self._begin()
        yield from self._at(self._node_of(str(body.get("phase", "sampling"))))
        if body.get("phase") in ("sampling", "hires") and body.get("steps"):
            yield self._about("progress", value=body["step"], max=body["steps"], node=self._node)

    def shows(self, jpeg: bytes) -> Iterator[Said]:
        """A preview."""
        yield from self._begin()
        yield frame_of(jpeg)

    def starts(self) -> Iterator[Said]:
        """An engine has taken it; after a lost attempt, once more."""
        self._begun, self._node = False, ""
        yield from self._begin()

    def ends(self, job: Job, files: Sequence[bytes] = ()) -> Iterator[Said]:
        """It is done, has failed or was stopped. `files` are its pictures, where the graph sends them here."""
        yield from self._begin()
        if job.images and job.state in FINAL_STATES:
            yield from self._at(self._sent.saves)
            for file in files:
                yield frame_of(file, JPEG if self._sent.format == "JPEG" else PNG)
            yield self._about("executed", node=self._sent.saves, display_node=self._sent.saves, output=outputs(job, self._sent))
        if job.state == "done":
            yield self._about("execution_success", timestamp=_now())
            yield self._about("executing", node=None)
        elif job.state == "failed":
            kind = job.error.kind if job.error is not None else "Error"
            yield self._about("execution_error", **self._where(), exception_message=why(job), exception_type=kind, traceback=[])
        else:
            yield self._about("execution_interrupted", **self._where())

    def _begin(self) -> Iterator[Said]:
        if not self._begun:
            self._begun = True
            yield self._about("execution_start", timestamp=_now())
            yield self._about("execution_cached", nodes=[], timestamp=_now())

    def _at(self, node: str) -> Iterator[Said]:
        if node and node != self._node:
            self._node = node
            yield self._about("executing", node=node, display_node=node)

    def _node_of(self, stage: str) -> str:
        found = [key for key, node in self._sent.graph.items() if node["class_type"] in _STAGES.get(stage, ())]
        return found[-1 if stage == "hires" else 0] if found else self._sent.saves

    def _where(self) -> dict[str, Any]:
        node = self._node or self._sent.saves
        kind = self._sent.graph.get(node, {}).get("class_type", "")
        return {"node_id": node, "node_type": kind, "executed": [], "timestamp": _now()}

    def _about(self, kind: str, **data: Any) -> str:
        return _message(kind, {**data, "prompt_id": self._sent.prompt_id or self._job_id})


def _message(kind: str, data: dict[str, Any]) -> str:
    return json.dumps({"type": kind, "data": data}, separators=(",", ":"))


def _now() -> int:
    return int(time.time() * 1000)
