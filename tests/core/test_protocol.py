"""Frames survive the pipe; what is not a frame is refused."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.whole_requests import resolved
from webui.core.events import Preview, StepDone
from webui.core.protocol import Cancel, FromEngineAdapter, JobEventMessage, RunJob, ToEngineAdapter, read_frame, write_frame


@given(st.text(max_size=200), st.binary(max_size=500))
def test_a_message_and_its_blob_arrive_whole(prompt, blob):
    stream = io.BytesIO()
    sent = RunJob(job_id="1", owner="ann", attempt=1, request=resolved(prompt=prompt))
    write_frame(stream, sent, blob)
    write_frame(stream, Cancel(job_id="1"))
    stream.seek(0)
    body, received = read_frame(stream)
    assert ToEngineAdapter.validate_json(body) == sent and received == blob
    assert ToEngineAdapter.validate_json(read_frame(stream)[0]) == Cancel(job_id="1")
    assert read_frame(stream) is None


def test_preview_bytes_stay_out_of_the_json():
    message = JobEventMessage(event=Preview(job_id="1", frame=3, data=b"jpeg"))
    assert b"jpeg" not in message.model_dump_json().encode()
    assert FromEngineAdapter.validate_json(message.model_dump_json()).event.frame == 3


def test_a_cut_frame_is_the_end():
    stream = io.BytesIO()
    write_frame(stream, JobEventMessage(event=StepDone(job_id="1", step=1, steps=2)))
    assert read_frame(io.BytesIO(stream.getvalue()[:-1])) is None


def test_noise_on_the_pipe_is_refused():
    with pytest.raises(ValueError, match="not our protocol"):
        read_frame(io.BytesIO(b"Loading model... please wait"))
