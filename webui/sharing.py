"""Several web processes with one PostgreSQL database and one data folder: one of them leads, all serve the same queue."""

import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from webui.db import Database
from webui.db.lock import DataLock
from webui.db.postgres import is_shared
from webui.errors import SettingsError
from webui.jobs.relay import Relay
from webui.jobs.state import JobState
from webui.services import Services
from webui.settings import Settings

MOST = 64
"""Web processes with one data folder."""
HALF_WRITTEN_S = 3600.0
"""Seconds after which a half-written file belongs to a process that is gone."""
DEPOSED = 75
"""How a process ends that another one leads instead of: whoever started it starts it again."""


def end_at_once() -> None:
    """End without putting anything back: another process has taken over the jobs that run here."""
    print("Another web process leads by now: this one ends, so that nothing is made twice. Start it again.", file=sys.stderr, flush=True)
    os._exit(DEPOSED)


@dataclass(frozen=True)
class Place:
    """A process' place in the data folder: the lock that it holds, and its number among those that share the folder.

    `on_deposed` is called where it led, and another process has come to lead instead.
    """

    lock: DataLock
    number: int = 0
    on_deposed: Callable[[], None] = end_at_once

    def name(self, folder: str) -> str:
        """The name of a folder that is this process' own."""
        return f"{folder}-{self.number}" if self.number else folder


def take_folder(settings: Settings) -> Place:
    """Take the data folder. Raises `StorageError`, also where another process has it, unless the database is one that they can share."""
    lock = DataLock(settings.data_dir)
    if is_shared(settings.database_url):
        return Place(lock, lock.acquire_one_of(MOST))
    lock.acquire()
    return Place(lock)


def open_relay(database: Database, state: JobState, place: Place) -> Relay | None:
    """What connects this process to others in front of the same queue; None where there are none."""
    return Relay(database, state, place.on_deposed) if database.shared else None


def start_relay(relay: Relay, services: Services, on_lead: Callable[[], None]) -> None:
    """Begin to hear the other processes."""

    def on_other(word: str, value: Any) -> None:
        try:
            if word == "settings":
                services.settings.read_again(value)
            elif word == "grids" and relay.leads:
                services.grids.runner.woken()
            elif word == "restart" and relay.leads:
                services.engines.restart()
        except SettingsError:
            traceback.print_exc()

    services.settings.listen(lambda names: relay.tell("settings", list(names)))
    relay.start(services.queue, on_lead, on_other)
