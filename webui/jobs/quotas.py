"""Per-owner quotas: concurrent jobs, pixels and engine minutes per day. A setting of 0 means no quota."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import select

from webui.core.job import LOCAL_OWNER
from webui.core.request import FrozenModel, ResolvedRequest
from webui.db.mapping import resolved_from
from webui.db.tables import jobs
from webui.errors import LimitReached
from webui.jobs.store import JobStore, pixels_of
from webui.settings import Settings

_OF_ROLES = ("jobs", "pictures", "uploads", "storage")
"""What guests and members may have limits of: settings such as `guest_jobs`."""


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


class Usage(Protocol):
    """What an owner keeps on the disk."""

    def stored(self, owner: str) -> int:
        """Bytes of all that they have here."""

    def uploaded_since(self, owner: str, moment: float) -> int:
        """Bytes of what they have uploaded since then."""


class Quotas:
    """Checked at every submit. A day begins at this machine's midnight; a job counts on the day it was submitted.

    The user at the machine (`local`) has none. Guests and members may have less than everybody: `role_of` says what an owner is.
    """

    def __init__(
        self,
        store: JobStore,
        settings: Callable[[], Settings],
        clock: Callable[[], float] = time.time,
        *,
        role_of: Callable[[str], str] = lambda owner: "owner",
        usage: Usage | None = None,
    ) -> None:
        self._store, self._settings, self._clock = store, settings, clock
        self._role_of, self._usage = role_of, usage
        self._lock = threading.Lock()
        self._arriving = Counter[str]()
        """Bytes of uploads that are being kept, by owner."""

    def of(self, owner: str) -> tuple[Quota, ...]:
        """The owner's limits, those that are set."""
        settings = self._settings()
        if owner == LOCAL_OWNER:
            return ()
        role = {name: getattr(settings, f"{self._role_of(owner)}_{name}", 0) for name in _OF_ROLES}
        at_a_time = min((limit for limit in (settings.limit_jobs, role["jobs"]) if limit), default=0)
        if not (at_a_time or settings.limit_megapixels or settings.limit_minutes or any(role.values())):
            return ()
        began, renews = day_of(self._clock())
        used, beside = self._store.used_since(owner, began), self._beside(owner, began)
        found = (
            Quota(name="jobs", limit=at_a_time, used=used.unfinished),
            Quota(name="megapixels", limit=settings.limit_megapixels, used=used.pixels / 1e6 + beside["megapixels"], renews=renews),
            Quota(name="minutes", limit=settings.limit_minutes, used=used.engine_seconds / 60, renews=renews),
            *self._of_role(owner, role, began, renews, beside),
        )
        return tuple(each for each in found if each.limit)

    def check(self, owner: str, request: ResolvedRequest) -> None:
        """Raises `LimitReached` when the owner may not submit this request now."""
        for each in self.of(owner):
            wanted = {"jobs": 1.0, "megapixels": pixels_of(request) / 1e6, "pictures": float(request.count)}.get(each.name, 0.0)
            if each.name != "uploads" and (wanted > each.left or each.left <= 0):
                raise LimitReached(_said(each, wanted), each.renews)

    @contextmanager
    def uploading(self, owner: str, size: int) -> Iterator[Callable[[], None]]:
        """Around keeping so many bytes of an owner's, of which others may arrive meanwhile. What it gives counts them as sent today.

        Raises `LimitReached` when the owner may not send them now.
        """
        with self._lock:
            limits = self._check_upload(owner, size)
            self._arriving[owner] += size
        try:
            yield lambda: self._note(owner, {"uploads": size / 2**20}) if "uploads" in limits else None
        finally:
            with self._lock:
                self._arriving[owner] -= size
                if self._arriving[owner] <= 0:
                    del self._arriving[owner]

    def take(self, owner: str, **amounts: float) -> None:
        """Count what is done without a job: `pictures`, `megapixels`, and MB of `uploads`. Raises `LimitReached` for more than is left."""
        with self._lock:
            limits = {each.name: each for each in self.of(owner)}
            for name, wanted in amounts.items():
                each = limits.get(name)
                if each is not None and wanted > each.left:
                    raise LimitReached(_said(each, wanted), each.renews)
            if counted := {name: amount for name, amount in amounts.items() if name in limits}:
                self._note(owner, counted)

    def _check_upload(self, owner: str, size: int) -> set[str]:
        """The names of the owner's limits. Raises `LimitReached` where so many bytes more are too many."""
        limits, arriving = self.of(owner), self._arriving[owner]
        for each in limits:
            if each.name in ("uploads", "storage") and (size + arriving) / 2**20 > each.left:
                raise LimitReached(_said(each, size / 2**20), each.renews)
        return {each.name for each in limits}

    def _note(self, owner: str, amounts: dict[str, float]) -> None:
        """Count amounts on today. They stay counted, whatever is deleted later."""
        began, _ = day_of(self._clock())

        def added(before: Any) -> dict[str, float]:
            counts: dict[str, float] = before if before and before.get("day") == began else {"day": began}
            return counts | {name: counts.get(name, 0.0) + amount for name, amount in amounts.items()}

        self._store.change_value(_day_of_owner(owner), added)

    def _beside(self, owner: str, began: float) -> defaultdict[str, float]:
        """What was counted on a day beside its jobs and its uploads that are still here."""
        found = self._store.get_value(_day_of_owner(owner))
        return defaultdict(float, found if found and found.get("day") == began else {})

    def _of_role(self, owner: str, role: dict[str, int], began: float, renews: datetime, beside: Mapping[str, float]) -> list[Quota]:
        found = []
        if role["pictures"]:
            used = _pictures_since(self._store, owner, began) + beside["pictures"]
            found.append(Quota(name="pictures", limit=role["pictures"], used=used, renews=renews))
        if role["uploads"] and self._usage is not None:
            sent = max(self._usage.uploaded_since(owner, began) / 2**20, beside["uploads"])
            found.append(Quota(name="uploads", limit=role["uploads"], used=sent, renews=renews))
        if role["storage"] and self._usage is not None:
            found.append(Quota(name="storage", limit=role["storage"], used=self._usage.stored(owner) / 2**20))
        return found


def _day_of_owner(owner: str) -> str:
    return f"quota:{owner}"[:128]


def day_of(moment: float) -> tuple[float, datetime]:
    """When the day of a moment began, in seconds, and when the next one begins."""
    local = datetime.fromtimestamp(moment, UTC).astimezone()
    began = local.replace(hour=0, minute=0, second=0, microsecond=0)
    following = (began + timedelta(hours=36)).replace(hour=0)
    return began.timestamp(), following


def _pictures_since(store: JobStore, owner: str, moment: float) -> int:
    """How many pictures an owner's jobs submitted since then were to make."""
    query = select(jobs.c.request).where(jobs.c.owner == owner, jobs.c.created >= moment)
    with store.database.read() as connection:
        return sum(request.count for row in connection.execute(query) if (request := resolved_from(row.request)) is not None)


def _said(each: Quota, wanted: float) -> str:
    if each.name == "jobs":
        said = f"You have {each.used:.0f} jobs waiting or running; {each.limit:.0f} are allowed at a time."
        return f"{said} Wait until one has ended, or stop one."
    if each.name == "storage":
        return f"You keep {each.used:.0f} MB here; {each.limit:.0f} are allowed. Delete pictures, and empty the bin."
    renews = f"It renews at {each.renews:%H:%M} on {each.renews:%Y-%m-%d}." if each.renews else ""
    if each.name == "pictures":
        return f"This makes {wanted:.0f} pictures; {each.left:.0f} of today's {each.limit:.0f} are left to you. {renews}"
    if each.name == "uploads":
        return f"This is {wanted:.1f} MB; {each.left:.1f} of today's {each.limit:.0f} MB of uploads are left to you. {renews}"
    what = "megapixels" if each.name == "megapixels" else "minutes of the engine"
    if wanted:
        return f"This needs {wanted:.1f} megapixels; {each.left:.1f} of today's {each.limit:g} are left to you. {renews}"
    return f"You have used today's {each.limit:g} {what}. {renews}"
