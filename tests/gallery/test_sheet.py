"""The contact sheet: what a query finds, in which order and place, and what sessions say."""

import struct
from datetime import timedelta

import pytest
from sqlalchemy import event

from tests.gallery.test_index import NOON, Shelf
from tests.whole_requests import resolved
from webui.core.record import ImageRecord
from webui.db import open_database
from webui.errors import RequestError
from webui.gallery.index import insert_image
from webui.gallery.marks import Changes, ImageMarks
from webui.gallery.query import parse_query
from webui.gallery.sheet import ContactSheet, Wanted
from webui.images.store import ImageStore

PICTURE = "9" * 64


class Sheet(Shelf):
    """A contact sheet with a way to put pictures into it."""

    def __init__(self, database, folder):
        super().__init__(database)
        self.sheet, self.marks = ContactSheet(database), ImageMarks(database, ImageStore(folder))

    def make(self, number, minutes=None, owner="ann", width=64, height=64, **fields):
        """Index a picture made with these fields; `minutes` after noon."""
        record = ImageRecord(
            id=str(number),
            path=f"outputs/{number}.png",
            job_id=f"job{number}",
            owner=owner,
            width=width,
            height=height,
            seed=fields.get("seed", number),
            created=NOON + timedelta(minutes=number if minutes is None else minutes),
        )
        with self.database.write() as connection:
            assert insert_image(connection, record, resolved(**fields))

    def found(self, text="", sort="newest", after="", limit=30, owner=None, place="pictures"):
        wanted = Wanted(owner=owner, query=parse_query(text), sort=sort, place=place)
        ids = "".join(item.record.id for item in self.sheet.find(wanted, after, limit))
        if not after and limit == 30:
            assert self.sheet.total(wanted) == len(ids) and sorted(self.sheet.ids(wanted)) == sorted(ids)
        return ids


@pytest.fixture
def sheet(tmp_path):
    database = open_database(tmp_path)
    yield Sheet(database, tmp_path)
    database.close()


@pytest.fixture
def varied(sheet):
    """Five pictures that differ in everything that can be asked for."""
    sheet.make(1, prompt="a red apple", steps=20, guidance=7.0, sampler="Euler a", checkpoint="photon_v1", width=64, height=96)
    sheet.make(2, prompt="an Apple tree, <lora:Oak:0.8>", steps=30, guidance=5.0, sampler="DPM++ 2M", checkpoint="photon_v1", width=96)
    sheet.make(
        3, prompt="100% wool", steps=30, guidance=5.0, sampler="DPM++ 2M", schedule="Exponential", checkpoint="deliberate", clip_skip=2
    )
    sheet.make(4, prompt="reddish ÄPFEL", steps=8, guidance=1.0, owner="bob", mode="img2img", init=PICTURE, strength=0.4)
    sheet.make(5, prompt="", steps=20, seed=2**64 - 1, hires={"scale": 2})
    return sheet


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "54321"),
        ("apple", "21"),
        ("RED", "41"),
        ("apple red", "1"),
        ("ppl", "21"),
        ("100%", "3"),
        ("%", "3"),
        ("_", ""),
        ("äpfel", "4"),
        ('"red apple"', "1"),
        ('""', "54321"),
        ("-apple", "543"),
        ("-apple -wool", "54"),
        ("model:photon", "21"),
        ("-model:photon", "543"),
        ("sampler:dpm", "32"),
        ("schedule:expo", "3"),
        ("steps:30", "32"),
        ("steps>20", "32"),
        ("steps<=20 cfg:1", "4"),
        ("lora:oak", "2"),
        ("size:portrait", "1"),
        ("size:landscape", "2"),
        ("size:square", "543"),
        ("size:96x64", "2"),
        ("width>64", "2"),
        ("clipskip:2", "3"),
        ("strength:0.4", "4"),
        ("-strength<0.5", "5321"),
        ("seed:18446744073709551615", "5"),
        ("seed<3", "21"),
        ("img2img", "4"),
        ("mode:img2img", "4"),
        ("hires", "5"),
        ("by:bob", "4"),
        ("2026-01-02", "54321"),
        ("2026-01-01", ""),
        ("-2026-01-02", ""),
        ("unrated", "54321"),
        ("like:2", "2"),
        ("like:unknown", ""),
        ("collection:none", ""),
    ],
)
def test_what_a_query_finds(varied, text, found):
    assert varied.found(text) == found


def test_the_same_is_found_without_an_index_of_words(varied, monkeypatch):
    monkeypatch.setattr(type(varied.database), "full_text", False)
    for text, found in {"apple": "21", "100%": "3", '"red apple"': "1", "-apple": "543", "lora:oak": "2"}.items():
        assert varied.found(text) == found


@pytest.mark.parametrize("text", ['"', "'", '""" OR 1', "a NEAR b", "prompt:x", "* AND *", "\0\0\0\0", "NOT red"])
def test_words_are_never_a_language_of_the_database(varied, text):
    try:
        assert set(varied.found(text)) <= set("54321")
    except RequestError as error:
        assert "no field named prompt" in str(error)


def test_a_prompt_that_changes_is_found_by_its_new_words(varied):
    from sqlalchemy import delete, update

    from webui.db.tables import images

    with varied.database.write() as connection:
        connection.execute(update(images).where(images.c.id == "1").values(prompt="a green pear"))
        connection.execute(delete(images).where(images.c.id == "2"))
    assert varied.found("apple") == "" and varied.found("pear") == "1"


def test_orders_and_their_pages(varied):
    varied.marks.change(None, ["2", "4"], Changes(rating=5), "ann")
    varied.marks.change(None, ["3"], Changes(rating=2), "ann")
    for sort, found in {"newest": "54321", "oldest": "12345", "rating": "42351", "largest": "21543"}.items():
        assert varied.found(sort=sort) == found
        read = ""
        while page := varied.found(sort=sort, after=read[-1:], limit=2):
            read += page
        assert read == found
    assert varied.found("rated>=2") == "432" and varied.found("unrated") == "51"
    assert varied.found(after="unknown") == ""


def test_everybody_finds_their_own(varied):
    assert varied.found(owner="bob") == "4" and varied.found("apple", owner="bob") == "" and varied.found(owner="eve") == ""
    assert varied.sheet.numbered("bob", [1, 4]) == varied.sheet.numbered(None, [4])
    assert [session.number for session in varied.sheet.sessions("bob", [1, 2, 3, 4])] == [4]


def test_the_layout_is_where_every_picture_stands(varied):
    data = varied.sheet.layout(Wanted(query=parse_query("steps>=20")))
    count = struct.unpack_from("<I", data)[0]
    assert count == 4 and len(data) == 4 + 7 * count
    numbers = struct.unpack_from(f"<{count}i", data, 4)
    assert [sum(numbers[: n + 1]) for n in range(count)] == [5, 3, 2, 1]
    assert struct.unpack_from(f"<{count}H", data, 4 + 4 * count) == (1000, 1000, 1500, 667)
    assert data[4 + 6 * count :] == bytes([1, 1, 1, 1])
    assert varied.sheet.layout(Wanted(owner="eve")) == struct.pack("<I", 0)


def test_totals_and_layouts_are_kept_until_a_picture_or_a_collection_changes(varied):
    wanted, asked = Wanted(query=parse_query("kept")), []
    event.listen(varied.database.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))

    def look():
        del asked[:]
        return varied.sheet.total(wanted), len(varied.sheet.layout(wanted)), len(asked)

    look()
    assert varied.database.full_text
    varied.make(7)
    assert look() == (0, 4, 2) and look() == (0, 4, 0)
    undo = varied.marks.change(None, ["2", "4"], Changes(flag=1), "ann").undo
    assert look() == (2, 18, 2) and look() == (2, 18, 0)
    varied.marks.undo(None, undo)
    assert look()[:2] == (0, 4)
    wanted = Wanted(query=parse_query("collection:best"))
    assert look()[0] == 0
    varied.marks.change("ann", ["1"], Changes(collection="best"), "ann")
    assert look()[0] == 1
    varied.make(6)
    varied.database.shared = True  # others may change it: nothing is kept
    assert look()[2] == look()[2] == 2


def test_a_session_is_one_prompt_in_one_go(sheet):
    sheet.make(1, 0, prompt="a red apple, oil")
    sheet.make(2, 1, prompt="a green apple, oil", guidance=9.0)
    sheet.make(3, 2, prompt="a red apple, oil", owner="bob")
    sheet.make(4, 29, prompt="oil, a green apple, dawn", guidance=9.0)
    sheet.make(5, 60, prompt="oil, a green apple, dawn")
    sheet.make(6, 61, prompt="a castle")
    sheet.make(7, 62, prompt="a castle", mode="img2img", init=PICTURE)
    sheet.make(8, 63, prompt="a castle", mode="img2img", init=PICTURE, width=96)
    sessions = {item.record.id: item.marks.session for item in sheet.sheet.find(Wanted(), "", 30)}
    assert sessions == {"1": 1, "2": 1, "3": 3, "4": 1, "5": 5, "6": 6, "7": 7, "8": 7}
    first, third, last = sheet.sheet.sessions(None, [1, 3, 7])
    assert (first.count, first.last - first.first) == (3, 29 * 60) and third.changed == ()
    assert "CFG 7 → 9" in first.changed and any("dawn" in change for change in first.changed) and "seed" in first.changed
    assert last.changed == ("size", "seed") and last.prompt == "a castle"


def test_what_may_follow_is_suggested_with_how_often(varied):
    said = lambda text, owner=None: [(each.text, each.count) for each in varied.sheet.suggest(owner, text)]  # noqa: E731
    assert dict(said("model:"))["model:photon_v1"] == 2 and said("model:del") == [("model:deliberate", 1)]
    assert said("owl -sampler:dpm") == [('sampler:"DPM++ 2M"', 2)]
    assert said("ste") == [("steps:", None)] and said("size:p") == [("size:portrait", None)] and said("") == []
    assert said("model:", "eve") == []


def test_for_a_query_without_a_picture_the_nearest_is_told(varied):
    nearest = varied.sheet.nearest(Wanted(query=parse_query("apple steps>20 kept")))
    assert (nearest.without, nearest.query, nearest.count) == ("kept", "apple steps>20", 1)
    assert varied.sheet.nearest(Wanted(query=parse_query("nothing nowhere"))) is None


@pytest.mark.parametrize("owner", [None, "local"])
@pytest.mark.parametrize("q", ["", "steps>25", "seed:1", "model:tiny", "sampler:euler rated>3"])
def test_no_query_sorts_or_reads_whole_rows_to_count(tmp_path, owner, q):
    """With 100,000 pictures each look read every row, requests and all: half a second."""
    database = open_database(tmp_path)
    asked = []

    @event.listens_for(database.engine, "before_cursor_execute")
    def note(connection, cursor, statement, parameters, context, many):
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    sheet, wanted = ContactSheet(database), Wanted(owner=owner, query=parse_query(q))
    sheet.find(wanted, "", 30)
    sheet.total(wanted)
    with database.read() as connection:
        plans = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given).all() for statement, given in tuple(asked)]
    listing, counting = (" ".join(row[3] for row in plan) for plan in plans)
    assert "ix_images_gallery" in listing and "TEMP B-TREE" not in listing
    assert "COVERING INDEX ix_images_gallery" in counting
    del asked[:]
    sheet.numbered(owner, range(1, 100))
    sheet.sessions(owner, [1, 2])
    with database.read() as connection:
        plans = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given).all() for statement, given in tuple(asked)]
    by_number, by_session = (" ".join(row[3] for row in plan) for plan in plans[:2])
    assert "INTEGER PRIMARY KEY" in by_number and "ix_images_session" in by_session
    database.close()


def test_months_are_counted_newest_first(sheet):
    for number, days in ((1, 0), (2, 1), (3, 40), (4, 400)):
        sheet.make(number, minutes=24 * 60 * days, prompt="an apple" if number < 4 else "a pear")
    at = [(NOON + timedelta(days=days)).strftime("%Y-%m") for days in (400, 40, 0)]
    assert [(each.month, each.count) for each in sheet.sheet.months(Wanted())] == list(zip(at, (1, 1, 2), strict=True))
    apples = sheet.sheet.months(Wanted(query=parse_query("apple"), sort="oldest"))
    assert [(each.month, each.count) for each in apples] == list(zip(at[1:], (1, 2), strict=True))
    assert sheet.sheet.months(Wanted(query=parse_query("nothing"))) == ()
