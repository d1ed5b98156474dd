"""Answers of the contact sheet that are kept until a picture, a mark or a collection changes."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from webui.db.database import Database

Answer = TypeVar("Answer")


class Kept(Generic[Answer]):
    """The last answers, at most so many."""

    def __init__(self, database: Database, most: int) -> None:
        self._db, self._most = database, most
        self._answers: OrderedDict[Hashable, tuple[int, Answer]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, question: Hashable, work_out: Callable[[], Answer]) -> Answer:
        """The answer that is known; else, and where other processes may change the database, it is worked out."""
        changes = self._db.changes
        if changes is None:
            return work_out()
        with self._lock:
            known = self._answers.get(question)
        if known is not None and known[0] == changes:
            return known[1]
        answer = work_out()
        with self._lock:
            self._answers[question] = (changes, answer)
            self._answers.move_to_end(question)
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)
        return answer
