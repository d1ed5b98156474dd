"""What a backend is: a place other than this machine that makes pictures. `register_backends` takes a `BackendSpec` for each."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from webui.core.backend import BackendModel, RemoteState, RemoteTask
from webui.errors import BackendError


@dataclass(frozen=True)
class Answer:
    """What came back: the status, the headers in lower case, the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON. Raises `BackendError` where it is none."""
        import json

        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise BackendError("The answer is not the JSON that was expected. Is the address right?") from None


class Wire(Protocol):
    """The way to one backend, and the only one that its code may take: with its key, to its own hosts, never past `--offline`.

    Every call raises `BackendError`, which says whether and when to ask again.
    """

    url: str

    def call(self, method: str, path: str, **options: Any) -> Answer:
        """Ask the backend. `path` follows its address; `options` are httpx's (`json`, `params`, `files`, `data`, `headers`, `content`).

        An answer that is no success raises. `patience=` is the seconds that it may take.
        """

    def fetch(self, url: str) -> bytes:
        """A result's file, from the backend's own hosts."""


class Backend(ABC):
    """A connection to one backend. Its calls run in threads of the web process; `BackendError` and `RequestError` are for the user.

    `send` asks for pictures and may be paid for; it returns as soon as the backend has named the work (`RemoteState.id`), or with the
    pictures where the backend makes one wait. Nobody calls it twice for the same pictures unless `find` gives None.
    """

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def models(self) -> Sequence[BackendModel]:
        """Return the models to offer; others may be named all the same."""
        return ()

    @abstractmethod
    def model(self, name: str) -> BackendModel:
        """Return what is known of a model. Raises `RequestError` on `checkpoint` for one that is not there."""

    @abstractmethod
    def send(self, task: RemoteTask) -> RemoteState:
        """Ask for the pictures."""

    def look(self, remote_id: str, task: RemoteTask) -> RemoteState:
        """Return how far a send is. Not asked of a backend whose `send` returns with the pictures."""
        raise BackendError("It cannot be asked how far this is.", unsure=True)

    def cancel(self, remote_id: str) -> None:
        """Stop a send. Not asked of a backend that says that it cannot (`BackendSpec.cancels`)."""
        raise BackendError("It cannot be stopped there.")

    def find(self, task: RemoteTask, since: float, known: frozenset[str]) -> str | None:
        """Return the id of a send whose answer was lost; None where the backend never got it. `known` are other jobs' ids.

        Raises `BackendError` where it cannot tell: then nothing is sent again.
        """
        raise BackendError("It cannot be asked whether it got this.")


@dataclass(frozen=True)
class BackendSpec:
    """A backend for `register_backends`: where it is, what it is called, and how to talk to it.

    `url` is its address unless the variable `url_variable` or a setting says another; the key is taken from `key_variable` first. Results
    are fetched from `hosts` (and their subdomains), and from the address's own. `resends`: asking again costs nothing.
    """

    name: str
    title: str
    url: str
    connect: Callable[[Wire], Backend]
    kind: Literal["cloud", "box"] = "cloud"
    url_variable: str = ""
    key_variable: str = ""
    needs_key: bool = True
    fingerprint: str = ""
    """Of the one certificate that its address may show, as 64 digits of sha256; empty: one that is signed as everybody's is."""
    hosts: tuple[str, ...] = ()
    authorize: Callable[[str], Mapping[str, str]] = lambda key: {"Authorization": f"Bearer {key}"} if key else {}
    sends: str = "the prompt, and the picture and mask to start from if there are any"
    example: str = ""
    """A model to name, for messages."""
    parallel: int = 4
    previews: bool = False
    cancels: bool = True
    resumes: bool = True
    resends: bool = False
    table: tuple[BackendModel, ...] = ()
    """Models as docs/cloud.md shows them."""

    @property
    def aliases(self) -> tuple[str, ...]:
        """No further names."""
        return ()
