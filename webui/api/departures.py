"""What ends with an invitation (jobs, webhooks) and with a role (webhooks), whoever takes it back: page, API or command line."""

import logging
import threading

from webui.api.webhooks import Webhooks
from webui.errors import NotFound, StorageError
from webui.jobs.queue import JobQueue
from webui.people.keys import ApiKeys
from webui.people.roles import MAY

EVERY = 2.0
"""Seconds between two looks: the command line changes people from another process."""
_KEPT = "people_left"

log = logging.getLogger("webui.people")


class Departures:
    """Ends jobs and webhooks; a thread looks for what another process has changed."""

    def __init__(self, queue: JobQueue, keys: ApiKeys, hooks: Webhooks) -> None:
        self._queue, self._keys, self._hooks = queue, keys, hooks
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def start(self) -> None:
        """Look every two seconds, until `stop`."""
        threading.Thread(target=self._watch, name="departures", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()

    def settle(self) -> None:
        """End what is to end now: jobs of those who have left since the last time, webhooks of those who may have none."""
        with self._lock:
            ended = {key.id: key.owner for key in self._keys.people() if key.ended is not None}
            known = set(self._queue.store.get_value(_KEPT) or [])
            for owner in (ended[key_id] for key_id in ended.keys() - known):
                self._queue.cancel_all(owner)
            self._end_webhooks()
            if known != ended.keys():
                self._queue.store.set_value(_KEPT, sorted(ended))

    def _end_webhooks(self) -> None:
        for hook in self._hooks.all():
            person = self._keys.person(hook.owner)
            if person is not None and (person.ended is not None or "webhooks" not in MAY[person.role or "guest"]):
                try:
                    self._hooks.remove(hook.id)
                except NotFound:  # its owner was quicker
                    log.info("The webhook %s was removed meanwhile", hook.id)

    def _watch(self) -> None:
        while not self._stopping.wait(EVERY):
            try:
                self.settle()
            except StorageError as error:
                log.warning("Jobs and webhooks of who has left cannot be ended now: %s", error)
