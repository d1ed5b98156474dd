"""A client of a running Darkroom's own API, for `generate --server`."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from webui.client.addresses import checked_address, checked_key
from webui.core.events import Event, EventAdapter
from webui.core.job import FINAL_STATES
from webui.core.request import GenerationRequest
from webui.errors import RequestError, WebUIError
from webui.surroundings import LOOPBACK

PATIENCE = 60.0
"""Seconds that a server may be away while a job is followed."""


class Client:
    """Submit, follow and fetch. Raises `RequestError` for HTTP 422, `WebUIError` for anything else that goes wrong."""

    def __init__(self, url: str, key: str = "") -> None:
        address = checked_address(url)
        here = address.host in LOOPBACK  # a proxy could not reach it
        self._http = httpx.Client(
            base_url=address,
            timeout=httpx.Timeout(30, read=None),
            headers={"X-Access-Key": checked_key(key)} if key else {},
            trust_env=not here,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._http.close()

    def upload(self, path: Path) -> str:
        """Send a picture; gives the id that `init` and `mask` take."""
        return str(
            self._json("POST", "/api/v1/images", content=path.read_bytes(), headers={"Content-Type": "application/octet-stream"})["id"]
        )

    def capabilities(self) -> dict[str, Any]:
        """What there is to choose from on that server."""
        found: dict[str, Any] = self._json("GET", "/api/v1/capabilities")
        return found

    def submit(self, request: GenerationRequest) -> str:
        """Queue a job; gives its id."""
        return str(self._json("POST", "/api/v1/jobs", json=request.model_dump(mode="json", exclude_unset=True))["id"])

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Any route's answer, as plain data."""
        return self._json(method, path, **arguments)

    def fetch(self, path: str) -> bytes:
        """The content of an address that the server gave."""
        return self._get(path).content

    def follow(self, job_id: str, take: Callable[[Event], None]) -> None:
        """Hand on the job's events until it has ended; a server that restarts meanwhile is waited for."""
        seen, until = 0, time.monotonic() + PATIENCE
        while True:
            try:
                for event in self._events(job_id, seen):
                    seen, until = max(seen, event.seq), time.monotonic() + PATIENCE
                    take(event)
                    if event.type in FINAL_STATES:
                        return
            except httpx.HTTPError as error:
                if time.monotonic() > until:
                    raise WebUIError(
                        f"The connection to {self._http.base_url} was lost: {error}. The job {job_id} goes on there."
                    ) from None
            time.sleep(1)

    def _events(self, job_id: str, after: int) -> Iterator[Event]:
        with self._http.stream("GET", f"/api/v1/jobs/{job_id}/events", params={"after": after}) as response:
            self._check(response)
            for line in response.iter_lines():
                if line.startswith("data:"):
                    told = json.loads(line.removeprefix("data:"))
                    told.get("record", {}).pop("url", None)  # the API's addition to a record
                    yield EventAdapter.validate_python(told)

    def downloads(self, job_id: str) -> list[bytes]:
        """The job's finished pictures, as the very bytes the server keeps."""
        images = self._json("GET", f"/api/v1/jobs/{job_id}")["images"]
        return [self._get(image["url"]).content for image in images]

    def _get(self, url: str) -> httpx.Response:
        """Fetch an address that the server gave: one from the host's root, also where the server lies in a folder of it."""
        return self._check(self._send("GET", str(self._http.base_url.join(url))))

    def _json(self, method: str, url: str, **arguments: Any) -> Any:
        return self._check(self._send(method, url, **arguments)).json()

    def _send(self, method: str, url: str, **arguments: Any) -> httpx.Response:
        try:
            return self._http.request(method, url, **arguments)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise WebUIError(f"{self._http.base_url} does not answer: {error}. Is Darkroom running there?") from None

    @staticmethod
    def _check(response: httpx.Response) -> httpx.Response:
        if response.is_success:
            return response
        response.read()
        try:
            body = response.json()
        except ValueError:
            body = {"message": response.text[:200]}
        if response.status_code == 422 and "field" in body:
            raise RequestError(str(body["field"]), str(body["message"]))
        raise WebUIError(f"The server answered {response.status_code}: {body.get('message', '')}")
