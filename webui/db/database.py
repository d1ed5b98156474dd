"""Open the database: settings of SQLite, migrations, and what is done when the file is broken."""

import contextlib
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError, OperationalError, SQLAlchemyError

from webui.db import postgres
from webui.db.letters import add_to_postgres, add_to_sqlite
from webui.db.lock import DataLock
from webui.db.salvage import salvage
from webui.errors import StorageError

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_MS = 10_000
GALLERY = frozenset({"images", "collections", "collection_images"})
"""Tables that decide which pictures a query of the gallery finds."""
_CANNOT_WRITE = "The database cannot be written: {}. Nothing was changed; {}."
_MEND = {"malformed": "start Darkroom again: it sets the broken file aside and takes over what can be read"}
_FREE = "free some space or close what locks it"


class Database:
    """Connections to one database. Writes are serialised in this process, so that SQLite's single writer never turns a request away."""

    def __init__(self, engine: Engine, moved_aside: Path | None = None, salvaged: int = 0, lock: DataLock | None = None) -> None:
        self._engine = engine
        self._write_lock = threading.Lock()
        self._lock = lock
        self.shared = engine.dialect.name == "postgresql"
        """Whether other web processes may use it at the same time."""
        self.moved_aside, self.salvaged = moved_aside, salvaged
        self._changes, self._touched = 0, False
        event.listen(engine, "after_execute", self._executed)

    @property
    def changes(self) -> int | None:
        """How often this process changed what the gallery shows; None where others may change it too."""
        return None if self.shared else self._changes

    def _executed(self, connection: Connection, statement: Any, *rest: Any) -> None:
        if getattr(statement, "is_dml", False) and statement.table.name in GALLERY:
            self._touched = True

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits at the end. Raises `StorageError` when it cannot be written (full, locked, read-only, damaged)."""
        if not self._write_lock.acquire(timeout=BUSY_MS / 1000):
            raise StorageError(_CANNOT_WRITE.format("database is locked", _FREE))
        self._touched = False
        try:
            with self._engine.begin() as connection:
                if self.shared:
                    postgres.serialise(connection)
                yield connection
            self._changes += self._touched  # after the commit: what is read before it is kept under the old number
        except IntegrityError:
            raise
        except DBAPIError as error:
            if self.shared:
                raise StorageError(_CANNOT_WRITE.format(postgres.reason(error), "does PostgreSQL run?")) from None
            remedy = next((remedy for word, remedy in _MEND.items() if word in str(error.orig)), _FREE)
            raise StorageError(_CANNOT_WRITE.format(error.orig, remedy)) from None
        except (ConnectionError, TimeoutError) as error:  # the driver passes some of them on as they are
            raise StorageError(_CANNOT_WRITE.format(error, "is there a connection?")) from None
        finally:
            self._write_lock.release()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading."""
        try:
            with self._engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            why = postgres.reason(error) if self.shared else error.orig
            raise StorageError(f"The database cannot be read: {why}.") from None
        except (ConnectionError, TimeoutError) as error:
            raise StorageError(f"The database cannot be read: {error}.") from None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """What is counted and then added to is done by one process at a time. Raises `StorageError`."""
        if not self.shared:
            yield
            return
        with postgres.held(self._engine, postgres.SUBMITTING):
            yield

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine."""
        return self._engine

    @cached_property
    def full_text(self) -> bool:
        """Whether there is an index of the words of prompts, `images_text`."""
        return inspect(self._engine).has_table("images_text")

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()
        if self._lock is not None:
            self._lock.release()


def open_database(data_dir: Path, url: str = "", durability: str = "normal") -> Database:
    """Open (and make or migrate) the database. A broken SQLite file is moved aside and a new one begun: `moved_aside` names it.

    Raises `StorageError` when the folder or server cannot be used, or the database is from a newer version.
    """
    if postgres.is_shared(url):
        engine = postgres.open_engine(url, BUSY_MS)
        with postgres.held(engine, postgres.MIGRATING) as connection:  # another process may have begun at the same moment
            database = Database(_migrated(engine))
            add_to_postgres(connection)
            return database
    if url and make_url(url).get_backend_name() != "sqlite":
        raise StorageError(f"Only PostgreSQL and SQLite can be the database. {postgres.EXAMPLE}")
    path = Path(make_url(url).database or "").expanduser() if url else data_dir / "data" / "darkroom.db"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe = path.parent / ".writable"
        probe.touch()
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{path.parent} cannot be written: {error.strerror}. Choose another folder with --data-dir.") from None
    lock = DataLock(path.parent, path.with_name(f"{path.name}.lock")) if url else None  # the data folder has its own
    if lock is not None:
        lock.acquire()
    try:
        return Database(_opened(path, durability), lock=lock)
    except DatabaseError as error:
        if isinstance(error, OperationalError) and "malformed" not in str(error.orig) and "not a database" not in str(error.orig):
            raise StorageError(f"The database {path} cannot be opened: {error.orig}.") from None
        aside = _move_aside(path)
        engine = _opened(path, durability)
        return Database(engine, aside, salvage(aside, engine), lock)


def _opened(path: Path, durability: str) -> Engine:
    _keep_from_others(path)
    engine = _sqlite(path, durability)
    with engine.connect() as connection:
        answer = connection.execute(text("PRAGMA quick_check(1)")).scalar()
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # a file that cannot be written is refused now, not at the first job
        connection.rollback()
    if answer != "ok":
        engine.dispose()
        raise DatabaseError("quick_check", None, ValueError(f"malformed: {answer}"))
    return _migrated(engine)


def _keep_from_others(path: Path) -> None:
    """Prompts, keys' hashes and webhooks' secrets are in it: other users of the machine may not read it. SQLite's files beside follow."""
    with contextlib.suppress(OSError):  # a file that cannot be made is refused where it is opened, another user's keeps its rights
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~stat.S_IRWXO)


def _sqlite(path: Path, durability: str) -> Engine:
    url = URL.create("sqlite", database=str(path))  # not as text: the path may have a "?" or "#" in it
    engine = create_engine(url, connect_args={"timeout": BUSY_MS / 1000, "check_same_thread": False}, pool_size=16, max_overflow=32)

    @event.listens_for(engine, "connect")
    def pragmas(connection: Any, record: object) -> None:
        add_to_sqlite(connection)
        cursor = connection.cursor()
        for line in (
            "journal_mode=WAL",
            f"synchronous={'FULL' if durability == 'full' else 'NORMAL'}",
            f"busy_timeout={BUSY_MS}",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {line}")
        cursor.close()

    return engine


def _migrated(engine: Engine) -> Engine:
    """Bring the schema to this version. Raises `StorageError` for a schema from a newer one."""
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    try:
        with engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
        if current == ScriptDirectory.from_config(config).get_current_head():
            return engine
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError:
        engine.dispose()
        raise StorageError("The database is from a newer Darkroom. Start that version, or choose another folder with --data-dir.") from None
    except DatabaseError:
        engine.dispose()
        raise
    except SQLAlchemyError as error:
        engine.dispose()
        raise StorageError(f"The database cannot be opened: {error}.") from None
    return engine


def _move_aside(path: Path) -> Path:
    aside = path.with_name(f"{path.stem}-broken-{datetime.now():%Y%m%d-%H%M%S}{path.suffix}")
    path.replace(aside)
    for suffix in ("-wal", "-shm"):
        companion = path.with_name(path.name + suffix)
        if companion.exists():
            companion.replace(aside.with_name(aside.name + suffix))
    return aside
