"""The API's calls as values, and its answers as ours, without any network: what both clients share."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from webui.client.addresses import checked_address, checked_key
from webui.client.values import JobEvent, Picture, RemoteGrid, RemoteJob
from webui.core.request import GenerationRequest
from webui.errors import Conflict, Forbidden, LimitReached, NotFound, RequestError, StorageError, WebUIError
from webui.surroundings import LOOPBACK

ENDED = ("done", "failed", "cancelled")
Wanted = GenerationRequest | Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """One call of the API."""

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def arguments(self) -> dict[str, Any]:
        """As httpx takes them."""
        sent: dict[str, Any] = {"params": {key: value for key, value in self.params.items() if value is not None}}
        sent |= {"json": self.body} if self.body is not None else {}
        sent |= {"content": self.content} if self.content is not None else {}
        return sent | ({"headers": dict(self.headers)} if self.headers else {})


def connection(url: str, key: str, owner: str) -> dict[str, Any]:
    """Arguments of both of httpx's clients. `key` is an API key or an access key, `owner` the name to act under."""
    address = checked_address(url)
    headers = {"Authorization": f"Bearer {checked_key(key)}"} if key else {}
    headers |= {"X-Owner": owner} if owner else {}
    here = address.host in LOOPBACK  # a proxy could not reach it
    return {"base_url": address, "headers": headers, "timeout": httpx.Timeout(30, read=None), "trust_env": not here}


def submit(request: Wanted, priority: int = 0, idempotency_key: str | None = None) -> Call:
    """POST /api/v1/jobs."""
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    return Call("POST", "/api/v1/jobs", {"priority": priority or None}, _body(request), headers=headers)


def _body(request: Wanted) -> dict[str, Any]:
    return request.model_dump(mode="json", exclude_unset=True) if isinstance(request, GenerationRequest) else dict(request)


def jobs(state: str, after: str, search: str, limit: int, newest: bool) -> Call:
    """GET /api/v1/jobs."""
    asked = {"state": state or None, "after": after or None, "search": search or None, "limit": limit, "newest": newest or None}
    return Call("GET", "/api/v1/jobs", asked)


def submit_grid(request: Wanted, axes: Sequence[Mapping[str, Any]], title: str, new_seeds: bool) -> Call:
    """POST /api/v1/grids."""
    wish = {"request": _body(request), "axes": [dict(each) for each in axes], "title": title, "new_seeds": new_seeds}
    return Call("POST", "/api/v1/grids", body=wish)


def grid_picture(grid_id: str, format: str, side: int | None, labels: bool) -> Call:
    """GET /api/v1/grids/ID/picture."""
    return Call("GET", f"/api/v1/grids/{grid_id}/picture", {"format": format, "side": side, "labels": labels})


def upload(picture: bytes | str | Path) -> Call:
    """POST /api/v1/images."""
    data = picture if isinstance(picture, bytes) else Path(picture).read_bytes()
    return Call("POST", "/api/v1/images", content=data, headers={"Content-Type": "application/octet-stream"})


def upscale(data: bytes, scale: float, upscaler: str) -> Call:
    """POST /sdapi/v1/extra-single-image."""
    body = {"image": base64.b64encode(data).decode(), "upscaling_resize": scale, "upscaler_1": upscaler}
    return Call("POST", "/sdapi/v1/extra-single-image", body=body)


def upscaled_of(body: Any) -> bytes:
    """The picture in its answer."""
    return base64.b64decode(body["image"])


def address(picture: Picture | str) -> str:
    """Where a picture's file is."""
    return picture.url if isinstance(picture, Picture) else f"/api/v1/images/{picture}"


def job_of(body: Any) -> RemoteJob:
    """A job from its JSON."""
    return RemoteJob.model_validate(body)


def jobs_of(body: Any) -> list[RemoteJob]:
    """A list of jobs."""
    return [job_of(each) for each in body["jobs"]]


def pictures_of(body: Any) -> list[Picture]:
    """A list of pictures."""
    return [Picture.model_validate(each) for each in body["images"]]


def grid_of(body: Any) -> RemoteGrid:
    """A grid from its JSON."""
    return RemoteGrid.model_validate(body)


def grids_of(body: Any) -> list[RemoteGrid]:
    """A list of grids."""
    return [grid_of(each) for each in body["grids"]]


def event_of(line: str) -> JobEvent | None:
    """The event in one line of a stream; None for a line that holds none."""
    if not line.startswith("data:"):
        return None
    body = json.loads(line.removeprefix("data:"))
    return JobEvent(kind=str(body.get("type", "")), seq=int(body.get("seq", 0)), body=body)


def events_of(lines: Iterable[str]) -> Iterator[JobEvent]:
    """The events in a stream's lines."""
    return (event for line in lines if (event := event_of(line)) is not None)


def checked(response: httpx.Response) -> httpx.Response:
    """The answer, if it is a good one. Raises the error that it tells of, as Darkroom itself has it."""
    if response.is_success:
        return response
    try:
        body = response.json()
    except ValueError:
        body = {}
    said = str(body.get("message") or body.get("detail") or f"The server answered {response.status_code}.")
    renews = datetime.fromisoformat(body["renews"]) if body.get("renews") else None
    kinds: dict[int, WebUIError] = {
        401: Forbidden(said),
        403: Forbidden(said),
        404: NotFound(said),
        409: Conflict(said),
        422: RequestError(str(body.get("field") or "request"), said),
        429: LimitReached(said, renews),
        507: StorageError(said),
    }
    raise kinds.get(response.status_code, WebUIError(said))


def unreachable(url: object, error: Exception) -> WebUIError:
    """What is said when nobody answers."""
    return WebUIError(f"{url} does not answer: {error}. Is Darkroom running there?")
