"""A database made before tables and columns got their present names opens with all its rows, whole or broken."""

import sqlite3

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from webui.db import open_database
from webui.db.database import MIGRATIONS
from webui.gallery.index import ImageIndex
from webui.jobs.store import JobStore

JOB = {
    "id": "j1",
    "owner": "ann",
    "state": "queued",
    "together": "k",
    "request": '{"prompt": "a cat"}',
    "checkpoint": "m",
    "created": 1.0,
    "position": 1.0,
    "priority": 0,
    "attempts": 0,
    "prompt": "a cat",
    "notes": "[]",
}
IMAGES = [
    {
        "id": name,
        "kind": "result",
        "path": f"{name}.png",
        "job_id": "j1",
        "index": index,
        "owner": "ann",
        "width": 8,
        "height": 8,
        "created": 1.0,
        "notes": "[]",
        "prompt": "a cat",
        "binned": binned,
        "missing": False,
    }
    for index, (name, binned) in enumerate((("kept", False), ("thrown", True)))
]


def old_database(data_dir):
    """A database at the last revision with the old names, with a job, two images and a stored value."""
    path = data_dir / "data" / "darkroom.db"
    path.parent.mkdir()
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        for table, rows in (("jobs", [JOB]), ("images", IMAGES), ("facts", [{"key": "paused", "value": "true"}])):
            for row in rows:
                columns = ", ".join(f'"{name}"' for name in row)
                connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({', '.join(':' + name for name in row)})"), row)
    engine.dispose()
    return path


def check(database):
    store = JobStore(database)
    assert [(entry.id, entry.owner, entry.batch_key) for entry in store.waiting()] == [("j1", "ann", "k")]
    assert store.get("j1").request.prompt == "a cat"
    assert store.get_value("paused") is True
    images = ImageIndex(database)
    assert [found.record.id for found in images.find()] == ["kept"]
    assert images.get("thrown", trashed=True).record.path == "thrown.png"
    images.set_trashed("thrown", False)
    assert [found.record.id for found in images.find()] == ["thrown", "kept"]


def test_an_old_database_opens_with_all_its_rows(tmp_path):
    old_database(tmp_path)
    check(open_database(tmp_path))


def test_a_broken_old_database_is_read_by_its_old_names(tmp_path):
    path = old_database(tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE ballast (text)")
        connection.executemany("INSERT INTO ballast VALUES (?)", [("x" * 3000,)] * 20)
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ballast'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    data = bytearray(path.read_bytes())
    data[(root - 1) * size : root * size] = b"\xff" * size
    path.write_bytes(data)
    database = open_database(tmp_path)
    assert database.moved_aside is not None
    check(database)
