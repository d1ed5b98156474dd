"""What the engine process makes of messages that come at odd moments."""

import pytest

from webui.core.events import StepDone
from webui.core.protocol import Cancel, Watch
from webui.devices.plan import is_device_lost
from webui.engine.process import Current
from webui.errors import JobCancelled


def test_a_stop_before_the_job_begins_stops_it():
    current = Current()
    current.expect("a")
    current.wish(Cancel(job_id="a"))
    current.begin("a")
    with pytest.raises(JobCancelled):
        current.obey(StepDone(phase="loading"))


def test_a_stop_or_a_watch_after_the_end_is_forgotten():
    current = Current()
    current.expect("a")
    current.begin("a")
    current.end()
    current.wish(Cancel(job_id="a"))
    current.watch(Watch(job_id="a"))
    current.expect("a")
    current.begin("a")
    current.obey(StepDone())
    assert current.preview_wish().period == 0


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
