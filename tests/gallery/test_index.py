"""The image index: what the gallery lists, whose, in which order, and what is left out."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.whole_requests import resolved
from webui.core.record import ImageRecord
from webui.db import open_database
from webui.errors import NotFound
from webui.gallery.index import ImageIndex, insert_image

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class Shelf:
    """An index with a way to put pictures into it."""

    def __init__(self, database):
        self.database, self.index = database, ImageIndex(database)

    def add(self, number, prompt="", owner="ann", **more):
        fields = {"path": f"outputs/{number}.png", "job_id": f"job{number}", "width": 64, "height": 64, "seed": number}
        record = ImageRecord(**{"id": str(number), "owner": owner, "created": NOON + timedelta(minutes=number), **fields, **more})
        with self.database.write() as connection:
            added = insert_image(connection, record, resolved(prompt=prompt) if record.kind == "result" else None)
        return record if added else None

    def ids(self, *arguments, **more):
        return "".join(item.record.id for item in self.index.find(*arguments, **more))


@pytest.fixture
def shelf(tmp_path):
    database = open_database(tmp_path)
    yield Shelf(database)
    database.close()


def test_newest_first_and_page_by_page(shelf):
    for number in range(1, 8):
        shelf.add(number)
    assert shelf.ids(limit=3) == "765" and shelf.ids(after="5", limit=3) == "432" and shelf.ids(after="2", limit=3) == "1"
    assert shelf.ids(after="1") == shelf.ids(after="unknown") == ""
    assert shelf.index.total() == 7


def test_each_owner_has_their_own(shelf):
    shelf.add(1)
    shelf.add(2, owner="bob")
    assert (shelf.ids("ann"), shelf.ids("bob"), shelf.ids("eve"), shelf.ids()) == ("1", "2", "", "21")
    assert (shelf.index.total("ann"), shelf.index.total()) == (1, 2)


def test_a_picture_with_its_request(shelf):
    shelf.add(1, "an apple", seed=2**64 - 1)
    found = shelf.index.get("1")
    assert found.record.seed == 2**64 - 1 and found.request.prompt == "an apple" and found.record.created == NOON + timedelta(minutes=1)


def test_the_bin_holds_what_was_put_there(shelf):
    for number in (1, 2):
        shelf.add(number)
    shelf.index.set_trashed("1", True)
    assert shelf.ids() == "2" and shelf.index.total() == 1 and [image_id for image_id, *_ in shelf.index.files()] == ["2"]
    with pytest.raises(NotFound, match="There is no picture 1"):
        shelf.index.get("1")
    assert shelf.index.get("1", trashed=True).record.id == "1"
    shelf.index.set_trashed("1", False)
    assert shelf.ids() == "21" and shelf.index.get("1").record.id == "1"


def test_missing_files_are_not_listed_until_they_are_back(shelf):
    for number in (1, 2, 3):
        shelf.add(number)
    shelf.index.mark_missing(["1", "3", "unknown"])
    assert shelf.ids() == "2"
    shelf.index.mark_missing(["1"], False)
    assert shelf.ids() == "21"


def test_more_missing_files_than_a_query_takes(shelf):
    shelf.add(1)
    shelf.index.mark_missing([*(f"gone{number}" for number in range(1200)), "1"])
    assert shelf.ids() == ""


def test_an_upload_is_kept_once_and_is_no_result(shelf):
    upload = ImageRecord(id="up", path="uploads/up.png", kind="upload", width=64, height=64, created=NOON)
    shelf.index.add_upload(upload)
    shelf.index.add_upload(upload.model_copy(update={"owner": "bob"}))
    assert shelf.index.get("up")[:2] == (upload, None) and shelf.ids() == "" and shelf.index.total() == 0


def test_a_result_comes_before_an_upload_of_the_same_bytes(shelf):
    shelf.index.add_upload(ImageRecord(id="1", path="uploads/1.png", kind="upload", width=64, height=64, created=NOON))
    shelf.add(1)
    assert shelf.index.get("1").record.kind == "result"
    shelf.index.set_trashed("1", True)
    with pytest.raises(NotFound):
        shelf.index.get("1")


def test_a_place_of_a_job_is_taken_once(shelf):
    assert shelf.add(1, job_id="j", index=0) and not shelf.add(2, job_id="j", index=0) and shelf.add(3, job_id="j", index=1)
    assert not shelf.add(1, job_id="other")
    assert shelf.ids() == "31"
