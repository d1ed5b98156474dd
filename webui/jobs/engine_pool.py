"""All engines, one to a device: started, stopped and woken together. A cluster's come and go while it runs."""

from collections.abc import Iterable
from typing import Protocol

from webui.jobs.dispatch import Dispatch
from webui.jobs.engine_supervisor import EngineSetup, EngineSupervisor
from webui.jobs.events import Message


class Scaling(Protocol):
    """What decides how many engines there are; a thread that begins and retires them."""

    def start(self, pool: "EnginePool") -> None:
        """Begin with the first engines."""

    def stop(self) -> None:
        """Begin and retire no engine any more."""


class EnginePool:
    """All engines, one to a device; with a `scaling`, as many as that says."""

    def __init__(self, dispatch: Dispatch, setup: EngineSetup, scaling: Scaling | None = None) -> None:
        self.dispatch, self._setup, self._scaling = dispatch, setup, scaling
        self._last = 0
        self.supervisors: tuple[EngineSupervisor, ...] = ()
        if scaling is None:
            for device in setup.settings().devices:
                self._new(device)
        dispatch.state.events.listen(self._on_message)
        dispatch.state.events.watch_subscribers(self.preview_changed)

    def _new(self, device: str) -> EngineSupervisor:
        self._last += 1
        supervisor = EngineSupervisor(f"engine-{self._last}", device, self.dispatch, self._setup)
        self.supervisors = (*self.supervisors, supervisor)
        return supervisor

    def _on_message(self, message: Message) -> None:
        if message.kind == "queued":
            self.wake()

    def start(self) -> None:
        """Start all engines; they are ready a little later."""
        for supervisor in self.supervisors:
            supervisor.start()
        if self._scaling is not None:
            self._scaling.start(self)

    def add(self, device: str) -> EngineSupervisor:
        """Start one engine more. Called by the scaling's thread alone."""
        supervisor = self._new(device)
        supervisor.start()
        return supervisor

    def forget(self, ended: Iterable[EngineSupervisor]) -> None:
        """Leave engines out that have been retired and have ended. Called by the scaling's thread alone."""
        gone = set(ended)
        self.supervisors = tuple(each for each in self.supervisors if each not in gone)
        for supervisor in gone:
            self.dispatch.state.remove_engine(supervisor.status.name)

    def stop(self) -> None:
        """End all engines and put their jobs back; within a few seconds."""
        if self._scaling is not None:
            self._scaling.stop()
        for supervisor in self.supervisors:
            supervisor.stop()
        for supervisor in self.supervisors:
            if supervisor.is_alive():
                supervisor.join(4)
            supervisor.put_back()

    def restart(self) -> None:
        """Start all engines anew, each between jobs."""
        for supervisor in self.supervisors:
            supervisor.restart()

    def wake(self) -> None:
        """Look for work now."""
        for supervisor in self.supervisors:
            supervisor.wake()

    def cancel(self, job_id: str, how: str) -> bool:
        """Pass a cancel request on; returns False when no engine runs the job."""
        return any([supervisor.cancel(job_id, how) for supervisor in self.supervisors])

    def free_memory(self) -> None:
        """Unload models as soon as nothing runs."""
        for supervisor in self.supervisors:
            supervisor.unload()

    def preview_changed(self) -> None:
        """Send engines the preview settings of their jobs again."""
        for supervisor in self.supervisors:
            supervisor.preview_changed()
