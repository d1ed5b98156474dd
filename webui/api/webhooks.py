"""Webhooks: where a user wants to hear that a job of theirs has ended. Signed, tried again, never sent into a private network unasked."""

import contextlib
import hashlib
import hmac
import json
import secrets
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field, TypeAdapter

from webui.api import outward
from webui.api.identity import Viewer
from webui.api.outward import OutwardError
from webui.api.shapes import job_body
from webui.core.job import FINAL_STATES
from webui.core.request import FrozenModel
from webui.errors import NotFound, RequestError, StorageError
from webui.jobs.events import Message
from webui.jobs.queue import JobQueue
from webui.settings import Settings

Ending = Literal["done", "failed", "cancelled"]
ENDINGS: tuple[Ending, ...] = ("done", "failed", "cancelled")
MOST, MOST_OF_ONE, MOST_WAITING = 500, 20, 1000
PAUSES = (5.0, 30.0, 120.0, 600.0, 3600.0, 21600.0)
"""Seconds before each further try."""
_AT_ONCE = 4
_GONE = 410
_SAID_GONE = "It answered 410, which means that it wants no more: it is switched off. Remove it, and make it again where it should go on."
_KEPT, _WAITING = "webhooks", "webhook_deliveries"


class HookBody(FrozenModel):
    """A webhook as it may be shown. `trouble`: why its last delivery was given up or waits.

    One that is not `active` is told nothing more: its receiver has answered 410 Gone.
    """

    id: str
    owner: str
    url: str
    events: tuple[Ending, ...] = ENDINGS
    created: datetime
    trouble: str = ""
    active: bool = True


class Webhook(HookBody):
    """A webhook as it is kept."""

    secret: str = Field(repr=False)


class Delivery(FrozenModel):
    """Something to be told, and when."""

    hook: str
    job_id: str
    event: Ending
    tries: int = 0
    due: float = 0.0


_Hooks: TypeAdapter[tuple[Webhook, ...]] = TypeAdapter(tuple[Webhook, ...])
_Deliveries: TypeAdapter[tuple[Delivery, ...]] = TypeAdapter(tuple[Delivery, ...])


def signature(secret: str, moment: int, body: bytes) -> str:
    """The header that proves a delivery: the moment, and the HMAC-SHA256 of `MOMENT.BODY` by the secret."""
    proof = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={proof}"


class Webhooks:
    """All webhooks and what is still to be told, in the database; a thread tells it."""

    def __init__(self, queue: JobQueue, settings: Callable[[], Settings], pauses: tuple[float, ...] = PAUSES) -> None:
        self.pauses = pauses
        self._queue, self._settings = queue, settings
        self._lock = threading.Condition()
        self._hooks: tuple[Webhook, ...] = ()
        self._waiting: list[Delivery] = []
        self._under_way: set[Delivery] = set()
        self._changed = self._stopping = False
        self._thread: threading.Thread | None = None
        queue.events.listen(self._heard)

    def start(self) -> None:
        """Read what the last run knew, and go on telling."""
        store = self._queue.store
        with self._lock:
            self._hooks = _Hooks.validate_python(store.get_value(_KEPT) or [])
            self._waiting = [*_Deliveries.validate_python(store.get_value(_WAITING) or []), *self._waiting]
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Tell nothing more; what waits is told after the next start."""
        with self._lock:
            self._stopping = True
            self._lock.notify_all()
        if self._thread is not None:
            self._thread.join(5)

    def make(self, owner: str, url: str, events: tuple[Ending, ...]) -> Webhook:
        """Keep a webhook. Raises `RequestError`."""
        try:
            outward.Target.of(url, self._settings().webhook_hosts)
        except OutwardError as error:
            if error.refused:
                more = " Who runs this Darkroom can allow it: Settings, Webhook hosts." if "private" in str(error) else ""
                raise RequestError("url", f"{error}{more}") from None
        hook = Webhook(
            id=secrets.token_hex(6), owner=owner, url=url, events=events, created=datetime.now(UTC), secret=secrets.token_urlsafe(32)
        )
        with self._lock:
            self._look()
            if len(self._hooks) >= MOST or sum(each.owner == owner for each in self._hooks) >= MOST_OF_ONE:
                raise RequestError("url", f"There may be {MOST_OF_ONE} webhooks of one user. Remove one first.")
            self._keep((*self._hooks, hook))
        return hook

    def all(self, owner: str | None = None) -> tuple[Webhook, ...]:
        """Webhooks of one owner, or of everybody."""
        with self._lock:
            self._look()
            return tuple(each for each in self._hooks if owner in (None, each.owner))

    def remove(self, hook_id: str, owner: str | None = None) -> Webhook:
        """Forget a webhook and what was still to be told to it. Raises `NotFound`."""
        with self._lock:
            self._look()
            found = next((each for each in self._hooks if each.id == hook_id and owner in (None, each.owner)), None)
            if found is None:
                raise NotFound(f"There is no webhook {hook_id[:40]} of yours.")
            self._keep(tuple(each for each in self._hooks if each.id != hook_id))
            self._waiting = [each for each in self._waiting if each.hook != hook_id]
            self._changed = True
            self._lock.notify_all()
        return found

    def _look(self) -> None:
        """Read them again where other processes may have changed them."""
        if self._queue.store.database.shared:
            self._hooks = _Hooks.validate_python(self._queue.store.get_value(_KEPT) or [])

    def _keep(self, hooks: tuple[Webhook, ...]) -> None:
        self._queue.store.set_value(_KEPT, [each.model_dump(mode="json") for each in hooks])
        self._hooks = hooks

    def _heard(self, message: Message) -> None:
        """In the publisher's thread: only noted."""
        is_shared = self._queue.store.database.shared
        if message.kind not in FINAL_STATES or not (self._hooks or is_shared) or (is_shared and self._thread is None):
            return
        with self._lock:
            with contextlib.suppress(StorageError):  # those that were known before are told
                self._look()
            wanted = [each for each in self._hooks if each.active and each.owner == message.owner and message.kind in each.events]
            self._waiting += [Delivery(hook=each.id, job_id=message.job_id, event=message.kind) for each in wanted]
            del self._waiting[:-MOST_WAITING]
            self._changed = self._changed or bool(wanted)
            self._lock.notify_all()

    def _run(self) -> None:
        pool = ThreadPoolExecutor(_AT_ONCE, "webhook")
        while (due := self._next()) is not None:
            for each in due:
                pool.submit(self._tell, each)
        pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:  # what is on its way now may be told once more
            self._changed = True
            self._save()

    def _next(self) -> list[Delivery] | None:
        """Wait for something to tell; None at the end."""
        with self._lock:
            while not self._stopping:
                self._save()
                now = time.time()
                due = [each for each in self._waiting if each.due <= now and each not in self._under_way]
                if due:
                    self._under_way |= set(due)
                    return due
                times = [each.due - now for each in self._waiting if each not in self._under_way]
                self._lock.wait(max(min(times, default=3600.0), 0.01))
            return None

    def _save(self) -> None:
        if not self._changed:
            return
        try:
            self._queue.store.set_value(_WAITING, [each.model_dump(mode="json") for each in self._waiting])
            self._changed = False
        except StorageError:
            pass  # with the next change

    def _tell(self, delivery: Delivery) -> None:
        hook = next((each for each in self._hooks if each.id == delivery.hook), None)
        try:
            trouble, again = ("", False) if hook is None else self._sent(hook, delivery)
        except Exception:
            traceback.print_exc()
            trouble, again = "It could not be made. The terminal that Darkroom was started in says more.", False
        with self._lock:
            self._under_way.discard(delivery)
            if self._stopping:
                return
            if delivery in self._waiting:
                self._waiting.remove(delivery)
                if again and delivery.tries < len(self.pauses):
                    later = {"tries": delivery.tries + 1, "due": time.time() + self.pauses[delivery.tries]}
                    self._waiting.append(delivery.model_copy(update=later))
            if is_gone := trouble == _SAID_GONE:
                self._waiting = [each for each in self._waiting if each.hook != delivery.hook]
            self._changed = True
            self._note(delivery.hook, trouble, is_gone)
            self._lock.notify_all()

    def _sent(self, hook: Webhook, delivery: Delivery) -> tuple[str, bool]:
        """(what went wrong, whether another try may help)."""
        settings = self._settings()
        if settings.offline:
            return "Darkroom runs offline.", True
        try:
            body = json.dumps(self._body(hook, delivery)).encode()
        except NotFound:
            return "", False
        moment = int(time.time())
        headers = {
            "Content-Type": "application/json",
            "X-Darkroom-Event": delivery.event,
            "X-Darkroom-Delivery": f"{delivery.job_id}-{delivery.event}",
            "X-Darkroom-Signature": signature(hook.secret, moment, body),
        }
        try:
            status = outward.post(hook.url, body, headers, settings.webhook_hosts)
        except OutwardError as error:
            return str(error), not error.refused
        if status == _GONE:
            return _SAID_GONE, False
        return ("", False) if 200 <= status < 300 else (f"It answered {status}.", True)

    def _body(self, hook: Webhook, delivery: Delivery) -> dict[str, Any]:
        job = self._queue.get(delivery.job_id)
        return {"event": delivery.event, "webhook": hook.id, "job": job_body(self._queue, job, Viewer(name=hook.owner, admin=False))}

    def _note(self, hook_id: str, trouble: str, is_gone: bool) -> None:
        changed = tuple(self._noted(each, trouble, is_gone) if each.id == hook_id else each for each in self._hooks)
        if changed != self._hooks:
            try:
                self._keep(changed)
            except StorageError:
                self._hooks = changed

    @staticmethod
    def _noted(hook: Webhook, trouble: str, is_gone: bool) -> Webhook:
        """What is known of a hook after a delivery; one that is off stays so, also when an earlier delivery is heard of later."""
        if not hook.active:
            return hook
        return hook.model_copy(update={"trouble": trouble, "active": not is_gone})
