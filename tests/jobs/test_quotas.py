"""What one owner may have: counted from the database, checked at every submit, renewed at midnight."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.whole_requests import resolve_without_models
from webui.core.events import Done
from webui.errors import LimitReached
from webui.jobs.queue import JobQueue
from webui.jobs.quotas import Quotas, day_of
from webui.jobs.store import pixels_of


def limited(box, clock=None, **settings):
    box.settings = box.settings.model_copy(update=settings)
    limits = Quotas(box.store, lambda: box.settings, *((clock,) if clock else ()))
    box.queue = JobQueue(box.state, resolve_without_models, box.engines, limits.check)
    return limits


def test_without_a_setting_there_is_no_limit(box):
    limits = limited(box)
    box.submit(owner="ann")
    assert limits.of("ann") == ()


def test_jobs_at_a_time(box):
    limits = limited(box, limit_jobs=2)
    first, _ = box.submit(owner="ann"), box.submit(owner="ann")
    with pytest.raises(LimitReached, match="2 jobs waiting or running; 2 are allowed") as refused:
        box.submit(owner="ann")
    assert refused.value.renews is None and [each.left for each in limits.of("ann")] == [0]
    box.submit(owner="bob")
    box.queue.cancel(first.id)
    box.submit(owner="ann")
    assert [job.owner for job in box.queue.jobs(("queued",))].count("ann") == 2


def test_the_person_at_the_machine_has_no_limit(box):
    limited(box, limit_jobs=1)
    for _ in range(3):
        box.submit()


def test_pixels_a_day_and_when_they_renew(box):
    now = [datetime.now(UTC).timestamp()]
    limits = limited(box, lambda: now[0], limit_megapixels=0.01)
    box.submit(owner="ann")  # 64 × 64 = 0.004 megapixels
    box.submit(owner="ann")
    with pytest.raises(LimitReached, match=r"needs 0\.0 megapixels; 0\.0 of today's 0\.01 are left") as refused:
        box.submit(owner="ann")
    renews = refused.value.renews
    assert renews > datetime.now(UTC) and renews - datetime.now(UTC) <= timedelta(hours=25)
    assert (renews.astimezone().hour, renews.astimezone().minute) == (0, 0)
    assert limits.of("ann")[0].renews == renews
    now[0] = renews.timestamp() + 60
    box.submit(owner="ann")


def test_minutes_of_the_engine_a_day(box):
    limits = limited(box, limit_minutes=2)
    for seconds in (90, 40):
        job = box.submit(owner="ann")
        box.dispatch.take("e", "")
        box.dispatch.handle_event(Done(job_id=job.id, seconds=300, engine_seconds=seconds), job.request)
    assert [round(each.used, 2) for each in limits.of("ann")] == [2.17]
    with pytest.raises(LimitReached, match="used today's 2 minutes of the engine. It renews at 00:00"):
        box.submit(owner="ann")


def test_a_repeated_idempotency_key_is_no_new_job(box):
    limited(box, limit_jobs=1)
    request = box.submit(owner="ann").request
    with pytest.raises(LimitReached):
        box.queue.submit(request, "ann", idempotency_key="k")
    limited(box, limit_jobs=2)
    made = box.queue.submit(request, "ann", idempotency_key="k")
    assert box.queue.submit(request, "ann", idempotency_key="k").id == made.id


def test_pixels_count_the_second_pass_and_every_picture(box):
    request = box.submit(batch_size=2, batch_count=3, hires={"scale": 2.0}).request
    assert pixels_of(request) == 128 * 128 * 6


def test_a_day_begins_at_midnight_here():
    began, renews = day_of(datetime(2026, 3, 29, 12, tzinfo=UTC).timestamp())
    local = datetime.fromtimestamp(began).astimezone()
    assert (local.hour, local.minute, local.second) == (0, 0, 0)
    assert (renews.hour, renews.minute) == (0, 0) and timedelta(hours=22) < renews - local < timedelta(hours=26)


def test_a_role_has_limits_of_its_own(box):
    limits = limited(box, limit_jobs=5, guest_jobs=3, guest_pictures=4, member_jobs=9)
    roles = {"gus": "guest", "mia": "member"}
    limits = Quotas(box.store, lambda: box.settings, role_of=lambda owner: roles.get(owner, "owner"))
    box.queue = JobQueue(box.state, resolve_without_models, box.engines, limits.check)
    assert [(each.name, each.limit) for each in limits.of("gus")] == [("jobs", 3), ("pictures", 4)]
    assert (
        [(each.name, each.limit) for each in limits.of("mia")] == [("jobs", 5)] == [(each.name, each.limit) for each in limits.of("olga")]
    )
    box.submit(owner="gus", batch_count=3)
    with pytest.raises(LimitReached, match="This makes 2 pictures; 1 of today's 4 are left to you. It renews at"):
        box.submit(owner="gus", batch_count=2)
    box.submit(owner="gus")
    assert limits.of("local") == ()


class Kept:
    """A gallery that holds what it is told."""

    def __init__(self) -> None:
        self.bytes = 0

    def stored(self, owner: str) -> int:
        return self.bytes

    def uploaded_since(self, owner: str, moment: float) -> int:
        return self.bytes


def of_a_guest(box, kept, **settings):
    limited(box, **settings)
    return Quotas(box.store, lambda: box.settings, role_of=lambda owner: "guest", usage=kept)


def test_uploads_that_arrive_together_are_together_within_the_limit(box):
    limits = of_a_guest(box, Kept(), guest_uploads=1)
    with limits.uploading("gus", 600_000), pytest.raises(LimitReached), limits.uploading("gus", 600_000):
        raise AssertionError
    with limits.uploading("gus", 600_000), limits.uploading("another", 600_000):
        pass


def test_what_was_sent_today_stays_sent_when_it_is_deleted(box):
    kept = Kept()
    limits = of_a_guest(box, kept, guest_uploads=1)
    with limits.uploading("gus", 600_000) as count:
        kept.bytes = 600_000
        count()
    kept.bytes = 0
    with pytest.raises(LimitReached, match="MB of uploads are left to you"), limits.uploading("gus", 600_000):
        raise AssertionError
    with limits.uploading("gus", 400_000):
        pass


def test_what_is_made_without_a_job_counts(box):
    limits = of_a_guest(box, Kept(), guest_pictures=2, limit_megapixels=10)
    limits.take("gus", pictures=1, megapixels=1)
    assert {each.name: each.used for each in limits.of("gus")} == {"megapixels": 1.0, "pictures": 1.0}
    with pytest.raises(LimitReached):
        limits.take("gus", pictures=1, megapixels=20)
    limits.take("gus", pictures=1, megapixels=1)
    with pytest.raises(LimitReached, match="0 of today's 2 are left"):
        limits.take("gus", pictures=1)
    limits.take("local", pictures=100)
