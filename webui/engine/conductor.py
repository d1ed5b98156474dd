"""Runs an engine's jobs side by side: each in a thread of its own, of which one at a time goes on.

A round: every job that can go on runs until it asks for something; then the errands (loading, encoding, decoding) get the time of one
step or `ERRANDS`, one of them at least; then all questions to the UNet are answered by as few forward passes as their shapes allow. So

* a question waits until the other samplers have reached theirs (well under a millisecond each), never for a clock, and alone for nobody;
* a job joins or leaves between any two steps;
* samplers, extensions and LoRAs never run at the same time as others, and each finds torch's random numbers as it left them.

A job that runs for long without asking (`SLOW`) no longer holds the others up; one that never comes back is failed alone (`HUNG`).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from webui.core.protocol import BatchFigures
from webui.engine.seat import Errand, Hung, Post, Question, Seat, Word
from webui.errors import JobCancelled

if TYPE_CHECKING:
    from torch import Tensor

    from webui.engine.turns import Call, Decoding

T = TypeVar("T")
SLOW, HUNG, STOP_PATIENCE = 1.0, 120.0, 2.0
ERRANDS = 0.05
"""So that a job that joins quick ones has done its few small errands within a step or two of theirs."""


class Passes(Protocol):
    """What the conductor must know of questions to the UNet and of random numbers; the conductor itself needs no torch."""

    def groups(self, calls: "Sequence[Call]") -> list[list[int]]:
        """Places of calls that fit into one forward pass."""
        ...

    def answer(self, calls: "Sequence[Call]") -> "list[Tensor]":
        """The answers to the calls of one group."""
        ...

    def pictures(self, decodings: "Sequence[Decoding]") -> list[list[int]]:
        """Places of pictures that may be decoded together."""
        ...

    def decode(self, decodings: "Sequence[Decoding]") -> "list[Tensor]":
        """The pixels of one group."""
        ...

    def rows(self, call: "Call") -> int:
        """How many of a pass's rows are this call's."""
        ...

    def random_state(self) -> Any:
        """Where torch's own generators stand: some community samplers draw from them."""
        ...

    def restore_random(self, state: Any) -> None:
        """Set them back; None leaves them."""
        ...


class Conductor:
    """The engine's main loop. `take` gets every message that is not a job's own; `ended` hears of each job that has left."""

    def __init__(
        self,
        inbox: "SimpleQueue[Any]",
        passes: Passes,
        take: Callable[[Any], None],
        ended: Callable[[Seat], None],
        is_stopped: Callable[[str], bool],
        abandoned: Callable[[Seat], None] = lambda seat: None,
        hung: float = HUNG,
    ) -> None:
        self._inbox, self._passes = inbox, passes
        self._take, self._ended, self._is_stopped, self._abandoned, self._hung = take, ended, is_stopped, abandoned, hung
        self.seats: list[Seat] = []
        self.figures = BatchFigures()
        self.stopping = False
        self.is_closed = False
        self._mail: list[Any] = []
        self._mark = time.monotonic()
        self._step_time = 0.0
        self._most = self._most_pictures = 2**16
        self._picture_time = 0.0
        self._last: Seat | None = None

    def begin(self, job_id: str, work: Callable[[Seat], None]) -> None:
        """Give a job a thread; it starts with the next round."""
        seat = Seat(job_id, work, self._inbox.put)
        self.seats.append(seat)
        seat.thread.start()

    def run(self) -> None:
        """Serve until `stopping`."""
        while not self.stopping:
            self._hear(wait=not self._has_work())
            self._run_ready()
            self._do_errands()
            self._answer_calls()
            self._grant_alone()
            self._look_after_running()

    # Listening --------------------------------------------------------------------------------------------------------------

    def _has_work(self) -> bool:
        return any(seat.state == "ready" or seat.state == "asking" and not isinstance(seat.want, Word) for seat in self.seats) or (
            self._next_alone() is not None
        )

    def _hear(self, wait: bool) -> None:
        """Take what has come; when there is nothing to do, wait for it (with jobs that run on their own: not for ever)."""
        if wait and not self._mail:
            try:
                self._sort(self._inbox.get(timeout=SLOW if self.seats else None))
            except Empty:
                return
            finally:
                self._mark = time.monotonic()
        while True:
            try:
                self._sort(self._inbox.get_nowait())
            except Empty:
                break
        mail, self._mail = self._mail, []
        for message in mail:
            self._take(message)

    def _sort(self, item: Any) -> None:
        if not isinstance(item, Post):
            self._mail.append(item)
            return
        seat, want = item.seat, item.want
        seat.want, seat.since = want, time.monotonic()
        match want:
            case Word(kind="end"):
                self._leave(seat)
            case Word(kind="aside"):
                seat.state = "aside"
            case Word(kind="back"):
                seat.state = "ready"
            case _:
                seat.state = "asking"

    def _leave(self, seat: Seat) -> None:
        seat.state = "ended"
        self._last = None if seat is self._last else self._last
        if seat in self.seats:
            self.seats.remove(seat)
            if not self.seats:
                self.is_closed, self._most, self._most_pictures, self._picture_time = False, 2**16, 2**16, 0.0
            self._ended(seat)

    # A round ----------------------------------------------------------------------------------------------------------------

    def _run_ready(self) -> None:
        for seat in [seat for seat in self.seats if seat.state == "ready"]:
            self._let_run(seat)

    def _let_run(self, seat: Seat) -> None:
        """Let a job go on until it asks; one that is slow keeps nobody waiting."""
        self._hand_random_to(seat)
        seat.go()
        until = time.monotonic() + SLOW
        while seat.state == "running":
            try:
                self._sort(self._inbox.get(timeout=max(until - time.monotonic(), 0.001)))
            except Empty:
                return

    def _hand_random_to(self, seat: Seat) -> None:
        """Torch's random numbers go on where this job left them. Nothing to do, as long as nobody else has run."""
        if seat is self._last:
            return
        if self._last is not None:
            self._last.random = self._passes.random_state()
        self._passes.restore_random(seat.random)
        self._last = seat

    def _do_errands(self) -> None:
        """One errand at least, more within the time of one step; all of them while nobody waits for a step."""
        until = time.monotonic() + max(self._step_time, ERRANDS)
        while (seat := next(self._errands(), None)) is not None:
            for served in self._do_errand(seat, until):
                self._let_run(served)
            if time.monotonic() > until and self._calling():
                return
            self._hear(wait=False)

    def _errands(self) -> Iterator[Seat]:
        return (seat for seat in self.seats if seat.state == "asking" and isinstance(seat.want, Errand))

    def _do_errand(self, seat: Seat, until: float) -> list[Seat]:
        """Serve the first that waits, and with a picture to decode those that can share the call. Gives who was served."""
        if self._drop_if_stopped(seat):
            return [seat]
        seats = self._decoding_with(seat, until)
        if len(seats) > 1:
            pictures, error = outcome(lambda: self._passes.decode([one.errand.decoding for one in seats if one.errand.decoding]))
            if error is None:
                took = self._picture_time = self._elapsed() / len(seats)
                for one, picture in zip(seats, pictures, strict=True):
                    one.seconds += took
                    one.answer(picture)
                return seats
            self._most_pictures = len(seats) // 2
        seat.answer(*outcome(seat.errand.work))
        took = self._elapsed()
        seat.seconds += took
        if seat.errand.decoding is not None:
            self._picture_time = took
        return [seat]

    def _decoding_with(self, seat: Seat, until: float) -> list[Seat]:
        """Who shares the VAE's next call: as many as it takes at once, but no more than the time of the errands allows while steps wait."""
        if seat.errand.decoding is None:
            return [seat]
        seats = [one for one in self._errands() if one is seat or (one.errand.decoding is not None and not self._is_stopped(one.job_id))]
        seats.sort(key=lambda one: one is not seat)
        group = self._passes.pictures([one.errand.decoding for one in seats if one.errand.decoding])[0]
        most = self._most_pictures
        if self._calling():
            most = min(most, int((until - time.monotonic()) / self._picture_time) if self._picture_time else 1)
        return [seats[place] for place in group[: max(most, 1)]]

    def _calling(self) -> list[Seat]:
        return [seat for seat in self.seats if seat.state == "asking" and isinstance(seat.want, Question)]

    def _answer_calls(self) -> None:
        calling = [seat for seat in self._calling() if not self._drop_if_stopped(seat)]
        for places in self._passes.groups([seat.call for seat in calling]):
            for start in range(0, len(places), self._most):
                self._answer_group([calling[place] for place in places[start : start + self._most]])

    def _answer_group(self, seats: Sequence[Seat]) -> None:
        """One forward pass. Where it fails, each job is asked alone, so that only the one at fault hears of it."""
        waits = [time.monotonic() - seat.since for seat in seats]
        answers, error = outcome(lambda: self._passes.answer([seat.call for seat in seats]))
        if error is not None and len(seats) > 1:
            self._most = max(1, len(seats) // 2)
            for seat in seats:
                self._answer_group([seat])
            return
        took = self._step_time = self._elapsed()
        self.figures = self.figures.with_pass(len(seats), took, sum(waits))
        rows = [self._passes.rows(seat.call) for seat in seats]
        for place, seat in enumerate(seats):
            seat.seconds += took * rows[place] / sum(rows)
            seat.answer(None if error else answers[place], error, len(seats))

    def _elapsed(self) -> float:
        """Seconds since the last account, for who is served now: a GPU answers later than it is asked, so one call's time tells nothing."""
        before, self._mark = self._mark, time.monotonic()
        return self._mark - before

    def _drop_if_stopped(self, seat: Seat) -> bool:
        if not self._is_stopped(seat.job_id):
            return False
        seat.answer(error=JobCancelled("stopped"))
        return True

    def _next_alone(self) -> Seat | None:
        """The job that may have the engine to itself now: all others have ended, or wait for the same."""
        asking = [seat for seat in self.seats if seat.state == "asking" and seat.want == Word("alone")]
        return asking[0] if asking and len(asking) == len(self.seats) else None

    def _grant_alone(self) -> None:
        if any(seat.want == Word("alone") and seat.state == "asking" for seat in self.seats):
            self.is_closed = True
        if (seat := self._next_alone()) is not None:
            seat.answer(error=JobCancelled("stopped") if self._is_stopped(seat.job_id) else None)

    def _look_after_running(self) -> None:
        """Jobs that run without asking: interrupt the stopped ones, fail those that never come back."""
        for seat in [seat for seat in self.seats if seat.state == "running"]:
            spent = time.monotonic() - seat.since
            if spent > self._hung + STOP_PATIENCE:
                self.is_closed = True
                self._abandoned(seat)
                self._leave(seat)
            elif spent > self._hung:
                seat.interrupt(Hung)
            elif spent > STOP_PATIENCE and self._is_stopped(seat.job_id):
                seat.interrupt(JobCancelled)


def outcome(work: Callable[[], T]) -> tuple[Any, BaseException | None]:
    """What work gave, or what it raised: an error belongs to the job that asked, and is raised there."""
    try:
        return work(), None
    except BaseException as error:  # noqa: BLE001
        return None, error
