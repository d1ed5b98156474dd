"""ComfyUI's `/ws`: a client hears what becomes of the graphs that it has sent, and of nobody else's."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.concurrency import run_in_threadpool

from webui.api.comfy.files import all_delivered
from webui.api.comfy.nodes import SENT
from webui.api.comfy.sent import SID, Graphs, Sent
from webui.api.comfy.telling import Said, Telling, status
from webui.api.identity import Viewer, viewer_of
from webui.core.job import FINAL_STATES
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
        telling = self._tellings.setdefault(message.job_id, Telling(message.job_id, sent))
        if message.kind == "started":
            return list(telling.starts())
        if message.kind == "step":
            return list(telling.goes_on(message.body))
        if message.kind == "preview":
            frame = self._queue.preview(message.job_id)
            return list(telling.shows(frame[1])) if frame is not None else []
        if message.kind not in FINAL_STATES:
            return []
        self._tellings.pop(message.job_id, None)
        return await run_in_threadpool(self._end, telling, message.job_id, sent)

    def _end(self, telling: Telling, job_id: str, sent: Sent) -> list[Said]:
        try:
            job = self._queue.get(job_id)
            files = all_delivered(job, sent, self._gallery, self._graphs) if sent.ends_in in SENT else ()
            return list(telling.ends(job, files))
        except NotFound:
            return []

    async def _remaining(self) -> Any:
        return await run_in_threadpool(self._queue.store.count, "queued", "running")
