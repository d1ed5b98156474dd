"""What this room holds between calls: the graphs that were sent, and what users called their uploads."""

import asyncio
import contextlib
import re
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Request

from webui.api.comfy.pictures import Link, link_of
from webui.errors import RequestError

MOST = 1000
SID = 200
"""Letters of a client's own name that are kept."""
PICTURE = re.compile(r"([0-9a-f]{64})(?:\.\w+)?")
"""A picture's name here: its id and its file type."""


@dataclass(frozen=True)
class Sent:
    """A graph, the node of it that saves, and the name that the client who sent it goes by at the websocket.

    `decoded`: what the sampler gives, where more is done to it before it is saved. `prompt_id`: what the client calls its job.
    """

    graph: dict[str, Any] = field(default_factory=dict)
    saves: str = "0"
    client: str = ""
    decoded: Link | None = None
    prompt_id: str = ""

    @property
    def ends_in(self) -> str:
        """The kind of the node that saves; nothing where the graph is not known."""
        return str(self._node.get("class_type", ""))

    @property
    def end(self) -> Link:
        """What the node that saves is given. Only of a graph that is known."""
        link = link_of(self._node["inputs"]["images"])
        assert link is not None
        return link

    @property
    def format(self) -> str:
        """The file type that the graph asks for."""
        return str(self._node.get("inputs", {}).get("format", "PNG"))

    @property
    def _node(self) -> dict[str, Any]:
        node: dict[str, Any] = self.graph.get(self.saves, {})
        return node


class Graphs:
    """The graphs that were sent, by job, and the names of uploads, by user. Bounded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._graphs: OrderedDict[str, Sent] = OrderedDict()
        self._names: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._jobs: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._under_way: dict[str, set[asyncio.Future[None]]] = {}

    @contextlib.asynccontextmanager
    async def sending(self, owner: str) -> AsyncIterator[None]:
        """Around a call that submits a graph and keeps it: its job may run before it is kept. Only in the event loop."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._under_way.setdefault(owner, set()).add(kept)
        try:
            yield
        finally:
            kept.set_result(None)
            self._under_way[owner].discard(kept)
            if not self._under_way[owner]:
                del self._under_way[owner]

    async def settled(self, owner: str) -> None:
        """Wait until what an owner is sending now is kept."""
        if under_way := self._under_way.get(owner):
            await asyncio.wait(set(under_way))

    def keep(self, job_id: str, owner: str, sent: Sent) -> None:
        """Remember a job's graph, and what its owner calls the job."""
        with self._lock:
            self._graphs[job_id] = sent
            while len(self._graphs) > MOST:
                self._graphs.popitem(last=False)
            if sent.prompt_id:
                self._jobs[owner, sent.prompt_id] = job_id
            while len(self._jobs) > MOST:
                self._jobs.popitem(last=False)

    def job_of(self, owner: str, prompt_id: str) -> str:
        """The id of the job that its owner, or we, call so."""
        with self._lock:
            return self._jobs.get((owner, prompt_id), prompt_id)

    def called(self, job_id: str) -> str:
        """What the client calls a job: its own name for it, or its id."""
        return self.of(job_id).prompt_id or job_id

    def known(self, job_id: str) -> Sent | None:
        """A job's graph; None for what was not sent as one."""
        with self._lock:
            return self._graphs.get(job_id)

    def of(self, job_id: str) -> Sent:
        """A job's graph, an empty one where it is not known."""
        return self.known(job_id) or Sent()

    def name(self, owner: str, name: str, image_id: str) -> None:
        """Remember what a user called an upload."""
        with self._lock:
            self._names[owner, name] = image_id
            while len(self._names) > MOST:
                self._names.popitem(last=False)

    def id_of(self, owner: str, name: str) -> str:
        """The upload of this name. Raises `RequestError`."""
        bare = name.removesuffix(" [input]").removesuffix(" [output]")
        with self._lock:
            known = self._names.get((owner, bare)) or self._names.get((owner, bare.rpartition("/")[2]))
        match = PICTURE.fullmatch(bare)
        if known is None and match is None:
            raise RequestError("image", f"There is no picture named {name[:100]!r} of yours. Send it first.")
        return known or str(match and match[1])


async def get_graphs(request: Request) -> Graphs:
    """What this room holds between calls."""
    return request.app.state.comfy  # type: ignore[no-any-return]


Held = Annotated[Graphs, Depends(get_graphs)]
