"""PostgreSQL, which several web processes may use at once: the engine, locks between processes, and messages from one to the others."""

import logging
import ssl
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from webui.errors import StorageError

DRIVER = "postgresql+pg8000"
WRITING, MIGRATING, LEADING, SUBMITTING = 7_860_001, 7_860_002, 7_860_003, 7_860_004
"""Numbers of advisory locks: they mean something within one database only."""
CHANNEL = "darkroom"
MOST_TEXT = 7_000
"""Letters of one notification: PostgreSQL takes less than 8000 bytes."""
ANSWER_S = 60
"""Seconds for which the server may say nothing at all."""
EXAMPLE = "Write it as postgresql://user:password@host/darkroom."


def is_shared(url: str) -> bool:
    """Whether a database is one that several web processes may use at once. Raises `StorageError` for what is no address of one."""
    return bool(url) and _read(url).get_backend_name() in ("postgresql", "postgres")


def _read(url: str) -> URL:
    try:
        return make_url(url)
    except (SQLAlchemyError, ValueError):
        raise StorageError(f"DATABASE_URL is no address of a database. {EXAMPLE}") from None


def open_engine(url: str, wait_ms: int) -> Engine:
    """Return SQLAlchemy's engine. Raises `StorageError` where the driver is not installed, or the server cannot be asked."""
    if find_spec("pg8000") is None:
        raise StorageError("PostgreSQL needs the package pg8000. Install it beside Darkroom: pip install 'darkroom[postgres]'.")
    address, options = _how(_read(url))
    engine = create_engine(address, pool_pre_ping=True, pool_size=16, max_overflow=32, connect_args=options, hide_parameters=True)
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)  # of a lost connection we say one sentence ourselves

    @event.listens_for(engine, "connect")
    def settle(connection: Any, record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET lock_timeout = {wait_ms}")
        connection.commit()
        cursor.close()

    event.listen(engine, "before_cursor_execute", _without_zeros, retval=True)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except DBAPIError as error:
        engine.dispose()
        where = address.host or "this machine"
        said = f"The database at {where} cannot be used: {reason(error)}. Does PostgreSQL run, and is DATABASE_URL right?"
        raise StorageError(said) from None
    return engine


def _how(address: URL) -> tuple[URL, dict[str, Any]]:
    """An address as the driver takes it, and how it is to connect: PostgreSQL's own words for sockets and TLS. Raises `StorageError`."""
    given = {name: value if isinstance(value, str) else value[-1] for name, value in address.query.items()}
    options: dict[str, Any] = {"timeout": ANSWER_S, "tcp_keepalive": True, "application_name": given.pop("application_name", "darkroom")}
    folder = given.pop("host", "")
    if folder.startswith("/"):
        options["unix_sock"] = f"{folder}/.s.PGSQL.{address.port or 5432}"
    elif folder:
        address = address.set(host=folder)
    match given.pop("sslmode", "prefer"):
        case "disable":
            options["ssl_context"] = False
        case "require":
            options["ssl_context"] = True  # without a look at who has signed the certificate, as PostgreSQL's own programs do
        case "verify-ca" | "verify-full":
            options["ssl_context"] = ssl.create_default_context()
    if given:
        raise StorageError(f"DATABASE_URL has words that are not known here: {', '.join(sorted(given))}. Leave them out.")
    return address.set(drivername=DRIVER, query={}), options


def _without_zeros(connection: object, cursor: object, statement: str, parameters: Any, context: object, many: bool) -> tuple[str, Any]:
    """PostgreSQL's texts have no character of the number 0; SQLite's may."""
    return statement, _cleaned(parameters)


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "") if "\0" in value else value
    if isinstance(value, dict):
        return {name: _cleaned(each) for name, each in value.items()}
    return type(value)(_cleaned(each) for each in value) if type(value) in (list, tuple) else value


def reason(error: DBAPIError) -> str:
    """What the server or the connection says, without the address and its password."""
    told = error.orig.args[0] if error.orig is not None and error.orig.args else ""
    if isinstance(told, dict):
        told = told.get("M", "")
    return str(told).strip().rstrip(".")[:200] or type(error.orig).__name__


def serialise(connection: Connection) -> None:
    """Wait until no other process writes: events get their numbers in the order in which they can be read, and sums stay right."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": WRITING})


@contextmanager
def held(engine: Engine, number: int) -> Iterator[Connection]:
    """A connection that has a lock which no other process has meanwhile. Raises `StorageError` when it is not to be had."""
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})
            yield connection
    except DBAPIError as error:
        raise StorageError(f"The database cannot be used: {reason(error)}.") from None


class Session:
    """One lasting connection: it hears what other processes say, and may hold the lead. Used by one thread."""

    def __init__(self, engine: Engine) -> None:
        """Raises `StorageError`."""
        self._engine = engine
        self._partly: dict[str, list[str]] = {}
        self.leads = False
        try:
            self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            driver: Any = self._connection.connection.driver_connection
            driver.rollback()  # the pool's look at it has begun a transaction, in which nothing would be heard
            self._words: deque[Any] = deque()
            driver.notifications = self._words  # its own holds a hundred, and drops the oldest
            self._connection.execute(text(f"LISTEN {CHANNEL}"))
        except DBAPIError as error:
            raise StorageError(reason(error)) from None

    def _run(self, statement: str, **values: Any) -> Any:
        try:
            return self._connection.execute(text(statement), values).scalar()
        except (SQLAlchemyError, OSError) as error:
            self.leads = False
            raise StorageError(reason(error) if isinstance(error, DBAPIError) else str(error)) from None

    def try_to_lead(self) -> bool:
        """Take the lead, if nobody has it; returns whether it is ours. Raises `StorageError`."""
        if not self.leads:
            self.leads = bool(self._run("SELECT pg_try_advisory_lock(:number)", number=LEADING))
        return self.leads

    def give_up(self) -> None:
        """Let another process lead."""
        if self.leads:
            self._run("SELECT pg_advisory_unlock(:number)", number=LEADING)
            self.leads = False

    def say(self, words: str) -> None:
        """Tell all processes, this one too. `words` are ASCII. Raises `StorageError`."""
        parts = [words[start : start + MOST_TEXT] for start in range(0, len(words), MOST_TEXT)] or [""]
        mark = f"{time.time_ns():x}{id(self):x}" if len(parts) > 1 else ""
        for number, part in enumerate(parts):
            self._run("SELECT pg_notify(:channel, :words)", channel=CHANNEL, words=f"{mark}:{len(parts) - number}:{part}")

    def heard(self) -> list[str]:
        """What was said since the last call. Raises `StorageError`."""
        self._run("SELECT 1")
        words = []
        while self._words:
            _, _, payload = self._words.popleft()
            if (whole := self._joined(str(payload))) is not None:
                words.append(whole)
        return words

    def _joined(self, payload: str) -> str | None:
        mark, _, rest = payload.partition(":")
        left, _, part = rest.partition(":")
        if not mark:
            return part
        if len(self._partly) > 100:  # of processes that died while they spoke
            self._partly.clear()
        parts = self._partly.setdefault(mark, [])
        parts.append(part)
        return "".join(self._partly.pop(mark)) if left == "1" else None

    def close(self) -> None:
        """Give the connection back: what it holds is free at once."""
        with suppress(SQLAlchemyError, OSError):
            self._connection.invalidate()
            self._connection.close()
