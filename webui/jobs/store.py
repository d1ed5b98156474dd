"""Jobs and their events in the database: every change of state is one transaction with the event that tells of it."""

import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, case, desc, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from webui.core.backend import AUTO, HERE
from webui.core.batch_key import batch_key
from webui.core.events import Cancelled, Done, Event, Failed, ImageSaved, Queued, Started
from webui.core.finish import size_after
from webui.core.job import Job, JobError, Plan, Said
from webui.core.record import ImageRecord
from webui.core.request import FrozenModel, GenerationRequest, ResolvedRequest
from webui.db.letters import holds
from webui.db.mapping import event_from, image_from, job_from, new_id, resolved_from, when
from webui.db.tables import events, images, jobs
from webui.errors import Conflict, NotFound
from webui.gallery.index import insert_image
from webui.jobs.fair_queue import QueueEntry
from webui.jobs.remote_parts import check_not_lost
from webui.jobs.values import KeptValues

_ADD, _TELL = insert(jobs), insert(events)
_PLACE = update(jobs).where(jobs.c.number == bindparam("at")).values(position=bindparam("position"))
"""What each job writes, put together once: SQLAlchemy takes longer over that than SQLite over the writing."""


class Used(FrozenModel):
    """What an owner has had of the box."""

    pixels: int
    engine_seconds: float
    unfinished: int


class JobStore(KeptValues):
    """All reading and writing of jobs. Times are this machine's clock; order never depends on it (numbers and positions do)."""

    def add(
        self, request: ResolvedRequest, owner: str, priority: int, key: str | None, body: str, said: Said
    ) -> tuple[Job, Event | None, QueueEntry | None]:
        """Store a new job; a known idempotency key gives the job it made (and nothing new). Raises `Conflict` when the body differs."""
        digest = hashlib.sha256(body.encode()).hexdigest()
        if key is not None and (known := self._by_key(owner, key, digest)) is not None:
            return known, None, None
        created = time.time()
        values = {
            "id": new_id(),
            "owner": owner,
            "state": "queued",
            "priority": priority,
            "attempts": 0,
            "checkpoint": request.checkpoint,
            "batch_key": batch_key(request),
            "pixels": pixels_of(request),
            "prompt": request.prompt,
            "request": request.model_dump_json(),
            "idempotency_key": key,
            "body_hash": digest,
            "created": created,
            "position": 0.0,
            "notes": json.dumps(said.notes),
            "place": said.place.model_dump_json() if said.place is not None else None,
            "backend": backend_of(request),
        }
        try:
            with self.database.write() as connection:
                number = connection.execute(_ADD, values).inserted_primary_key[0]  # type: ignore[index]
                connection.execute(_PLACE, {"at": number, "position": float(number)})
                event = _append(connection, Queued(job_id=str(values["id"])))
        except IntegrityError:
            known = self._by_key(owner, key or "", digest)
            if known is None:
                raise
            return known, None, None
        kind = (request.checkpoint, str(values["batch_key"]), str(values["backend"]))
        waiting = QueueEntry(-priority, float(number), str(values["id"]), owner, *kind)
        job = Job(
            id=str(values["id"]),
            owner=owner,
            priority=priority,
            request=request,
            idempotency_key=key,
            created=when(created) or datetime.now(UTC),
            notes=said.notes,
            grid=said.place,
        )
        return job, event, waiting

    def id_by_key(self, owner: str, key: str) -> str | None:
        """The job that this idempotency key has made."""
        with self.database.read() as connection:
            found = connection.execute(select(jobs.c.id).where(jobs.c.owner == owner, jobs.c.idempotency_key == key)).scalar()
        return None if found is None else str(found)

    def _by_key(self, owner: str, key: str, digest: str) -> Job | None:
        with self.database.read() as connection:
            row = connection.execute(select(jobs).where(jobs.c.owner == owner, jobs.c.idempotency_key == key)).first()
        if row is None:
            return None
        if row.body_hash != digest:
            raise Conflict("This Idempotency-Key was used for another request. Use a new key for a new request.")
        return job_from(row, self.images_of([row.id]).get(row.id, ()))

    def get(self, job_id: str) -> Job:
        """One job with its pictures. Raises `NotFound`."""
        with self.database.read() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == job_id)).first()
        if row is None:
            raise NotFound(f"There is no job {job_id}.")
        return job_from(row, self.images_of([job_id]).get(job_id, ()))

    def find(
        self,
        states: Sequence[str] = (),
        after: str = "",
        owner: str | None = None,
        search: str = "",
        limit: int = 100,
        newest: bool = False,
    ) -> list[Job]:
        """Jobs in order of submission (or newest first), after the job with the id `after`."""
        query = select(jobs).order_by(desc(jobs.c.number) if newest else jobs.c.number).limit(limit)
        if states:
            query = query.where(jobs.c.state.in_(states))
        if after:
            number = select(jobs.c.number).where(jobs.c.id == after).scalar_subquery()
            query = query.where(jobs.c.number < number if newest else jobs.c.number > number)
        if owner is not None:
            query = query.where(jobs.c.owner == owner)
        if search:
            query = query.where(holds(jobs.c.prompt, search))
        with self.database.read() as connection:
            rows = connection.execute(query).all()
        images = self.images_of([row.id for row in rows])
        return [job_from(row, images.get(row.id, ())) for row in rows]

    def waiting(self, job_id: str | None = None) -> list[QueueEntry]:
        """All waiting jobs, or the one of that id if it waits. One that lost an engine runs alone: it shall take no neighbour with it."""
        key = case((jobs.c.attempts > 0, ""), else_=jobs.c.batch_key)
        columns = (-jobs.c.priority, jobs.c.position, jobs.c.id, jobs.c.owner, jobs.c.checkpoint, key, jobs.c.backend)
        query = select(*columns).where(jobs.c.state == "queued")
        if job_id is not None:
            query = query.where(jobs.c.id == job_id)
        with self.database.read() as connection:
            return [QueueEntry(*row) for row in connection.execute(query)]

    def count(self, *states: str) -> int:
        """How many jobs are in these states."""
        with self.database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(jobs).where(jobs.c.state.in_(states))).scalar_one())

    def counts(self) -> dict[str, int]:
        """How many jobs there are in each state."""
        query = select(jobs.c.state, func.count()).group_by(jobs.c.state)
        with self.database.read() as connection:
            return {row[0]: int(row[1]) for row in connection.execute(query)}

    def start(self, job_id: str, engine: str) -> tuple[Job, Event] | None:
        """Give a waiting job to an engine; None when it is not waiting any more."""
        with self.database.write() as connection:
            changed = connection.execute(
                update(jobs)
                .where(jobs.c.id == job_id, jobs.c.state == "queued")
                .values(state="running", started=time.time(), finished=None, error=None)
            ).rowcount
            if not changed:
                return None
            row = connection.execute(select(jobs).where(jobs.c.id == job_id)).one()
            records = tuple(image_from(image) for image in connection.execute(_shown_images([job_id])))
            event = _append(connection, Started(job_id=job_id, attempt=row.attempts + 1, engine=engine))
        return job_from(row, records), event

    def planned(self, job_id: str, plan: Plan) -> None:
        """Keep how the job runs, for its next attempt."""
        with self.database.write() as connection:
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(plan=plan.model_dump_json()))

    def finish(self, job_id: str, event: Done | Failed | Cancelled) -> Event | None:
        """End a running or waiting job; None when it has ended already."""
        state = {"done": "done", "failed": "failed", "cancelled": "cancelled"}[event.type]
        used = jobs.c.engine_seconds + event.engine_seconds
        values: dict[str, Any] = {"state": state, "finished": time.time(), "engine_seconds": used}
        if isinstance(event, Failed):
            values["error"] = event.error.model_dump_json()
        with self.database.write() as connection:
            if isinstance(event, Done):
                said = connection.execute(select(jobs.c.notes).where(jobs.c.id == job_id)).scalar()
                values["notes"] = json.dumps([*json.loads(said or "[]"), *event.notes])
            changed = connection.execute(
                update(jobs).where(jobs.c.id == job_id, jobs.c.state.in_(("queued", "running"))).values(values)
            ).rowcount
            return _append(connection, event) if changed else None

    def add_image(self, record: ImageRecord, request: GenerationRequest | None) -> Event | None:
        """Index a finished picture with the event that tells of it; None when it is indexed already."""
        with self.database.write() as connection:
            if not insert_image(connection, record, request):
                return None
            if record.job_id is None:
                return None
            connection.execute(update(jobs).where(jobs.c.id == record.job_id).values(attempts=0))
            return _append(connection, ImageSaved(job_id=record.job_id, record=record))

    def requeue(self, job_id: str, reason: str, failed_attempt: bool) -> Event | None:
        """Put a running job back at its place; a failed attempt is counted."""
        with self.database.write() as connection:
            step = 1 if failed_attempt else 0
            changed = connection.execute(
                update(jobs)
                .where(jobs.c.id == job_id, jobs.c.state == "running")
                .values(state="queued", started=None, attempts=jobs.c.attempts + step)
            ).rowcount
            if not changed:
                return None
            attempts = connection.execute(select(jobs.c.attempts).where(jobs.c.id == job_id)).scalar_one()
            return _append(connection, Queued(job_id=job_id, attempt=attempts, reason=reason))

    def retry(self, job_id: str, pay_again: bool = False) -> Event:
        """Queue an ended job again as it is; pictures it has are kept. Raises `Conflict` when that cannot be, `PaysAgain`."""
        self.check_readable(job_id)
        with self.database.write() as connection:
            if not pay_again:
                check_not_lost(connection.execute(select(jobs.c.remote).where(jobs.c.id == job_id)).scalar() or "[]")
            changed = connection.execute(
                update(jobs)
                .where(jobs.c.id == job_id, jobs.c.state.in_(("failed", "cancelled")))
                .values(state="queued", started=None, finished=None, error=None, attempts=0)
            ).rowcount
            if not changed:
                raise Conflict("Only a failed or stopped job can be tried again.")
            return _append(connection, Queued(job_id=job_id, reason="tried again"))

    def move(self, job_id: str, to: str) -> list[str]:
        """Move a waiting job among its owner's of the same priority: up, down or top; gives the ids that have a new place.

        Raises `Conflict` when it is not waiting.
        """
        with self.database.write() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == job_id)).first()
            if row is None or row.state != "queued":
                raise Conflict("Only a waiting job can be moved.")
            peers = and_(jobs.c.state == "queued", jobs.c.owner == row.owner, jobs.c.priority == row.priority)
            if to == "top":
                first = connection.execute(select(func.min(jobs.c.position)).where(peers)).scalar_one()
                connection.execute(update(jobs).where(jobs.c.id == job_id).values(position=first - 1))
                return [job_id]
            side = jobs.c.position < row.position if to == "up" else jobs.c.position > row.position
            order = desc(jobs.c.position) if to == "up" else jobs.c.position
            other = connection.execute(select(jobs.c.id, jobs.c.position).where(peers, side).order_by(order).limit(1)).first()
            if other is None:
                return []
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(position=other.position))
            connection.execute(update(jobs).where(jobs.c.id == other.id).values(position=row.position))
            return [job_id, other.id]

    def running(self, here: bool = False) -> list[str]:
        """Ids of jobs that were given to an engine and have not ended; with those that a backend makes, unless only those `here`."""
        query = select(jobs.c.id).where(jobs.c.state == "running")
        with self.database.read() as connection:
            return list(connection.execute(query.where(jobs.c.backend == "") if here else query).scalars())

    def events_after(self, seq: int, job_id: str | None = None, limit: int = 1000) -> list[Event]:
        """Stored events in order, those that a newer version wrote left out."""
        return self.events_page(seq, job_id, limit)[0]

    def events_page(self, seq: int, job_id: str | None, limit: int) -> tuple[list[Event], int]:
        """The next stored events, and the number of the last one looked at; `seq` itself when there are none."""
        query = select(events).where(events.c.seq > seq).order_by(events.c.seq).limit(limit)
        if job_id is not None:
            query = query.where(events.c.job_id == job_id)
        with self.database.read() as connection:
            rows = connection.execute(query).all()
        return [event for row in rows if (event := event_from(row)) is not None], rows[-1].seq if rows else seq

    def last_event(self) -> int:
        """The number of the newest stored event; 0 when there is none."""
        with self.database.read() as connection:
            return int(connection.execute(select(func.max(events.c.seq))).scalar() or 0)

    def requests(self, job_ids: Sequence[str]) -> dict[str, ResolvedRequest]:
        """Requests of waiting jobs by id."""
        query = select(jobs.c.id, jobs.c.request).where(jobs.c.state == "queued", jobs.c.id.in_(job_ids))
        with self.database.read() as connection:
            found = {row.id: resolved_from(row.request) for row in connection.execute(query)}
        return {job_id: request for job_id, request in found.items() if request is not None}

    def check_readable(self, job_id: str) -> None:
        """Raises `Conflict` for a job whose request this version does not know whole: made again it would be another picture."""
        with self.database.read() as connection:
            text = connection.execute(select(jobs.c.request).where(jobs.c.id == job_id)).scalar()
        if text is not None and resolved_from(text) is None:
            raise Conflict("This job was stored by a newer Darkroom. Start that version to make it again.")

    def images_of(self, job_ids: Iterable[str]) -> dict[str, tuple[ImageRecord, ...]]:
        """Pictures of several jobs, each job's in order."""
        wanted = list(job_ids)
        found: dict[str, list[ImageRecord]] = {}
        with self.database.read() as connection:
            for start in range(0, len(wanted), 500):
                for row in connection.execute(_shown_images(wanted[start : start + 500])):
                    found.setdefault(row.job_id, []).append(image_from(row))
        return {job_id: tuple(records) for job_id, records in found.items()}

    def saved_indexes(self, job_id: str) -> tuple[int, ...]:
        """Places in the job whose pictures were made, binned ones too."""
        with self.database.read() as connection:
            return tuple(connection.execute(select(images.c.index).where(images.c.job_id == job_id).order_by(images.c.index)).scalars())

    def owner_of(self, job_id: str) -> str:
        """Whose job it is. Raises `NotFound`."""
        with self.database.read() as connection:
            owner = connection.execute(select(jobs.c.owner).where(jobs.c.id == job_id)).scalar()
        if owner is None:
            raise NotFound(f"There is no job {job_id}.")
        return str(owner)

    def used_since(self, owner: str, moment: float) -> "Used":
        """What an owner's jobs submitted since then have used, and how many of all their jobs have not ended."""
        mine = jobs.c.owner == owner
        sums = select(func.coalesce(func.sum(jobs.c.pixels), 0), func.coalesce(func.sum(jobs.c.engine_seconds), 0.0))
        open_states = or_(jobs.c.state == "queued", jobs.c.state == "running")
        with self.database.read() as connection:
            pixels, seconds = connection.execute(sums.where(mine, jobs.c.created >= moment)).one()
            unfinished = connection.execute(select(func.count()).select_from(jobs).where(mine, open_states)).scalar_one()
        return Used(pixels=int(pixels), engine_seconds=float(seconds), unfinished=int(unfinished))

    def timings(self, limit: int = 300) -> list[tuple[ResolvedRequest, float]]:
        """Requests and seconds of the last jobs that were done, for estimates: the engine's own, where a batch was shared."""
        query = (
            select(jobs.c.request, jobs.c.started, jobs.c.finished, jobs.c.engine_seconds)
            .where(jobs.c.state == "done", jobs.c.started.is_not(None), jobs.c.backend == "", jobs.c.remote == "[]")
            .order_by(desc(jobs.c.number))
            .limit(limit)
        )
        with self.database.read() as connection:
            return [
                (request, row.engine_seconds or row.finished - row.started)
                for row in connection.execute(query)
                if (request := resolved_from(row.request)) is not None
                and row.finished
                and row.finished > row.started  # not after a clock was set back
            ]

    def fail_unreadable(self) -> list[str]:
        """Fail waiting jobs whose request a newer version wrote, so that the queue goes on; gives their ids."""
        failed = []
        with self.database.read() as connection:
            rows = connection.execute(
                select(jobs.c.id, jobs.c.request).where(or_(*(jobs.c.state == state for state in ("queued", "running"))))
            ).all()
        for row in rows:
            if resolved_from(row.request) is None:
                error = JobError(
                    kind="RequestError",
                    message="This job was stored by a newer Darkroom and cannot be read.",
                    advice="Start that version, or submit it again.",
                )
                self.finish(row.id, Failed(job_id=row.id, error=error))
                failed.append(row.id)
        return failed


def _shown_images(job_ids: Sequence[str]) -> Select[Any]:
    return select(images).where(images.c.job_id.in_(job_ids), images.c.trashed.is_(False)).order_by(images.c.index)


def backend_of(request: GenerationRequest) -> str:
    """Who makes a resolved request's pictures; "" is an engine here."""
    return "" if request.where in (AUTO, HERE) else request.where


def pixels_of(request: ResolvedRequest) -> int:
    """Pixels of the pictures that a resolved request makes."""
    width, height = request.width, request.height
    if request.hires is not None and request.mode == "txt2img":
        width = request.hires.width or round(width * request.hires.scale)
        height = request.hires.height or round(height * request.hires.scale)
    width, height = size_after((int(width), int(height)), request.finish)
    return width * height * request.count


def _append(connection: Connection, event: Event) -> Event:
    at = time.time()
    row = {"job_id": event.job_id, "type": event.type, "body": event.model_dump_json(exclude={"seq", "at"}), "at": at}
    seq = connection.execute(_TELL, row).inserted_primary_key[0]  # type: ignore[index]
    return event.model_copy(update={"seq": seq})
