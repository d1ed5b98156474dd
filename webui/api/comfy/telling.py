"""What happens to a job, in the messages of ComfyUI's websocket: which node runs, how far it is, previews, what was saved."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from webui.api.comfy.history import node_of, outputs, what, where, worst
from webui.api.comfy.sent import Sent
from webui.core.job import Job

PREVIEW, JPEG, PNG = 1, 1, 2
Said = str | bytes


def status(remaining: int, sid: str = "") -> str:
    """How many jobs wait or run; to who has just come, also the name that they go by."""
    data: dict[str, Any] = {"status": {"exec_info": {"queue_remaining": remaining}}}
    return _message("status", data | ({"sid": sid} if sid else {}))


def frame_of(file: bytes, kind: int = JPEG) -> bytes:
    """A picture as a message: two numbers of four bytes, for what it is and its file type, and the file."""
    return PREVIEW.to_bytes(4, "big") + kind.to_bytes(4, "big") + file


class Telling:
    """The way of one graph's jobs through it. Whoever joins late hears what stands at the beginning first."""

    def __init__(self, called: str) -> None:
        self._called = called
        self._begun = False
        self._started = set[str]()
        self._node = ""
        self.heard = set[str]()
        """The jobs whose end was told."""

    def goes_on(self, sent: Sent, body: Mapping[str, Any]) -> Iterator[Said]:
        """A step of a job that makes this of the graph."""
        yield from self._begin()
        yield from self._at(node_of(sent, str(body.get("phase", "sampling"))))
        if body.get("phase") in ("sampling", "hires") and body.get("steps"):
            yield self._about("progress", value=body["step"], max=body["steps"], node=self._node)

    def shows(self, jpeg: bytes) -> Iterator[Said]:
        """A preview."""
        yield from self._begin()
        yield frame_of(jpeg)

    def starts(self, job_id: str) -> Iterator[Said]:
        """An engine has taken a job; after a lost attempt, once more."""
        if job_id in self._started:
            self._begun, self._node = False, ""
        self._started.add(job_id)
        yield from self._begin()

    def shown(self, job: Job, sent: Sent, files: Mapping[str, Sequence[bytes]]) -> Iterator[Said]:
        """A job has ended: what its ends show. `files` are their pictures, of those that send them here."""
        self.heard.add(job.id)
        yield from self._begin()
        for end in sent.ends if job.images else ():
            yield from self._at(end.node)
            for file in files.get(end.node, ()):
                yield frame_of(file, JPEG if sent.format(end) == "JPEG" else PNG)
            yield self._about("executed", node=end.node, display_node=end.node, output=outputs(job, sent, end))

    def ends(self, jobs: Sequence[Job], sent: Sent) -> Iterator[Said]:
        """All of the graph's jobs are done, have failed or were stopped."""
        yield from self._begin()
        job = worst(jobs)
        if job.state == "done":
            yield self._about("execution_success", timestamp=_now())
            yield self._about("executing", node=None)
        elif job.state == "failed":
            yield self._about("execution_error", **self._where(sent), **what(job))
        else:
            yield self._about("execution_interrupted", **self._where(sent))

    def _begin(self) -> Iterator[Said]:
        if not self._begun:
            self._begun = True
            yield self._about("execution_start", timestamp=_now())
            yield self._about("execution_cached", nodes=[], timestamp=_now())

    def _at(self, node: str) -> Iterator[Said]:
        if node and node != self._node:
            self._node = node
            yield self._about("executing", node=node, display_node=node)

    def _where(self, sent: Sent) -> dict[str, Any]:
        return {**where(sent, self._node or sent.ends[0].node), "timestamp": _now()}

    def _about(self, kind: str, **data: Any) -> str:
        return _message(kind, {**data, "prompt_id": self._called})


def _message(kind: str, data: dict[str, Any]) -> str:
    return json.dumps({"type": kind, "data": data}, separators=(",", ":"))


def _now() -> int:
    return int(time.time() * 1000)
