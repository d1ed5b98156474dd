"""Where running jobs are: phase, step and previews, in memory only."""

from webui.core.events import Preview, StepDone
from webui.core.job import PreviewChoice
from webui.core.request import FrozenModel


class Progress(FrozenModel):
    """Where a running job is; in memory only."""

    phase: str = ""
    step: int = 0
    steps: int = 0
    batch: int = 0
    batches: int = 1
    frame: int = 0
    detail: str = ""


class LiveProgress:
    """Progress, newest preview and chosen preview settings of each job that runs, and the steps made since the start."""

    def __init__(self) -> None:
        self.steps_made = 0
        self._progress: dict[str, Progress] = {}
        self._previews: dict[str, tuple[int, bytes]] = {}
        self._choices: dict[str, PreviewChoice] = {}

    def begin(self, job_id: str) -> None:
        """Note that an engine has taken a job."""
        self._progress[job_id] = Progress(phase="loading")

    def step(self, event: StepDone) -> None:
        """Note a step."""
        self.steps_made += event.phase in ("sampling", "hires") and event.step > 0
        before = self._progress.get(event.job_id)
        self._progress[event.job_id] = Progress(
            phase=event.phase,
            step=event.step,
            steps=event.steps,
            batch=event.batch,
            batches=event.batches,
            frame=before.frame if before is not None else 0,
            detail=event.detail,
        )

    def frame(self, event: Preview, jpeg: bytes) -> None:
        """Keep the newest preview."""
        self._previews[event.job_id] = (event.frame, jpeg)
        self._progress[event.job_id] = self._progress.get(event.job_id, Progress()).model_copy(update={"frame": event.frame})

    def of(self, job_id: str) -> Progress | None:
        """Return where a job is; None when it does not run."""
        return self._progress.get(job_id)

    def running(self) -> list[str]:
        """Return the ids of all running jobs, in the order they began."""
        return list(self._progress)

    def preview(self, job_id: str) -> tuple[int, bytes] | None:
        """Return (frame number, JPEG) of the newest preview."""
        return self._previews.get(job_id)

    def choose_preview(self, job_id: str, choice: PreviewChoice) -> None:
        """Keep how a job's frames are made, until it has ended."""
        self._choices[job_id] = choice

    def preview_choice(self, job_id: str) -> PreviewChoice:
        """Return what was chosen for a job."""
        return self._choices.get(job_id, PreviewChoice())

    def clear(self) -> None:
        """Drop everything."""
        for kept in (self._progress, self._previews, self._choices):
            kept.clear()

    def forget(self, job_id: str) -> None:
        """Drop everything of a job that has ended or waits again."""
        for kept in (self._progress, self._previews, self._choices):
            kept.pop(job_id, None)
