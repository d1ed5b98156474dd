"""What the engine process makes of messages that come at odd moments."""

import subprocess
import sys
from pathlib import Path

import pytest

from webui.core.events import StepDone
from webui.core.protocol import Cancel, FromEngineAdapter, SetPreview, Start, StartFailed, read_frame, write_frame
from webui.devices.plan import is_device_lost
from webui.engine.control import JobControls
from webui.errors import JobCancelled
from webui.generation.preview import SkipBatch

ROOT = Path(__file__).resolve().parents[2]


def test_a_stop_before_the_job_begins_stops_it():
    wishes = JobControls()
    wishes.register("a")
    wishes.request_cancel(Cancel(job_id="a"))
    assert wishes.is_stopped("a")
    with pytest.raises(JobCancelled):
        wishes.raise_if_cancelled(StepDone(job_id="a", phase="loading"))


def test_a_stop_or_a_watch_after_the_end_is_forgotten():
    wishes = JobControls()
    wishes.register("a")
    wishes.unregister("a")
    wishes.request_cancel(Cancel(job_id="a"))
    wishes.set_preview(SetPreview(job_id="a"))
    wishes.register("a")
    wishes.raise_if_cancelled(StepDone(job_id="a"))
    assert wishes.preview_settings_of("a")().period == 0


def test_wishes_for_one_job_leave_the_others_alone():
    wishes = JobControls()
    wishes.register("a")
    wishes.register("b")
    wishes.request_cancel(Cancel(job_id="a", how="skip"))
    wishes.set_preview(SetPreview(job_id="b", period=2.0))
    wishes.raise_if_cancelled(StepDone(job_id="b"))
    assert (wishes.preview_settings_of("a")().period, wishes.preview_settings_of("b")().period) == (0.0, 2.0)
    with pytest.raises(SkipBatch):
        wishes.raise_if_cancelled(StepDone(job_id="a"))
    wishes.raise_if_cancelled(StepDone(job_id="a", step=2))
    assert wishes.unregister("a").step == 2


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (RuntimeError("CUDA error: unspecified launch failure"), True),
        (RuntimeError("HIP error: invalid device function"), True),
        (RuntimeError("Native API failed: UR_RESULT_ERROR_DEVICE_LOST"), True),
        (RuntimeError("CUDA error: out of memory"), False),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("CUDA error: said by somebody else"), False),
    ],
)
def test_a_lost_device_is_told_from_other_errors(error, lost):
    assert is_device_lost(error) is lost


def test_an_engine_that_cannot_start_says_why_and_ends_in_order(tmp_path):
    settings = {"data_dir": str(tmp_path), "devices": ["cuda:77"]}
    with subprocess.Popen([sys.executable, "-m", "webui.engine.server"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as engine:
        write_frame(engine.stdin, Start(engine="engine-1", device="cuda:77", settings=settings))
        messages = []
        while (frame := read_frame(engine.stdout)) is not None:
            messages.append(FromEngineAdapter.validate_json(frame[0]))
        assert engine.wait(60) == 1
    (failed,) = [message for message in messages if isinstance(message, StartFailed)]
    assert failed.message.startswith("devices: there is no device 'cuda:77' here. There are: ")
