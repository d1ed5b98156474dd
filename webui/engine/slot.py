"""A job's thread and its channel to the scheduler."""

import ctypes
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from webui.errors import ExtensionError
from webui.generation.device import DecodeRequest, ForwardRequest

if TYPE_CHECKING:
    from torch import Tensor


T = TypeVar("T")
SlotState = Literal["ready", "running", "asking", "off_device", "ended"]


class Hung(ExtensionError):
    """A sampler or another part of an extension hung."""

    def __init__(self) -> None:
        super().__init__("An extension", "sampler", "it did not come back, and was given up")


@dataclass(frozen=True)
class DeviceTask:
    """Device work of one job. The engine may batch a `decode_request` with those of other jobs instead of calling `work`."""

    work: Callable[[], Any]
    decode_request: DecodeRequest | None = None


@dataclass(frozen=True)
class SlotSignal:
    """A state change of a job's thread."""

    kind: Literal["off_device", "back", "exclusive", "end"]


SlotRequest = ForwardRequest | DeviceTask | SlotSignal


@dataclass(frozen=True)
class SlotMessage:
    """A message from a job's thread to the scheduler."""

    slot: "JobSlot"
    request: SlotRequest


class JobSlot:
    """A job's thread; implements `DeviceAccess`.

    The upper half of the methods is called in that thread, the lower half by the scheduler.
    """

    def __init__(self, job_id: str, work: Callable[["JobSlot"], None], post: Callable[[SlotMessage], None]) -> None:
        self.job_id = job_id
        self.state: SlotState = "ready"
        self.request: SlotRequest = SlotSignal("back")
        self.since = time.monotonic()
        self.seconds = 0.0
        self.rng_state: Any = None
        self.thread = threading.Thread(target=self._run, args=(work,), name=f"job-{job_id}", daemon=True)
        self._post = post
        self._resumed: SimpleQueue[None] = SimpleQueue()  # a semaphore in C: threading's takes ten times as long, twice a step
        self._reply: Any = None
        self._error: BaseException | None = None
        self._peak_batch_jobs = 1

    def _run(self, work: Callable[["JobSlot"], None]) -> None:
        self._resumed.get()
        try:
            work(self)
        finally:
            self._post(SlotMessage(self, SlotSignal("end")))

    def _request(self, request: SlotRequest) -> Any:
        self._post(SlotMessage(self, request))
        self._resumed.get()
        answer, error = self._reply, self._error
        self._reply = self._error = None
        if error is not None:
            raise error
        return answer

    def predict(self, request: ForwardRequest) -> "Tensor":
        """The UNet's output."""
        return cast("Tensor", self._request(request))

    def decode(self, request: DecodeRequest) -> "Tensor":
        """The picture's pixels."""
        return cast("Tensor", self._request(DeviceTask(request.execute, request)))

    def run_on_device(self, work: Callable[[], T]) -> T:
        """Run `work` while no other job uses the device."""
        return cast(T, self._request(DeviceTask(work)))

    def run_off_device(self, work: Callable[[], T]) -> T:
        """Run `work` while other jobs continue."""
        self._post(SlotMessage(self, SlotSignal("off_device")))
        try:
            return work()
        finally:
            self._request(SlotSignal("back"))

    def acquire_exclusive(self) -> None:
        """Block until all other jobs have ended."""
        self._request(SlotSignal("exclusive"))

    def reset_batch_stats(self) -> None:
        """Reset `peak_batch_jobs` to 1."""
        self._peak_batch_jobs = 1

    @property
    def peak_batch_jobs(self) -> int:
        """The largest number of jobs that shared a forward pass."""
        return self._peak_batch_jobs

    def reply(self, value: Any = None, error: BaseException | None = None, shared: int = 1) -> None:
        """Set the result of its request; it continues when resumed."""
        self._reply, self._error = value, error
        self._peak_batch_jobs = max(self._peak_batch_jobs, shared)
        self.state = "ready"

    @property
    def forward_request(self) -> ForwardRequest:
        """The pending forward request."""
        return cast(ForwardRequest, self.request)

    @property
    def device_task(self) -> DeviceTask:
        """The pending device task."""
        return cast(DeviceTask, self.request)

    def resume(self) -> None:
        """Let the thread run until its next request."""
        self.state, self.since = "running", time.monotonic()
        self._resumed.put(None)

    def interrupt(self, error: type[BaseException]) -> None:
        """Raise an exception in its thread at the next Python instruction."""
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.thread.ident or 0), ctypes.py_object(error))
