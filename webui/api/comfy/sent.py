"""What this room holds between calls: the graphs that were sent, and what users called their uploads."""

import asyncio
import contextlib
import posixpath
import re
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

from fastapi import Depends, Request

from webui.api.comfy.kept import FOLDERS, Kept, Place
from webui.api.comfy.nodes import ENDS
from webui.api.comfy.pictures import Link, link_of
from webui.errors import NotFound, RequestError, StorageError
from webui.jobs.values import KeptValues

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


class Stored(Protocol):
    """Where graphs are kept over restarts, see `stored`."""

    def add(self, owner: str, prompt_id: str, made: Mapping[str, Sent]) -> None:
        """Keep what each of these jobs makes of a graph."""

    def of(self, job_id: str) -> Sent | None:
        """What a job makes of a graph."""

    def jobs_of(self, owner: str, prompt_id: str) -> tuple[str, ...]:
        """The jobs that their owner calls so together."""


class Graphs:
    """The graphs that were sent, by job, bounded; and what is kept of each user's. The newest are at hand, more in the database."""

    def __init__(self, values: KeptValues, stored: Stored) -> None:
        self.kept, self._stored = Kept(values), stored
        self._lock = threading.Lock()
        self._graphs: OrderedDict[str, Sent] = OrderedDict()
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
        with contextlib.suppress(StorageError):  # its jobs are queued all the same, and known until the program ends
            self._stored.add(owner, prompt_id, made)

    def jobs_of(self, owner: str, prompt_id: str) -> tuple[str, ...]:
        """The ids of the jobs that their owner, or we, call so together."""
        with self._lock:
            known = self._jobs.get((owner, prompt_id))
        return known or self._stored.jobs_of(owner, prompt_id) or (prompt_id,)

    def with_others(self, owner: str, job_id: str) -> tuple[str, ...]:
        """The jobs of one graph that this is one of."""
        jobs = self.jobs_of(owner, self.called(job_id))
        return jobs if job_id in jobs else (job_id,)

    def called(self, job_id: str) -> str:
        """What the client calls a job: its own name for it, or its id."""
        return self.of(job_id).prompt_id or job_id

    def known(self, job_id: str) -> Sent | None:
        """A job's graph; None for what was not sent as one since the start. Asks no database."""
        with self._lock:
            return self._graphs.get(job_id)

    def of(self, job_id: str) -> Sent:
        """A job's graph, an empty one where it is not known."""
        return self.known(job_id) or self._stored.of(job_id) or Sent()

    def name(self, owner: str, name: str, image_id: str) -> None:
        """Remember what a user called a picture, as LoadImage writes it: `name.png [input]`."""
        self.kept.name(owner, Place.written(name), image_id)

    def id_of(self, owner: str, name: str) -> str:
        """The picture that LoadImage names so. Raises `RequestError`."""
        place = Place.written(name)
        match = PICTURE.fullmatch(place.name)
        known = self.kept.named(owner, place)
        if known is None and match is None:
            raise RequestError("image", f"There is no picture named {name[:100]!r} of yours. Send it first.")
        return known or str(match and match[1])

    def name_of(self, owner: str, name: str, subfolder: str, folder: str) -> str:
        """The name, as `PICTURE` has it, of what a client asks for by the parts that it was told. Raises `NotFound`, `RequestError`."""
        written = Place.written(name)
        place = Place.of(written.name, posixpath.join(subfolder, written.subfolder), folder or "output")
        for each in (place, written, *(Place(place.name, place.subfolder, other) for other in FOLDERS)):
            if (known := self.kept.named(owner, each)) is not None:
                return known
        if PICTURE.fullmatch(place.name):
            return place.name
        raise NotFound("There is no such picture of yours.")


async def get_graphs(request: Request) -> Graphs:
    """What this room holds between calls."""
    return request.app.state.comfy  # type: ignore[no-any-return]


Held = Annotated[Graphs, Depends(get_graphs)]
