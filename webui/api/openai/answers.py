"""Pictures in OpenAI's shapes: one answer, or a stream of events with partial pictures."""

import contextlib
import io
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from PIL import Image
from starlette.concurrency import run_in_threadpool

from webui.api import encoding
from webui.api.openai.bodies import Wish
from webui.api.openai.errors import of_failure
from webui.api.signed import FOLDER, SignedAddresses
from webui.api.waiting import Endings
from webui.core.job import Job, PreviewChoice
from webui.errors import Conflict, RequestError
from webui.images.decode import read_image
from webui.jobs.queue import JobQueue
from webui.services import Services

NOTHING = {"total_tokens": 0, "input_tokens": 0, "output_tokens": 0, "input_tokens_details": {"text_tokens": 0, "image_tokens": 0}}
"""Nobody is charged."""


def answer(job: Job, wish: Wish, api: Services, address: str) -> dict[str, Any]:
    """All pictures of a job; `address` is where this server was called."""
    if wish.as_address:
        signed, ending = SignedAddresses(api.queue.store), f"{_quality(wish)}.{wish.output_format or 'png'}"
        data = [{"url": address + signed.signed(f"{FOLDER}{record.id}.{ending}")} for record in job.images]
    else:
        data = [{"b64_json": encoding.encoded(each)} for each in files(job, wish, api)]
    return {"created": int(job.created.timestamp()), "data": data, **facts(job, wish), "usage": NOTHING}


def files(job: Job, wish: Wish, api: Services) -> list[bytes]:
    """The pictures' files in the format that was asked for."""
    kind, quality = wish.output_format or "png", _quality(wish)
    return [encoding.in_format(api.gallery.path(record).read_bytes(), kind, quality) for record in job.images]


def _quality(wish: Wish) -> int:
    return 100 if wish.output_compression is None else max(wish.output_compression, 1)


def facts(job: Job, wish: Wish) -> dict[str, Any]:
    """What is told of the pictures beside them."""
    size = f"{job.request.width}x{job.request.height}"
    return {"background": "opaque", "output_format": wish.output_format or "png", "quality": wish.quality or "auto", "size": size}


async def events(job: Job, wish: Wish, api: Services, endings: Endings, kind: str) -> AsyncIterator[bytes]:
    """The job as server-sent events: as many partial pictures as were asked for, then each whole one."""
    sent = 0
    if wish.partial_images:
        await run_in_threadpool(_want_previews, api.queue, job.id)
        async for message in api.queue.follow(0, job.id):
            if message.kind == "preview" and sent < wish.partial_images:
                partial = await run_in_threadpool(_partial, api.queue, job, wish)
                if partial is not None:
                    yield _event(f"{kind}.partial_image", {"b64_json": partial, "partial_image_index": sent, **_now(job, wish)})
                    sent += 1
    job = await endings.wait(job)
    if not job.images:
        yield _event("error", of_failure(job.error)[1])
        return
    for data in await run_in_threadpool(files, job, wish, api):
        yield _event(f"{kind}.completed", {"b64_json": encoding.encoded(data), **_now(job, wish), "usage": NOTHING})


def _want_previews(queue: JobQueue, job_id: str) -> None:
    with contextlib.suppress(Conflict):  # it has ended already
        queue.choose_preview(job_id, PreviewChoice(period=0.25))


def _now(job: Job, wish: Wish) -> dict[str, Any]:
    return {"created_at": int(time.time()), **facts(job, wish)}


def _partial(queue: JobQueue, job: Job, wish: Wish) -> str | None:
    """The newest preview at the picture's size; None where there is none that can be read."""
    found = queue.preview(job.id)
    if found is None:
        return None
    try:
        image = read_image(found[1], "preview").convert("RGB")
    except RequestError:
        return None
    image = image.resize((job.request.width or 512, job.request.height or 512), Image.Resampling.BILINEAR)
    stream = io.BytesIO()
    image.save(stream, (wish.output_format or "png").upper())
    return encoding.encoded(stream.getvalue())


def _event(kind: str, data: dict[str, Any]) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n".encode()
