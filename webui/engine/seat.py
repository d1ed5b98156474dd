"""One job's place at the engine: its thread, and what passes between it and the conductor."""

import ctypes
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from webui.errors import ExtensionError

if TYPE_CHECKING:
    from torch import Tensor

    from webui.engine.turns import Call, Decoding

T = TypeVar("T")
State = Literal["ready", "running", "asking", "aside", "ended"]


class Hung(ExtensionError):
    """A sampler or another part of an extension did not come back."""

    def __init__(self) -> None:
        super().__init__("An extension", "sampler", "it did not come back, and was given up")


@dataclass(frozen=True, eq=False)
class Question:
    """A question to the UNet."""

    call: "Call"


@dataclass(frozen=True)
class Errand:
    """Heavy work of one job. A `decoding` may be done together with others' by the engine, in place of `work`."""

    work: Callable[[], Any]
    decoding: "Decoding | None" = None


@dataclass(frozen=True)
class Word:
    """What a job says besides questions and errands."""

    kind: Literal["aside", "back", "alone", "end"]


Want = Question | Errand | Word


@dataclass(frozen=True)
class Post:
    """A job's thread to the conductor."""

    seat: "Seat"
    want: Want


class Seat:
    """One job's thread, and its access to the device (`Turns`). The upper half is called in that thread, the lower by the conductor."""

    def __init__(self, job_id: str, work: Callable[["Seat"], None], post: Callable[[Post], None]) -> None:
        self.job_id = job_id
        self.state: State = "ready"
        self.want: Want = Word("back")
        self.since = time.monotonic()
        self.seconds = 0.0
        self.random: Any = None
        self.thread = threading.Thread(target=self._live, args=(work,), name=f"job-{job_id}", daemon=True)
        self._post = post
        self._go: SimpleQueue[None] = SimpleQueue()  # a semaphore in C: threading's takes ten times as long, twice a step
        self._answer: Any = None
        self._error: BaseException | None = None
        self._together = 1

    def _live(self, work: Callable[["Seat"], None]) -> None:
        self._go.get()
        try:
            work(self)
        finally:
            self._post(Post(self, Word("end")))

    def _ask(self, want: Want) -> Any:
        self._post(Post(self, want))
        self._go.get()
        answer, error = self._answer, self._error
        self._answer = self._error = None
        if error is not None:
            raise error
        return answer

    def predict(self, call: "Call") -> "Tensor":
        """The UNet's output."""
        return cast("Tensor", self._ask(Question(call)))

    def decode(self, decoding: "Decoding") -> "Tensor":
        """The picture's pixels."""
        return cast("Tensor", self._ask(Errand(decoding.answer, decoding)))

    def do(self, work: Callable[[], T]) -> T:
        """Work while no other job computes."""
        return cast(T, self._ask(Errand(work)))

    def aside(self, work: Callable[[], T]) -> T:
        """Work while the others go on."""
        self._post(Post(self, Word("aside")))
        try:
            return work()
        finally:
            self._ask(Word("back"))

    def alone(self) -> None:
        """Wait until all others have ended."""
        self._ask(Word("alone"))

    def begin_picture(self) -> None:
        """Count `together` anew."""
        self._together = 1

    @property
    def together(self) -> int:
        """How many jobs shared a forward pass, at most."""
        return self._together

    def answer(self, value: Any = None, error: BaseException | None = None, shared: int = 1) -> None:
        """Give what it asked for; it goes on when it is let."""
        self._answer, self._error = value, error
        self._together = max(self._together, shared)
        self.state = "ready"

    @property
    def call(self) -> "Call":
        """The call of a job that asks the UNet."""
        return cast(Question, self.want).call

    @property
    def errand(self) -> Errand:
        """The errand of a job that asks for one."""
        return cast(Errand, self.want)

    def go(self) -> None:
        """Let it run until it asks again."""
        self.state, self.since = "running", time.monotonic()
        self._go.put(None)

    def interrupt(self, error: type[BaseException]) -> None:
        """Raise in its thread, at the next line of Python."""
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.thread.ident or 0), ctypes.py_object(error))
