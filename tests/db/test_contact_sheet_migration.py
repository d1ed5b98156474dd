"""A database of before the contact sheet: its pictures get what is searched by, and their sessions."""

import json

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from webui.db import open_database
from webui.db.database import MIGRATIONS
from webui.gallery.query import parse_query
from webui.gallery.sheet import ContactSheet, Wanted


def old_database(folder, rows):
    (folder / "data").mkdir()
    engine = create_engine(f"sqlite:///{folder / 'data' / 'darkroom.db'}")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0007")
        for number, (request, trashed) in enumerate(rows, 1):
            values = {"id": f"i{number}", "at": 1000.0 + 60 * number, "prompt": (request or {}).get("prompt", ""), "trashed": trashed}
            body = request if request is None or isinstance(request, str) else json.dumps(request)
            connection.execute(
                text(
                    'INSERT INTO images (id, kind, path, "index", owner, width, height, created, notes, prompt, request, trashed, missing)'
                    " VALUES (:id, 'result', :id, 0, 'ann', 64, 64, :at, '[]', :prompt, :request, :trashed, 0)"
                ),
                {**values, "request": body},
            )
    engine.dispose()


def test_old_pictures_are_found_and_belong_together(tmp_path):
    made = {"prompt": "a red apple", "mode": "txt2img", "checkpoint": "photon", "steps": 20, "guidance": 7, "strength": 0.75, "init": None}
    start = {"prompt": "a castle", "mode": "img2img", "init": "9" * 64, "strength": 0.4, "hires": {"scale": 2}}
    old_database(
        tmp_path, [(made, False), (made, True), (made | {"steps": 30}, False), (start, False), (None, False), ({"steps": "x"}, False)]
    )
    database = open_database(tmp_path)
    sheet = ContactSheet(database)

    def found(query, place="pictures"):
        return [item.record.id for item in sheet.find(Wanted(query=parse_query(query), place=place), "", 30)]

    assert found("apple model:photon steps>20") == ["i3"] and found("hires strength:0.4 img2img") == ["i4"]
    assert found("strength<1") == ["i4"], "what was not made from a picture has no strength"
    assert found("", "bin") == ["i2"] and found("-apple -castle") == ["i6", "i5"]
    assert {item.record.id: item.marks.session for item in sheet.find(Wanted(), "", 30)} == {"i1": 1, "i3": 1, "i4": 4, "i5": 5, "i6": 5}
    database.close()
    assert open_database(tmp_path).full_text
