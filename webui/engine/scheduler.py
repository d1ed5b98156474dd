"""Runs several jobs on one device. Each job has its own thread; only one of them runs at a time (cooperative scheduling).

In each round every ready job runs until it requests something. Then device tasks (loading, encoding, decoding) run, at least one of
them, for the time of one step or `DEVICE_TASK_BUDGET_S`. Then all forward requests are executed by as few forward passes as their shapes
allow. So

* a forward request waits until the other ready jobs have made theirs (well under a millisecond each); there is no timer;
* jobs that web sends together (`expecting`) share their first pass;
* a job joins or leaves between any two steps;
* samplers, extensions and LoRAs never run at the same time as others, and each finds torch's random numbers as it left them.

The others stop waiting for a job that makes no request for `SLOW_AFTER_S`; a job that makes none for `HUNG_AFTER_S` fails, and only that
one.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from webui.core.protocol import BatchStats
from webui.core.stopping import stoppable
from webui.engine.slot import DeviceTask, Hung, JobSlot, SlotMessage, SlotSignal
from webui.errors import JobCancelled

if TYPE_CHECKING:
    from torch import Tensor

    from webui.generation.device import DecodeRequest, ForwardRequest

T = TypeVar("T")
SLOW_AFTER_S, HUNG_AFTER_S, STOP_TIMEOUT_S = 1.0, 120.0, 2.0
DEVICE_TASK_BUDGET_S = 0.05
"""Minimum time per round for device tasks, so that a new job finishes loading its prompt within one or two steps of the others."""


class ModelRunner(Protocol):
    """What the scheduler needs of the model: batched forward passes, batched decoding and RNG state.

    The scheduler itself loads no torch.
    """

    def group_forward(self, requests: "Sequence[ForwardRequest]") -> list[list[int]]:
        """Return groups of indexes; the requests of one group fit into one forward pass."""
        ...

    def execute_forward(self, requests: "Sequence[ForwardRequest]") -> "list[Tensor]":
        """Return the outputs of one group's requests."""
        ...

    def group_decode(self, requests: "Sequence[DecodeRequest]") -> list[list[int]]:
        """Return groups of indexes; the images of one group may be decoded by one call."""
        ...

    def execute_decode(self, requests: "Sequence[DecodeRequest]") -> "list[Tensor]":
        """Return the pixels of one group."""
        ...

    def rows(self, request: "ForwardRequest") -> int:
        """Return the number of rows that this request has in a pass."""
        ...

    def rng_state(self) -> Any:
        """Return the state of torch's global generators, which some community samplers draw from."""
        ...

    def restore_rng_state(self, state: Any) -> None:
        """Restore that state; None changes nothing."""
        ...


class BatchScheduler:
    """The engine's main loop. `on_message` is called with every message from web, `on_ended` with every job that has ended."""

    def __init__(
        self,
        inbox: "SimpleQueue[Any]",
        runner: ModelRunner,
        on_message: Callable[[Any], None],
        on_ended: Callable[[JobSlot], None],
        is_stopped: Callable[[str], bool],
        on_hung: Callable[[JobSlot], None] = lambda slot: None,
        hung_after_s: float = HUNG_AFTER_S,
    ) -> None:
        self._inbox, self._runner = inbox, runner
        self._on_message, self._on_ended, self._is_stopped, self._on_hung, self._hung_after_s = (
            on_message,
            on_ended,
            is_stopped,
            on_hung,
            hung_after_s,
        )
        self.slots: list[JobSlot] = []
        self.stats = BatchStats()
        self.stopping = False
        self.draining = False
        self.expecting = False
        """Web has said that another job follows at once: nobody makes a step before it is there, unless it fails to come."""
        self._messages: list[Any] = []
        self._mark = time.monotonic()
        self._step_time = 0.0
        self._max_batch_jobs = self._max_decode_jobs = 2**16
        self._decode_time = 0.0
        self._last: JobSlot | None = None

    def start_job(self, job_id: str, work: Callable[[JobSlot], None]) -> None:
        """Create a slot for a job; it starts in the next round."""
        slot = JobSlot(job_id, work, self._inbox.put)
        self.slots.append(slot)
        slot.thread.start()

    def run(self) -> None:
        """Serve until `stopping`."""
        while not self.stopping:
            self._drain_inbox(wait=not self._has_work())
            self._run_ready()
            self._run_device_tasks()
            if not self.expecting:
                self._run_forward_batches()
            self._grant_exclusive()
            self._watchdog()

    # Listening --------------------------------------------------------------------------------------------------------------

    def _has_work(self) -> bool:
        if any(slot.state == "ready" for slot in self.slots) or next(self._device_tasks(), None) is not None:
            return True
        return (bool(self._forwarding()) and not self.expecting) or self._next_exclusive() is not None

    def _drain_inbox(self, wait: bool) -> None:
        """Handle all pending messages. Blocks when there is nothing to do, with a timeout while jobs run off the device."""
        if wait and not self._messages:
            try:
                self._receive(self._inbox.get(timeout=SLOW_AFTER_S if self.slots else None))
            except Empty:
                self.expecting = False
                return
            finally:
                self._mark = time.monotonic()
        while True:
            try:
                self._receive(self._inbox.get_nowait())
            except Empty:
                break
        mail, self._messages = self._messages, []
        for message in mail:
            self._on_message(message)

    def _receive(self, item: Any) -> None:
        if not isinstance(item, SlotMessage):
            self._messages.append(item)
            return
        slot, request = item.slot, item.request
        slot.request, slot.since = request, time.monotonic()
        match request:
            case SlotSignal(kind="end"):
                self._remove(slot)
            case SlotSignal(kind="off_device"):
                slot.state = "off_device"
            case SlotSignal(kind="back"):
                slot.state = "ready"
            case _:
                slot.state = "asking"

    def _remove(self, slot: JobSlot) -> None:
        slot.state = "ended"
        self._last = None if slot is self._last else self._last
        if slot in self.slots:
            self.slots.remove(slot)
            if not self.slots:
                self.draining, self._max_batch_jobs, self._max_decode_jobs, self._decode_time = False, 2**16, 2**16, 0.0
            self._on_ended(slot)

    # A round ----------------------------------------------------------------------------------------------------------------

    def _run_ready(self) -> None:
        for slot in [slot for slot in self.slots if slot.state == "ready"]:
            self._resume(slot)

    def _resume(self, slot: JobSlot) -> None:
        """Resume a job until its next request. Stops waiting after `SLOW_AFTER_S`."""
        self._restore_rng_state(slot)
        slot.resume()
        until = time.monotonic() + SLOW_AFTER_S
        while slot.state == "running":
            try:
                self._receive(self._inbox.get(timeout=max(until - time.monotonic(), 0.001)))
            except Empty:
                return

    def _restore_rng_state(self, slot: JobSlot) -> None:
        """Restore torch's RNG state to where this job left it, if another job ran in between."""
        if slot is self._last:
            return
        if self._last is not None:
            self._last.rng_state = self._runner.rng_state()
        self._runner.restore_rng_state(slot.rng_state)
        self._last = slot

    def _run_device_tasks(self) -> None:
        """Run at least one device task, more within the time of one step; run all of them while no forward request waits."""
        until = time.monotonic() + max(self._step_time, DEVICE_TASK_BUDGET_S)
        while (slot := next(self._device_tasks(), None)) is not None:
            for served in self._run_device_task(slot, until):
                self._resume(served)
            if time.monotonic() > until and self._forwarding() and not self.expecting:
                return
            self._drain_inbox(wait=False)
            self._run_ready()  # whoever came meanwhile shares the next pass

    def _device_tasks(self) -> Iterator[JobSlot]:
        return (slot for slot in self.slots if slot.state == "asking" and isinstance(slot.request, DeviceTask))

    def _run_device_task(self, slot: JobSlot, until: float) -> list[JobSlot]:
        """Run one device task. A decode request is batched with others that can share the call. Returns the slots served."""
        if self._cancel_if_stopped(slot):
            return [slot]
        slots = self._decode_group(slot, until)
        if len(slots) > 1:
            wanted = [one.device_task.decode_request for one in slots if one.device_task.decode_request]
            images, error = self._outcome(slots, lambda: self._runner.execute_decode(wanted))
            if error is None:
                took = self._decode_time = self._account_device_time() / len(slots)
                for one, image in zip(slots, images, strict=True):
                    one.seconds += took
                    one.reply(image)
                return slots
            if not isinstance(error, JobCancelled):
                self._max_decode_jobs = len(slots) // 2
        slot.reply(*self._outcome([slot], slot.device_task.work))
        took = self._account_device_time()
        slot.seconds += took
        if slot.device_task.decode_request is not None:
            self._decode_time = took
        return [slot]

    def _decode_group(self, slot: JobSlot, until: float) -> list[JobSlot]:
        """Return the slots that share the next VAE call: as many as fit, but limited to the time budget while forward requests wait."""
        if slot.device_task.decode_request is None:
            return [slot]
        slots = [
            one
            for one in self._device_tasks()
            if one is slot or (one.device_task.decode_request is not None and not self._is_stopped(one.job_id))
        ]
        slots.sort(key=lambda one: one is not slot)
        group = self._runner.group_decode([one.device_task.decode_request for one in slots if one.device_task.decode_request])[0]
        most = self._max_decode_jobs
        if self._forwarding():
            most = min(most, int((until - time.monotonic()) / self._decode_time) if self._decode_time else 1)
        return [slots[place] for place in group[: max(most, 1)]]

    def _forwarding(self) -> list[JobSlot]:
        return [slot for slot in self.slots if slot.state == "asking" and not isinstance(slot.request, DeviceTask | SlotSignal)]

    def _run_forward_batches(self) -> None:
        calling = [slot for slot in self._forwarding() if not self._cancel_if_stopped(slot)]
        for places in self._runner.group_forward([slot.forward_request for slot in calling]):
            for start in range(0, len(places), self._max_batch_jobs):
                self._run_forward_batch([calling[place] for place in places[start : start + self._max_batch_jobs]])

    def _run_forward_batch(self, slots: Sequence[JobSlot]) -> None:
        """Run one forward pass. If it fails, run each request alone, so that only the job at fault gets the error."""
        waits = [time.monotonic() - slot.since for slot in slots]
        answers, error = self._outcome(slots, lambda: self._runner.execute_forward([slot.forward_request for slot in slots]))
        if error is not None and len(slots) > 1 and not isinstance(error, JobCancelled):
            self._max_batch_jobs = max(1, len(slots) // 2)
            for slot in slots:
                self._run_forward_batch([slot])
            return
        took = self._step_time = self._account_device_time()
        self.stats = self.stats.with_pass(len(slots), took, sum(waits))
        rows = [self._runner.rows(slot.forward_request) for slot in slots]
        for place, slot in enumerate(slots):
            slot.seconds += took * rows[place] / sum(rows)
            slot.reply(None if error else answers[place], error, len(slots))

    def _outcome(self, slots: Sequence[JobSlot], work: Callable[[], T]) -> tuple[Any, BaseException | None]:
        """`outcome`, which ends early with `JobCancelled` once all whom the work is for were stopped."""

        def check() -> None:
            if all(self._is_stopped(slot.job_id) for slot in slots):
                raise JobCancelled("stopped")

        with stoppable(check):
            return outcome(work)

    def _account_device_time(self) -> float:
        """Return the seconds since the last call, to attribute device time to the slots served now.

        CUDA is asynchronous, so timing a single call measures nothing.
        """
        before, self._mark = self._mark, time.monotonic()
        return self._mark - before

    def _cancel_if_stopped(self, slot: JobSlot) -> bool:
        if not self._is_stopped(slot.job_id):
            return False
        slot.reply(error=JobCancelled("stopped"))
        return True

    def _next_exclusive(self) -> JobSlot | None:
        """Return the slot that may run exclusively now: all others have ended or wait for the same."""
        asking = [slot for slot in self.slots if slot.state == "asking" and slot.request == SlotSignal("exclusive")]
        return asking[0] if asking and len(asking) == len(self.slots) else None

    def _grant_exclusive(self) -> None:
        if any(slot.request == SlotSignal("exclusive") and slot.state == "asking" for slot in self.slots):
            self.draining = True
        if (slot := self._next_exclusive()) is not None:
            slot.reply(error=JobCancelled("stopped") if self._is_stopped(slot.job_id) else None)

    def _watchdog(self) -> None:
        """Interrupt cancelled jobs that make no request, and fail those that hang."""
        for slot in [slot for slot in self.slots if slot.state == "running"]:
            spent = time.monotonic() - slot.since
            if spent > self._hung_after_s + STOP_TIMEOUT_S:
                self.draining = True
                self._on_hung(slot)
                self._remove(slot)
            elif spent > self._hung_after_s:
                slot.interrupt(Hung)
            elif spent > STOP_TIMEOUT_S and self._is_stopped(slot.job_id):
                slot.interrupt(JobCancelled)


def outcome(work: Callable[[], T]) -> tuple[Any, BaseException | None]:
    """Return (result, exception) of `work`. An exception is raised in the thread of the job that asked."""
    try:
        return work(), None
    except BaseException as error:  # noqa: BLE001
        return None, error
