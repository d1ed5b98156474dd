"""Server-sent events: one stream for a page, one for a job. A client that vanishes is forgotten at once."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi.sse import EventSourceResponse, format_sse_event

from webui.api.identity import Viewer
from webui.api.shapes import image_body, job_body, shown_message
from webui.gallery.index import ImageIndex
from webui.jobs.events import Message
from webui.jobs.queue import JobQueue
from webui.library import Library

KEEP_ALIVE = 15.0
FINISHED, RECENT = 20, 40
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def frame(kind: str, data: Any, seq: int = 0) -> bytes:
    """One event on the wire."""
    return format_sse_event(data_str=json.dumps(data, separators=(",", ":")), event=kind, id=str(seq) if seq else None)


def respond(frames: AsyncIterator[bytes]) -> EventSourceResponse:
    """An endless response."""
    return EventSourceResponse(frames, headers=HEADERS)


async def job_events(queue: JobQueue, job_id: str, after: int, viewer: Viewer) -> AsyncIterator[bytes]:
    """A job's events after `after`, then what happens, until it has ended."""
    async for line in _with_keep_alive(queue.follow(after, job_id), viewer, b": still here\n\n"):
        yield line


async def page_events(queue: JobQueue, images: ImageIndex, models: Library, after: int | None, viewer: Viewer) -> AsyncIterator[bytes]:
    """A snapshot first, then everything that happens, as far as it is this viewer's to see, and an event where nothing does."""
    follow = queue.follow(after)
    joined: asyncio.Task[Message] = asyncio.ensure_future(anext(follow))
    await asyncio.sleep(0)  # the follower is in before the snapshot is taken: nothing falls between the two
    try:
        yield frame("snapshot", await asyncio.to_thread(snapshot, queue, images, models, viewer))
    except BaseException:
        joined.cancel()
        await asyncio.shield(_close(follow, joined))
        raise
    async for line in _with_keep_alive(follow, viewer, frame("alive", {}), joined):
        yield line


def snapshot(queue: JobQueue, index: ImageIndex, models: Library, viewer: Viewer) -> dict[str, Any]:
    """What a page needs to show everything as it is now."""
    running = queue.jobs(("running",))
    waiting = {job.id: job for job in queue.jobs(("queued",), limit=200)}
    ordered = [waiting[job_id] for job_id in queue.waiting_order() if job_id in waiting]
    mine = None if viewer.admin else viewer.name
    finished = queue.jobs(("done", "failed", "cancelled"), owner=mine, limit=FINISHED, newest=True)
    shown = [job_body(queue, job, viewer) for job in (*running, *ordered, *finished)]
    images = [image_body(item.record, viewer, item.request, item.marks) for item in index.find(mine, limit=RECENT)]
    return {
        "jobs": shown,
        "images": images,
        "total": index.total(mine),
        "waiting": queue.line(),
        "models": models.version,
        "owner": viewer.name,
        "admin": viewer.admin,
        "named": viewer.named,
        "shared": viewer.shared,
        "role": viewer.role,
        "invited": viewer.invited,
        "may": sorted(viewer.rights),
        **queue.engines_body(),
    }


async def _with_keep_alive(
    messages: AsyncIterator[Message], viewer: Viewer, alive: bytes, pending: "asyncio.Task[Message] | None" = None
) -> AsyncIterator[bytes]:
    """Frames of the messages; `alive` where there was none for a while, so that a dead connection is noticed at both ends.

    `pending`: the first message, asked for already.
    """
    clock = asyncio.get_running_loop().time
    due = clock() + KEEP_ALIVE
    try:
        while True:
            pending = pending or asyncio.ensure_future(anext(messages))
            await asyncio.wait({pending}, timeout=max(due - clock(), 0.0))
            data = None
            if pending.done():
                task, pending = pending, None
                try:
                    message = task.result()
                except StopAsyncIteration:
                    return
                data = shown_message(message, viewer)
            if data is not None:
                yield frame(message.kind, data, message.seq)
            elif clock() >= due:
                yield alive
            else:
                continue
            due = clock() + KEEP_ALIVE
    finally:
        if pending is not None:
            pending.cancel()
        await asyncio.shield(_close(messages, pending))


async def _close(messages: AsyncIterator[Message], pending: "asyncio.Task[Message] | None") -> None:
    if pending is not None:
        await asyncio.wait({pending})
    await messages.aclose()  # type: ignore[attr-defined]
