"""All engines, one to a device: started, stopped and woken together."""

from webui.jobs.dispatch import Dispatch
from webui.jobs.engine_supervisor import EngineSetup, EngineSupervisor
from webui.jobs.events import Message


class EnginePool:
    """All engines, one to a device."""

    def __init__(self, dispatch: Dispatch, setup: EngineSetup) -> None:
        devices = setup.settings().devices
        self.supervisors = [EngineSupervisor(f"engine-{number}", device, dispatch, setup) for number, device in enumerate(devices, 1)]
        dispatch.state.events.listen(self._on_message)
        dispatch.state.events.watch_subscribers(self.preview_changed)

    def _on_message(self, message: Message) -> None:
        if message.kind == "queued":
            self.wake()

    def start(self) -> None:
        """Start all engines; they are ready a little later."""
        for supervisor in self.supervisors:
            supervisor.start()

    def stop(self) -> None:
        """End all engines and put their jobs back; within a few seconds."""
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
