"""What this room holds between calls: the graphs that were sent, and what users called their uploads."""

import asyncio
import contextlib
import re
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Request

from webui.api.comfy.nodes import ENDS
from webui.api.comfy.pictures import Link, link_of
from webui.errors import RequestError

MOST = 1000
SID = 200
"""Letters of a client's own name that are kept."""
PICTURE = re.compile(r"([0-9a-f]{64})(?:-(\d{1,3}))?(?:\.\w+)?")
"""A picture's name here: its id, which of its graph's ends shows it (the first unless it is said), and its file type."""


@dataclass(frozen=True)
class End:
    """A node that shows a picture. `decoded`: what the job gives, where more is done to it before it is shown."""

    node: str = "0"
    decoded: Link | None = None


@dataclass(frozen=True)
class Sent:
    """A graph, those of its ends that this job makes, and the name that the client who sent it goes by at the websocket.

    `prompt_id`: what the client calls it, or the id of its first job.
    """

    graph: dict[str, Any] = field(default_factory=dict)
    ends: tuple[End, ...] = (End(),)
    client: str = ""
    prompt_id: str = ""

    def kind(self, end: End) -> str:
        """The kind of an end; nothing where the graph is not known."""
        return str(self._node(end).get("class_type", ""))

    def shown(self, end: End) -> Link:
        """What an end is given. Only of a graph that is known."""
        link = link_of(self._node(end)["inputs"]["images"])
        assert link is not None
        return link

    def format(self, end: End) -> str:
        """The file type that an end asks for."""
        return str(self._node(end).get("inputs", {}).get("format", "PNG"))

    def name(self, picture_id: str, end: End) -> str:
        """What a picture is called as this end shows it: its id alone, where the first does the same."""
        first = self.ends[0]
        same = end == first or (self.shown(end) == self.shown(first) and self.format(end) == self.format(first))
        return picture_id if same else f"{picture_id}-{self.ends.index(end)}"

    def end_of(self, name: str) -> End:
        """The end that shows a picture of this name; the first where it names none."""
        match = PICTURE.fullmatch(name)
        number = int(match[2] or 0) if match else 0
        return self.ends[number if number < len(self.ends) else 0]

    def all_ends(self) -> list[str]:
        """The nodes of the graph that show pictures, this job's and others'."""
        return [key for key, node in self.graph.items() if node["class_type"] in ENDS] or [end.node for end in self.ends]

    def _node(self, end: End) -> dict[str, Any]:
        node: dict[str, Any] = self.graph.get(end.node, {})
        return node


class Graphs:
    """The graphs that were sent, by job, and the names of uploads, by user. Bounded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._graphs: OrderedDict[str, Sent] = OrderedDict()
        self._names: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._jobs: OrderedDict[tuple[str, str], tuple[str, ...]] = OrderedDict()
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

    def keep(self, owner: str, prompt_id: str, made: Mapping[str, Sent]) -> None:
        """Remember the graph of each of these jobs, which their owner calls so together."""
        with self._lock:
            self._graphs.update(made)
            while len(self._graphs) > MOST:
                self._graphs.popitem(last=False)
            self._jobs[owner, prompt_id] = tuple(made)
            while len(self._jobs) > MOST:
                self._jobs.popitem(last=False)

    def jobs_of(self, owner: str, prompt_id: str) -> tuple[str, ...]:
        """The ids of the jobs that their owner, or we, call so together."""
        with self._lock:
            return self._jobs.get((owner, prompt_id), (prompt_id,))

    def with_others(self, owner: str, job_id: str) -> tuple[str, ...]:
        """The jobs of one graph that this is one of."""
        jobs = self.jobs_of(owner, self.called(job_id))
        return jobs if job_id in jobs else (job_id,)

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
        bare = name.removesuffix(" [input]").removesuffix(" [output]").removesuffix(" [temp]")
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
