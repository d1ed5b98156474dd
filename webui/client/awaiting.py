"""The client that is awaited: `Client` word for word, with `await`."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from webui.client import calls
from webui.client.calls import Call, Wanted
from webui.client.values import JobEvent, Picture, RemoteGrid, RemoteJob
from webui.errors import WebUIError

PATIENCE = 60.0
"""Seconds that a server may be away while a job is followed."""


class AsyncClient:
    """Every method raises `WebUIError`, or the kind of it that the server tells of (`RequestError`, `NotFound`, `LimitReached` …)."""

    def __init__(self, url: str = "http://127.0.0.1:7860", key: str = "", owner: str = "", http: httpx.AsyncClient | None = None) -> None:
        """`key` is an API key or an access key, `owner` the name to act under. `http` takes the place of all three."""
        self._http = http or httpx.AsyncClient(**calls.connection(url, key, owner))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def submit(self, request: Wanted, *, priority: int = 0, idempotency_key: str | None = None) -> RemoteJob:
        """Queue a job; the same idempotency key gives the same job again."""
        return calls.job_of(await self._json(calls.submit(request, priority, idempotency_key)))

    async def job(self, job_id: str) -> RemoteJob:
        """One job."""
        return calls.job_of(await self._json(Call("GET", f"/api/v1/jobs/{job_id}")))

    async def jobs(self, state: str = "", *, after: str = "", search: str = "", limit: int = 100, newest: bool = False) -> list[RemoteJob]:
        """Jobs in order of submission."""
        return calls.jobs_of(await self._json(calls.jobs(state, after, search, limit, newest)))

    async def cancel(self, job_id: str, how: str = "stop") -> RemoteJob:
        """Stop a job: now, only the picture being made ("skip"), or after it ("after")."""
        return calls.job_of(await self._json(Call("DELETE", f"/api/v1/jobs/{job_id}", {"how": how})))

    async def cancel_all(self) -> int:
        """Stop all of your own jobs; gives how many."""
        return int((await self._json(Call("DELETE", "/api/v1/jobs")))["stopped"])

    async def retry(self, job_id: str, *, pay_again: bool = False) -> RemoteJob:
        """Try a failed or stopped job again; `pay_again` where it may have been paid for in vain."""
        return calls.job_of(await self._json(Call("POST", f"/api/v1/jobs/{job_id}/retry", {"pay_again": pay_again})))

    async def again(self, job_id: str, *, new_seed: bool = True) -> RemoteJob:
        """Submit the same request anew."""
        return calls.job_of(await self._json(Call("POST", f"/api/v1/jobs/{job_id}/again", {"new_seed": new_seed})))

    async def follow(self, job_id: str, after: int = 0) -> AsyncIterator[JobEvent]:
        """What happens to a job, until it has ended. Goes on where it was when the connection is lost."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                async for event in self._events(job_id, after):
                    after, until = max(after, event.seq), time.monotonic() + PATIENCE
                    yield event
                    if event.kind in calls.ENDED:
                        return
            except httpx.HTTPError as error:
                if time.monotonic() > until:
                    raise calls.unreachable(self._http.base_url, error) from None
            await asyncio.sleep(0.5)

    async def wait(self, job_id: str) -> RemoteJob:
        """The job once it has ended. Raises `WebUIError` when it failed."""
        async for _ in self.follow(job_id):
            pass
        job = await self.job(job_id)
        if job.error is not None:
            raise WebUIError(f"{job.error.message} {job.error.advice}".strip())
        return job

    async def generate(self, request: Wanted) -> list[bytes]:
        """Submit, wait, and fetch the pictures."""
        return [await self.picture(each) for each in (await self.wait((await self.submit(request)).id)).images]

    async def submit_grid(
        self, request: Wanted, axes: Sequence[Mapping[str, Any]], *, title: str = "", new_seeds: bool = False
    ) -> RemoteGrid:
        """Make the request for every combination of up to three axes, each `{"kind": "Steps", "values": "10-30 (+10)"}`."""
        return calls.grid_of(await self._json(calls.submit_grid(request, axes, title, new_seeds)))

    async def grid(self, grid_id: str) -> RemoteGrid:
        """One grid with its cells."""
        return calls.grid_of(await self._json(Call("GET", f"/api/v1/grids/{grid_id}")))

    async def grids(self, *, after: str = "", limit: int = 30) -> list[RemoteGrid]:
        """Your grids, newest first, without their cells."""
        return calls.grids_of(await self._json(Call("GET", "/api/v1/grids", {"after": after, "limit": limit})))

    async def wait_grid(self, grid_id: str) -> RemoteGrid:
        """The grid once none of its cells waits or runs. Cells that failed are counted, not raised."""
        while (grid := await self.grid(grid_id)).state == "active":
            await asyncio.sleep(0.5)
        return grid

    async def cancel_grid(self, grid_id: str) -> RemoteGrid:
        """Stop a grid; its pictures stay."""
        return calls.grid_of(await self._json(Call("DELETE", f"/api/v1/grids/{grid_id}")))

    async def retry_grid(self, grid_id: str, *, pay_again: bool = False) -> RemoteGrid:
        """Try the cells again that failed."""
        return calls.grid_of(await self._json(Call("POST", f"/api/v1/grids/{grid_id}/retry", {"pay_again": pay_again})))

    async def grid_picture(self, grid_id: str, *, format: str = "png", side: int | None = None, labels: bool = True) -> bytes:
        """All cells in one labelled picture, each at most `side` pixels wide and high."""
        return (await self._send(calls.grid_picture(grid_id, format, side, labels))).content

    async def upload(self, picture: bytes | str | Path) -> Picture:
        """Send a picture (its bytes, or where it lies)."""
        return Picture.model_validate(await self._json(calls.upload(picture)))

    async def pictures(self, search: str = "", *, after: str = "", limit: int = 30) -> list[Picture]:
        """Your pictures, newest first."""
        return calls.pictures_of(await self._json(Call("GET", "/api/v1/images", {"search": search, "after": after, "limit": limit})))

    async def picture(self, picture: Picture | str) -> bytes:
        """A picture's file."""
        return (await self._send(Call("GET", calls.address(picture)))).content

    async def save(self, picture: Picture | str, path: str | Path) -> Path:
        """Write a picture's file to a path."""
        target = Path(path)
        target.write_bytes(await self.picture(picture))
        return target

    async def request_of(self, picture: Picture | str) -> dict[str, Any]:
        """What a picture was made with; empty for an upload."""
        picture_id = picture.id if isinstance(picture, Picture) else picture
        body = await self._json(Call("GET", f"/api/v1/images/{picture_id}/request"))
        return dict(body["request"] or {})

    async def upscaled(self, data: bytes, scale: float = 2.0, upscaler: str = "Lanczos") -> bytes:
        """A picture's file, enlarged."""
        return calls.upscaled_of(await self._json(calls.upscale(data, scale, upscaler)))

    async def capabilities(self) -> dict[str, Any]:
        """What the server can do: samplers, schedules, models, extensions with the JSON Schema of their values."""
        return dict(await self._json(Call("GET", "/api/v1/capabilities")))

    async def queue(self) -> dict[str, Any]:
        """Waiting jobs in order, and your limits."""
        return dict(await self._json(Call("GET", "/api/v1/queue")))

    async def _events(self, job_id: str, after: int) -> AsyncIterator[JobEvent]:
        async with self._http.stream("GET", f"/api/v1/jobs/{job_id}/events", params={"after": after}) as response:
            if not response.is_success:
                await response.aread()
            async for line in calls.checked(response).aiter_lines():
                if (event := calls.event_of(line)) is not None:
                    yield event

    async def _json(self, call: Call) -> Any:
        return (await self._send(call)).json()

    async def _send(self, call: Call) -> httpx.Response:
        try:
            return calls.checked(await self._http.request(call.method, call.path, **call.arguments))
        except httpx.HTTPError as error:
            raise calls.unreachable(self._http.base_url, error) from None
