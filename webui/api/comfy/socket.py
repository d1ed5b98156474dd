"""ComfyUI's `/ws`: a client hears what becomes of the graphs that it has sent, and of nobody else's."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Iterable
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.concurrency import run_in_threadpool

from webui.api.comfy.files import all_delivered
from webui.api.comfy.nodes import SENT
from webui.api.comfy.sent import SID, Graphs, Sent
from webui.api.comfy.telling import Said, Telling, status
from webui.api.identity import Viewer, viewer_of
from webui.core.job import FINAL_STATES, Job
from webui.errors import NotFound, RequestError
from webui.jobs.events import Message
from webui.services import Services

BEHIND = 1013
"""The code with which a socket is closed whose client does not keep up: try again."""
router = APIRouter()


@router.websocket("/ws")
async def socket(websocket: WebSocket) -> None:
    """Messages until either end closes. What the client sends is read and means nothing."""
    try:
        who = viewer_of(websocket)
    except RequestError:
        await websocket.close()
        return
    sid = websocket.query_params.get("clientId", "")[:SID] or uuid.uuid4().hex
    listening = Listening(websocket.app.state.services, websocket.app.state.comfy, who, sid)
    await websocket.accept()
    work = [asyncio.ensure_future(_tell(websocket, listening)), asyncio.ensure_future(_hear(websocket))]
    try:
        await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in work:
            each.cancel()
        await asyncio.gather(*work, return_exceptions=True)
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        await websocket.close(BEHIND)


async def _tell(websocket: WebSocket, listening: "Listening") -> None:
    with contextlib.suppress(WebSocketDisconnect):
        async for said in listening.messages():
            await (websocket.send_text(said) if isinstance(said, str) else websocket.send_bytes(said))


async def _hear(websocket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        while (await websocket.receive())["type"] != "websocket.disconnect":
            pass


class Listening:
    """What one client is to hear."""

    def __init__(self, services: Services, graphs: Graphs, who: Viewer, sid: str) -> None:
        self._queue, self._gallery = services.queue, services.gallery
        self._graphs, self._who, self._sid = graphs, who, sid
        self._tellings: dict[str, Telling] = {}
        self._told = set[str]()
        """Jobs whose end was told with that of another, before it was heard of."""

    async def messages(self) -> AsyncIterator[Said]:
        """Where the queue stands first, then what happens; ends where the client does not keep up."""
        async with contextlib.aclosing(self._queue.follow()) as follow:
            first: asyncio.Task[Message] = asyncio.ensure_future(anext(follow))
            try:
                await asyncio.sleep(0)  # the follower is in before the client hears that it is connected
                yield status(await self._remaining(), self._sid)
                message = await first
            finally:
                first.cancel()
                await asyncio.wait({first})
            while True:
                async for said in self._of(message):
                    yield said
                try:
                    message = await anext(follow)
                except StopAsyncIteration:
                    return

    async def _of(self, message: Message) -> AsyncIterator[Said]:
        if message.owner != self._who.name or not message.job_id:
            return
        sent = self._graphs.known(message.job_id)
        if sent is None:
            await self._graphs.settled(self._who.name)
            sent = self._graphs.known(message.job_id)
        if sent is not None and sent.client in ("", self._sid):
            for said in await self._said(message, sent):
                yield said
        if message.kind in (*FINAL_STATES, "queued", "started"):
            yield status(await self._remaining())

    async def _said(self, message: Message, sent: Sent) -> list[Said]:
        if message.job_id in self._told:
            self._told.discard(message.job_id)
            return []
        together = self._graphs.with_others(self._who.name, message.job_id)
        telling = self._tellings.setdefault(together[0], Telling(sent.prompt_id or message.job_id))
        if message.kind == "started":
            return list(telling.starts(message.job_id))
        if message.kind == "step":
            return list(telling.goes_on(sent, message.body))
        if message.kind == "preview":
            frame = self._queue.preview(message.job_id)
            return list(telling.shows(frame[1])) if frame is not None else []
        if message.kind not in FINAL_STATES:
            return []
        before = frozenset(telling.heard)
        said, is_over = await run_in_threadpool(self._end, telling, together)
        if is_over:
            self._tellings.pop(together[0], None)
        self._told |= telling.heard - before - {message.job_id}
        return said

    def _end(self, telling: Telling, together: Iterable[str]) -> tuple[list[Said], bool]:
        """What is said when one of a graph's jobs has ended, or several at once; and whether that was all."""
        jobs = []
        for job_id in together:
            with contextlib.suppress(NotFound):
                jobs.append(self._queue.get(job_id))
        said: list[Said] = []
        for job in jobs:
            if job.state in FINAL_STATES and job.id not in telling.heard:
                sent = self._graphs.of(job.id)
                said += telling.shown(job, sent, self._files(job, sent))
        is_over = all(job.state in FINAL_STATES for job in jobs)
        if jobs and is_over:
            said += telling.ends(jobs, self._graphs.of(jobs[0].id))
        return said, is_over

    def _files(self, job: Job, sent: Sent) -> dict[str, list[bytes]]:
        """The pictures of the ends that send them through the socket."""
        ends = [end for end in sent.ends if sent.kind(end) in SENT]
        return {end.node: all_delivered(job, sent, end, self._gallery, self._graphs) for end in ends}

    async def _remaining(self) -> Any:
        return await run_in_threadpool(self._queue.store.count, "queued", "running")
