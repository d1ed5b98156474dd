"""Stars, flags, the bin and collections: many pictures at once, each change with a way back, nobody else's touched."""

import io
import time
import zipfile

import pytest
from PIL import Image

from tests.gallery.test_sheet import Sheet
from webui.db import open_database
from webui.errors import Conflict, NotFound, RequestError
from webui.gallery.archive import archive
from webui.gallery.marks import UNDO_S, Changes
from webui.images.store import ImageStore


@pytest.fixture
def sheet(tmp_path):
    database = open_database(tmp_path)
    sheet = Sheet(database, tmp_path)
    (tmp_path / "outputs").mkdir()
    for number in range(1, 5):
        sheet.make(number, prompt=f"apple {number}", owner="bob" if number == 4 else "ann")
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / "outputs" / f"{number}.png")
    yield sheet
    database.close()


def marks(sheet):
    return {item.record.id: (item.marks.rating, item.marks.flag) for item in sheet.index.find()}


def test_stars_and_flags_and_back(sheet):
    first = sheet.marks.change("ann", ["1", "2"], Changes(rating=4), "ann")
    assert first.ids == ("1", "2") and marks(sheet)["1"] == (4, 0)
    second = sheet.marks.change("ann", ["2", "3"], Changes(flag=-1, rating=1), "ann")
    assert marks(sheet) == {"1": (4, 0), "2": (1, -1), "3": (1, -1), "4": (0, 0)}
    assert sheet.found("rejected") == "32" and sheet.found("kept") == ""
    assert sheet.marks.undo("ann", second.undo).ids == ("2", "3")
    assert marks(sheet) == {"1": (4, 0), "2": (4, 0), "3": (0, 0), "4": (0, 0)}
    sheet.marks.undo("ann", first.undo)
    assert set(marks(sheet).values()) == {(0, 0)}
    with pytest.raises(NotFound, match="ten minutes"):
        sheet.marks.undo("ann", first.undo)


def test_the_bin_and_back_with_the_files(sheet, tmp_path):
    gone = sheet.marks.change("ann", ["3", "1"], Changes(trashed=True), "ann")
    assert gone.ids == ("3", "1") and not gone.left_out
    assert sheet.found() == "42" and not (tmp_path / "outputs" / "1.png").exists()
    assert set(sheet.found(place="bin")) == {"1", "3"}
    sheet.marks.undo("ann", gone.undo)
    assert sheet.found() == "4321" and (tmp_path / "outputs" / "1.png").exists() and sheet.found(place="bin") == ""


def test_a_file_that_is_gone_keeps_no_other_from_the_bin(sheet, tmp_path):
    (tmp_path / "outputs" / "2.png").unlink()
    done = sheet.marks.change("ann", ["1", "2", "3"], Changes(trashed=True), "ann")
    assert done.ids == ("1", "3") and len(done.left_out) == 1 and "outputs/2.png" in done.left_out[0]


def test_what_lies_in_the_bin_is_deleted_for_good_and_nothing_else(sheet, tmp_path):
    sheet.marks.change("ann", ["1"], Changes(trashed=True, collection="best"), "ann")
    assert sheet.marks.purge("ann", ["1", "2", "unknown"]).ids == ("1",)
    assert sheet.found() == "432" and sheet.found(place="bin") == "" and not list((tmp_path / "data" / "bin").rglob("*.png"))
    assert [each.count for each in sheet.marks.collections("ann")] == [0]


@pytest.mark.parametrize("changes", [{"rating": 5}, {"trashed": True}, {"flag": 1}, {"collection": "mine"}])
def test_nobody_changes_what_is_anothers(sheet, changes):
    done = sheet.marks.change("ann", ["4", "1", "nothing"], Changes(**changes), "ann")
    assert done.ids == ("1",) and sheet.found(owner="bob") == "4" and marks(sheet)["4"] == (0, 0)
    with pytest.raises(NotFound):
        sheet.marks.undo("bob", done.undo)
    assert sheet.marks.change(None, ["4"], Changes(rating=1), "root").ids == ("4",)


def test_collections_fill_rename_and_empty(sheet):
    done = sheet.marks.change("ann", ["1", "2"], Changes(collection="Best"), "ann")
    sheet.marks.change("ann", ["2", "3"], Changes(collection="best "), "ann")
    (best,) = sheet.marks.collections("ann")
    assert (best.name, best.count) == ("Best", 3) and sheet.found("collection:BEST") == "321"
    sheet.marks.undo("ann", done.undo)
    assert sheet.found("collection:best") == "3", "what another change put there stays"
    taken = sheet.marks.change("ann", ["3"], Changes(leave="best"), "ann")
    assert sheet.found("collection:best") == ""
    sheet.marks.undo("ann", taken.undo)
    assert sheet.found("collection:best") == "3"
    sheet.marks.name_collection("ann", best.number, "Finest")
    assert sheet.found("collection:finest") == "3" and sheet.found("collection:finest", owner="bob") == ""
    sheet.marks.save_query("ann", "smart", "apple")
    with pytest.raises(Conflict, match="saved search"):
        sheet.marks.change("ann", ["1"], Changes(collection="smart", trashed=True), "ann")
    assert sheet.found() == "4321", "refused before anything was moved"
    with pytest.raises(Conflict, match="already"):
        sheet.marks.name_collection("ann", best.number, "SMART")
    with pytest.raises(NotFound):
        sheet.marks.remove_collection("bob", best.number)
    sheet.marks.remove_collection("ann", best.number)
    assert [each.name for each in sheet.marks.collections("ann")] == ["smart"] and sheet.found() == "4321"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "rating"),
        ({"rating": 6}, "rating"),
        ({"flag": 2}, "flag"),
        ({"collection": 'a"b'}, "collection"),
        ({"collection": "x" * 121}, "collection"),
    ],
)
def test_what_makes_no_sense_is_refused(sheet, changes, field):
    with pytest.raises(RequestError) as error:
        sheet.marks.change("ann", ["1"], Changes(**changes), "ann")
    assert error.value.field == field


def test_a_change_cannot_be_taken_back_later(sheet, monkeypatch):
    done = sheet.marks.change("ann", ["1"], Changes(rating=3), "ann")
    later = time.monotonic() + UNDO_S + 1
    monkeypatch.setattr("webui.gallery.marks.time.monotonic", lambda: later)
    with pytest.raises(NotFound):
        sheet.marks.undo("ann", done.undo)


def test_an_archive_has_the_files_as_they_are(sheet, tmp_path):
    (tmp_path / "outputs" / "2.png").unlink()
    records = list(sheet.sheet.records("ann", ["1", "2", "3", "4", "unknown"]))
    assert [record.id for record in records] == ["1", "2", "3"]
    twice = [(record, ImageStore(tmp_path)) for record in [*records, records[0]]]
    made = zipfile.ZipFile(io.BytesIO(b"".join(archive(twice))))
    assert made.testzip() is None and made.namelist() == ["1.png", "3.png", "1 (2).png", "not here.txt"]
    assert made.read("1.png") == (tmp_path / "outputs" / "1.png").read_bytes() and b"outputs/2.png" in made.read("not here.txt")
