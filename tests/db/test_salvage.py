"""What is read of a broken database."""

import json
import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import insert, select

from webui.db import open_database
from webui.db.salvage import salvage
from webui.db.tables import events, jobs, settings_kv

COUNT = 2000


def job_values(number):
    return {
        "id": f"job{number:05}",
        "owner": "local",
        "state": "done",
        "request": json.dumps({"prompt": "x" * 300}),
        "created": float(number),
    }


def fill(folder, count=COUNT):
    """A database with jobs and a setting; returns its file, which holds all of it."""
    database = open_database(folder)
    with database.write() as connection:
        connection.execute(insert(jobs), [job_values(number) for number in range(count)])
        connection.execute(insert(settings_kv), [{"key": "k", "value": "v"}])
    database.close()
    file = folder / "data" / "darkroom.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file


@pytest.fixture
def fresh(tmp_path):
    """A new database to take things over into, and its engine."""
    database = open_database(tmp_path / "fresh")
    yield database
    database.close()


def ids(database):
    with database.read() as connection:
        return [row.id for row in connection.execute(select(jobs.c.id).order_by(jobs.c.number))]


def test_a_whole_database_is_taken_over_whole(tmp_path, fresh):
    broken = fill(tmp_path / "old", 30)
    before = broken.read_bytes()
    assert salvage(broken, fresh._engine) == 31
    assert ids(fresh) == [f"job{number:05}" for number in range(30)]
    with fresh.read() as connection:
        assert connection.execute(select(settings_kv.c.value)).scalar_one() == "v"
    assert broken.read_bytes() == before and list(broken.parent.glob("tmp*")) == []


def test_damage_in_the_middle_costs_what_is_there_and_nothing_before_or_behind_it(tmp_path, fresh):
    broken = fill(tmp_path / "old")
    data = bytearray(broken.read_bytes())
    middle = data.index(b"job01000")
    start = middle // 4096 * 4096
    data[start : start + 4096] = bytes(4096)
    broken.write_bytes(data)
    taken = salvage(broken, fresh._engine)
    found = ids(fresh)
    assert found[0] == "job00000" and found[-1] == f"job{COUNT - 1:05}"
    assert COUNT - 100 < len(found) < COUNT and taken == len(found) + 1
    assert found == sorted(found)


def test_no_database_at_all_gives_nothing(tmp_path, fresh):
    noise = tmp_path / "noise.db"
    noise.write_bytes(b"this is no database " * 1000)
    assert salvage(noise, fresh._engine) == 0 and ids(fresh) == []


def test_a_row_that_does_not_fit_any_more_is_left_out_and_the_next_is_not(tmp_path, fresh):
    file = tmp_path / "odd.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY, job_id TEXT, type TEXT, body TEXT, at REAL, unknown TEXT)")
        rows = [(1, "a", "queued", "{}", 1.0, "x"), (2, None, "queued", "{}", 1.0, "x"), (3, "b", "done", "{}", 2.0, "x")]
        connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.commit()
    assert salvage(file, fresh._engine) == 2
    with fresh.read() as connection:
        assert [(row.seq, row.job_id) for row in connection.execute(select(events).order_by(events.c.seq))] == [(1, "a"), (3, "b")]
