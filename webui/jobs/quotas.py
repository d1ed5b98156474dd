"""Per-owner quotas: concurrent jobs, pixels and engine minutes per day. A setting of 0 means no quota."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from webui.core.job import LOCAL_OWNER
from webui.core.request import FrozenModel, ResolvedRequest
from webui.errors import LimitReached
from webui.jobs.store import JobStore, pixels_of
from webui.settings import Settings


class Quota(FrozenModel):
    """One limit of one owner. `renews` is None where it renews as jobs end."""

    name: str
    limit: float
    used: float
    renews: datetime | None = None

    @property
    def left(self) -> float:
        """What may still be used."""
        return max(self.limit - self.used, 0.0)


class Quotas:
    """Checked at every submit. A day begins at this machine's midnight; a job counts on the day it was submitted.

    The user at the machine (`local`) has none.
    """

    def __init__(self, store: JobStore, settings: Callable[[], Settings], clock: Callable[[], float] = time.time) -> None:
        self._store, self._settings, self._clock = store, settings, clock

    def of(self, owner: str) -> tuple[Quota, ...]:
        """The owner's limits, those that are set."""
        settings = self._settings()
        if owner == LOCAL_OWNER or not (settings.limit_jobs or settings.limit_megapixels or settings.limit_minutes):
            return ()
        began, renews = day_of(self._clock())
        used = self._store.used_since(owner, began)
        found = (
            Quota(name="jobs", limit=settings.limit_jobs, used=used.unfinished),
            Quota(name="megapixels", limit=settings.limit_megapixels, used=used.pixels / 1e6, renews=renews),
            Quota(name="minutes", limit=settings.limit_minutes, used=used.engine_seconds / 60, renews=renews),
        )
        return tuple(each for each in found if each.limit)

    def check(self, owner: str, request: ResolvedRequest) -> None:
        """Raises `LimitReached` when the owner may not submit this request now."""
        for each in self.of(owner):
            wanted = {"jobs": 1.0, "megapixels": pixels_of(request) / 1e6, "minutes": 0.0}[each.name]
            if wanted > each.left or each.left <= 0:
                raise LimitReached(_said(each, wanted), each.renews)


def day_of(moment: float) -> tuple[float, datetime]:
    """When the day of a moment began, in seconds, and when the next one begins."""
    local = datetime.fromtimestamp(moment, UTC).astimezone()
    began = local.replace(hour=0, minute=0, second=0, microsecond=0)
    following = (began + timedelta(hours=36)).replace(hour=0)
    return began.timestamp(), following


def _said(each: Quota, wanted: float) -> str:
    if each.name == "jobs":
        said = f"You have {each.used:.0f} jobs waiting or running; {each.limit:.0f} are allowed at a time."
        return f"{said} Wait until one has ended, or stop one."
    what = "megapixels" if each.name == "megapixels" else "minutes of the engine"
    renews = f"It renews at {each.renews:%H:%M} on {each.renews:%Y-%m-%d}." if each.renews else ""
    if wanted:
        return f"This needs {wanted:.1f} megapixels; {each.left:.1f} of today's {each.limit:g} are left to you. {renews}"
    return f"You have used today's {each.limit:g} {what}. {renews}"
