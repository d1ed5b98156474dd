"""The database opens, migrates, says what is wrong, and never loses a file it cannot read."""

import os
import re
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import event, insert, inspect, select, text
from sqlalchemy.exc import OperationalError

from webui.db import DataLock, open_database
from webui.db.tables import metadata, settings_kv
from webui.errors import StorageError


def test_the_migrations_make_the_tables_that_the_code_uses(tmp_path):
    database = open_database(tmp_path)
    with database.read() as connection:
        found = inspect(connection)
        for table in metadata.sorted_tables:
            assert {column["name"] for column in found.get_columns(table.name)} == {column.name for column in table.columns}, table.name
            assert {index["name"] for index in found.get_indexes(table.name)} >= {index.name for index in table.indexes}, table.name


@pytest.mark.parametrize(("durability", "value"), [("normal", 1), ("full", 2)])
def test_wal_and_the_durability_that_was_asked_for(tmp_path, durability, value):
    with open_database(tmp_path, durability=durability).read() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == value


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
@pytest.mark.parametrize("before", [None, 0o644, 0o660])
def test_other_users_of_the_machine_may_not_read_it(tmp_path, before):
    path = tmp_path / "data" / "darkroom.db"
    if before is not None:
        path.parent.mkdir()
        path.touch()
        path.chmod(before)
    database = open_database(tmp_path)
    with database.write() as connection:
        connection.execute(insert(settings_kv).values(key="k", value="1"))
        files = [path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))]
        assert all(not each.stat().st_mode & 0o007 for each in files)
    assert path.stat().st_mode & 0o777 == (0o600 if before is None else before & 0o770)


def test_a_broken_file_is_moved_aside_and_a_new_one_begun(tmp_path):
    path = tmp_path / "data" / "darkroom.db"
    path.parent.mkdir()
    path.write_bytes(b"this is no database" * 1000)
    database = open_database(tmp_path)
    assert database.moved_aside.read_bytes().startswith(b"this is no database")
    with database.write() as connection:
        connection.execute(insert(settings_kv).values(key="k", value="1"))


def test_a_damaged_page_is_noticed_at_start(tmp_path):
    database = open_database(tmp_path)
    with database.write() as connection:
        connection.execute(insert(settings_kv), [{"key": f"{number:05}", "value": "x" * 500} for number in range(2000)])
    database.close()
    path = tmp_path / "data" / "darkroom.db"
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 8192] = b"\xff" * 8192
    path.write_bytes(data)
    again = open_database(tmp_path)
    assert again.moved_aside is not None and again.moved_aside.read_bytes() == bytes(data)
    with again.read() as connection:
        kept = set(connection.execute(select(settings_kv.c.key)).scalars())
    assert len(kept) == again.salvaged and {"00000", "01999"} <= kept and 1000 < len(kept) < 2000


def test_a_database_from_a_newer_version_is_left_alone(tmp_path):
    database = open_database(tmp_path)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(StorageError, match="newer Darkroom"):
        open_database(tmp_path)
    assert (tmp_path / "data" / "darkroom.db").exists()


def test_a_locked_database_is_said_and_nothing_is_changed(tmp_path, monkeypatch):
    monkeypatch.setattr("webui.db.database.BUSY_MS", 50)
    database = open_database(tmp_path)
    other = sqlite3.connect(tmp_path / "data" / "darkroom.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="locked"), database.write() as connection:
        connection.execute(insert(settings_kv).values(key="k", value="1"))
    other.execute("ROLLBACK")
    with database.read() as connection:
        assert connection.execute(select(settings_kv)).all() == []


def test_an_error_inside_a_transaction_undoes_it(tmp_path):
    database = open_database(tmp_path)
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        connection.execute(insert(settings_kv).values(key="k", value="1"))
        raise ZeroDivisionError
    with database.read() as connection:
        assert connection.execute(select(settings_kv)).all() == []


def test_a_folder_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "data").write_text("a file in the way")
    with pytest.raises(StorageError, match="data"):
        open_database(tmp_path)


@pytest.mark.parametrize("words", ["malformed", "disk is full", "readonly"])
def test_what_the_database_says_is_said_with_a_remedy(tmp_path, words):
    database = open_database(tmp_path)
    with pytest.raises(StorageError, match=words) as told, database.write():
        raise OperationalError("INSERT", {}, sqlite3.OperationalError(f"database {words}"))
    assert ("start Darkroom again" if words == "malformed" else "free some space") in str(told.value)


def test_a_database_that_has_become_read_only_is_still_read(tmp_path):
    database = open_database(tmp_path)
    event.listen(database._engine, "begin", lambda connection: connection.exec_driver_sql("PRAGMA query_only=ON"))
    with pytest.raises(StorageError, match="readonly"), database.write() as connection:
        connection.execute(insert(settings_kv).values(key="k", value="1"))
    with database.read() as connection:
        assert connection.execute(select(settings_kv)).all() == []


def test_two_webs_on_one_database_that_lies_elsewhere(tmp_path):
    url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    first = open_database(tmp_path / "a", url)
    with first.read() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    with pytest.raises(StorageError, match="Another Darkroom"):
        open_database(tmp_path / "b", url)
    first.close()
    open_database(tmp_path / "b", url).close()


def test_sqlite_is_spoken_of_in_this_room_alone():
    root = Path(__file__).resolve().parents[2] / "webui"
    words = re.compile(r"PRAGMA|sqlite_|dialects\.sqlite|import sqlite3|INSERT OR|rowid", re.IGNORECASE)
    found = [path for path in root.rglob("*.py") if path.parent.name not in ("db", "versions") and words.search(path.read_text())]
    assert found == []


def test_two_webs_on_one_folder(tmp_path):
    first, second = DataLock(tmp_path), DataLock(tmp_path)
    first.acquire()
    with pytest.raises(StorageError, match="Another Darkroom"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


@pytest.mark.parametrize("name", ["what?mode=memory", "a#b", "100%41", "%(here)s", "file:x", "q'uo\"te", "sp ace ä"])
def test_the_database_lies_in_its_folder_whatever_that_is_called(tmp_path, name):
    folder = tmp_path / name
    open_database(folder).close()
    assert (folder / "data" / "darkroom.db").stat().st_size > 0
    assert [path.name for path in tmp_path.iterdir()] == [name]
