"""Rows and values: what comes back is what was kept, also of a version that is newer."""

import json
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from tests.whole_requests import resolved
from webui.core.events import Done, EventAdapter, Failed, ImageSaved, Queued
from webui.core.job import JobError, Plan
from webui.core.record import ImageRecord
from webui.core.request import GenerationRequest, ResolvedRequest
from webui.db.mapping import event_from, image_from, image_values, job_from, new_id, request_from, resolved_from, when

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
RECORD = ImageRecord(
    id="a" * 64, path="outputs/x.png", job_id="j", index=1, width=64, height=32, seed=2**64 - 1, created=NOON, notes=("n",)
)


def job_row(**changes):
    row = {
        "id": "j",
        "owner": "ann",
        "state": "done",
        "priority": 2,
        "attempts": 1,
        "idempotency_key": "k",
        "notes": '["n"]',
        "place": None,
        "cost": 0.0,
        "backend": "",
        "remote": "[]",
        "request": resolved(prompt="an apple").model_dump_json(),
        "plan": Plan(device="cuda:0").model_dump_json(),
        "error": JobError(kind="OutOfMemory", message="Full.").model_dump_json(),
        "created": NOON.timestamp(),
        "started": NOON.timestamp() + 1,
        "finished": None,
    }
    return SimpleNamespace(**row | changes)


def image_row(record=RECORD, request=None):
    return SimpleNamespace(**image_values(record, request))


def event_row(event, **changes):
    return SimpleNamespace(**{"seq": 7, "at": NOON.timestamp(), "body": EventAdapter.dump_json(event).decode()} | changes)


def test_ids_rise_with_time_and_never_repeat():
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000 and all(len(each) == 24 for each in ids)
    before = int(ids[0][:12], 16)
    assert before <= int(new_id()[:12], 16) and abs(before - time.time() * 1000) < 60_000


def test_times_are_utc():
    assert when(NOON.timestamp()) == NOON and when(None) is None


def test_a_job_with_everything():
    job = job_from(job_row(), (RECORD,))
    assert (job.id, job.owner, job.state, job.priority, job.attempts, job.idempotency_key) == ("j", "ann", "done", 2, 1, "k")
    assert (job.created, job.started, job.finished) == (NOON, NOON.replace(second=1), None)
    assert job.resolved.prompt == "an apple" and job.plan.device == "cuda:0" and job.error.message == "Full."
    assert job.images == (RECORD,) and job.notes == ("n",)


def test_a_job_that_has_only_just_begun():
    job = job_from(job_row(state="queued", plan=None, error=None, started=None, notes="[]"))
    assert job.plan is job.error is job.started is None and job.notes == () and job.images == ()


def test_pictures_that_wait_for_their_finish_chain_are_in_the_jobs_order():
    remote = '[{"indexes": [1], "pictures": ["b"]}, {"indexes": [0], "pictures": ["a"]}]'
    assert job_from(job_row(remote=remote)).made == ("a", "b")
    assert job_from(job_row(remote=remote, backend="replicate")).made == ()


@pytest.mark.parametrize("remote", ["", "{}", "[1]", '[{"of": "tomorrow"}]', "no JSON"])
def test_of_a_backend_s_work_what_a_newer_version_wrote_is_left_out(remote):
    assert job_from(job_row(remote=remote)).made == ()


@pytest.mark.parametrize("column", ["plan", "error"])
def test_what_a_newer_version_wrote_is_left_out_of_a_job(column):
    assert getattr(job_from(job_row(**{column: '{"of": "tomorrow"}'})), column) is None


def test_a_request_comes_back_whole():
    request = resolved(prompt="an apple", seed=2**64 - 1, extras={"grain": {"amount": 0.5}})
    assert resolved_from(request.model_dump_json()) == request_from(request.model_dump_json()) == request


def test_of_a_newer_request_what_is_known_is_shown_and_it_is_not_run():
    newer = resolved(prompt="an apple", steps=7).model_dump(mode="json") | {"of_tomorrow": 1, "sampler_options": {"eta": 1, "other": 2}}
    assert resolved_from(json.dumps(newer)) is None
    shown = request_from(json.dumps(newer))
    assert not isinstance(shown, ResolvedRequest) and (shown.prompt, shown.steps) == ("an apple", 7)
    assert shown.sampler_options == GenerationRequest().sampler_options


def test_a_request_whose_parts_contradict_each_other_is_shown_as_an_empty_one():
    assert request_from('{"mode": "a mode of tomorrow", "width": "wide"}') == GenerationRequest()


@pytest.mark.parametrize("text", ["{}", '{"steps": 5}'])
def test_a_request_that_leaves_a_choice_is_none_to_run(text):
    assert resolved_from(text) is None


@pytest.mark.parametrize("request_", [None, resolved(prompt="an apple")], ids=["upload", "result"])
def test_an_image_comes_back_with_its_whole_seed(request_):
    values = image_values(RECORD, request_)
    assert values["prompt"] == ("an apple" if request_ else "") and (values["request"] is None) == (request_ is None)
    assert image_from(image_row(RECORD, request_)) == RECORD


def test_an_upload_has_no_seed():
    upload = RECORD.model_copy(update={"kind": "upload", "seed": None, "job_id": None, "notes": ()})
    assert image_from(image_row(upload)) == upload


@pytest.mark.parametrize(
    "event",
    [Queued(job_id="j", reason="r"), ImageSaved(job_id="j", record=RECORD), Done(job_id="j", notes=("n",), seconds=2.5)]
    + [Failed(job_id="j", error=JobError(kind="k", message="m"))],
    ids=lambda event: event.type,
)
def test_an_event_comes_back_with_its_number_and_time(event):
    assert event_from(event_row(event)) == event.model_copy(update={"seq": 7, "at": NOON})


def test_an_event_of_a_newer_version_is_none():
    assert event_from(event_row(Queued(), body='{"type": "of tomorrow"}')) is None
