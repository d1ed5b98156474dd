"""What is done to images that exist: uploads, thumbnails, the bin, and files that came or went while nobody looked."""

import io

import pytest
from PIL import Image

from tests.gallery.test_scan import LYING, REQUEST, save, write_lie
from webui.db import open_database
from webui.errors import NotFound, RequestError, StorageError
from webui.gallery.service import Gallery, request_inside
from webui.gallery.sheet import Wanted
from webui.images.store import ImageStore
from webui.jobs.store import JobStore


def picture(format="PNG", size=(40, 30)):
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, format)
    return file.getvalue()


@pytest.fixture
def database(tmp_path):
    database = open_database(tmp_path)
    yield database
    database.close()


@pytest.fixture
def gallery(tmp_path, database):
    return Gallery(ImageStore(tmp_path), database, tmp_path / "thumbs")


@pytest.fixture
def jobs(database):
    return JobStore(database)


@pytest.mark.parametrize(("format", "suffix"), [("PNG", ".png"), ("JPEG", ".jpg"), ("WEBP", ".webp"), ("GIF", ".gif"), ("BMP", ".bmp")])
def test_an_upload_is_kept_as_it_is(gallery, format, suffix):
    data = picture(format)
    record = gallery.upload(data, "ann")
    assert (record.kind, record.width, record.height, record.owner, record.seed) == ("upload", 40, 30, "ann", None)
    assert gallery.path(record).suffix == suffix and gallery.path(record).read_bytes() == data
    assert gallery.path_by_id(record.id) == gallery.path(record)


def test_the_same_upload_twice_is_one(gallery):
    assert gallery.upload(picture(), "ann").id == gallery.upload(picture(), "bob").id
    assert gallery.index.get(gallery.upload(picture(), "eve").id).record.owner == "ann"


@pytest.mark.parametrize("data", [b"", b"no picture", picture()[:-30]], ids=["empty", "noise", "cut"])
def test_what_is_no_whole_picture_is_refused(gallery, data):
    with pytest.raises(RequestError) as error:
        gallery.upload(data, "ann")
    assert error.value.field == "file" and not list(gallery.store.root.glob("uploads/**/*.*"))


def test_a_thumbnail_is_made_once(gallery):
    record = gallery.upload(picture(size=(400, 200)), "ann")
    path = gallery.thumbnail(record, 100)
    with Image.open(path) as small:
        assert small.size == (100, 50) and small.format == "WEBP"
    path.write_bytes(b"kept")
    assert gallery.thumbnail(record, 100).read_bytes() == b"kept" and gallery.thumbnail(record, 64) != path


def test_nobody_knows_of_an_image_that_never_was(gallery):
    with pytest.raises(NotFound):
        gallery.path_by_id("0" * 64)
    with pytest.raises(NotFound):
        gallery.keep_as_upload("0" * 64)


def test_a_file_without_a_row_is_listed_with_the_request_inside_it(gallery, jobs):
    record = save(gallery.store, 0)
    assert gallery.reconcile(jobs) == 1
    found = gallery.index.get(record.id)
    assert found.record.path == record.path and found.record.seed == record.seed and found.request.prompt == REQUEST.prompt
    assert gallery.reconcile(jobs) == 0


def test_a_file_that_went_is_not_listed_until_it_is_back(gallery, jobs):
    record = save(gallery.store, 0)
    gallery.reconcile(jobs)
    file = gallery.store.root / record.path
    data = file.read_bytes()
    file.unlink()
    gallery.reconcile(jobs)
    assert gallery.index.find() == []
    file.write_bytes(data)
    gallery.reconcile(jobs)
    assert [item.record.id for item in gallery.index.find()] == [record.id]


def test_the_bin_gives_back_what_it_was_given(gallery, jobs):
    record = save(gallery.store, 0)
    gallery.reconcile(jobs)
    data = gallery.path(record).read_bytes()
    gallery.trash(record)
    assert gallery.index.find() == [] and not (gallery.store.root / record.path).exists()
    assert gallery.reconcile(jobs) == 0, "what lies in the bin is no file that was lost"
    gallery.restore(record)
    assert gallery.path(record).read_bytes() == data and len(gallery.index.find()) == 1


def test_a_result_to_start_from_outlives_its_deletion(gallery, jobs):
    record = save(gallery.store, 0)
    gallery.reconcile(jobs)
    data = gallery.path(record).read_bytes()
    gallery.keep_as_upload(record.id)
    gallery.keep_as_upload(record.id)
    gallery.trash(record)
    assert gallery.path_by_id(record.id).read_bytes() == data


def test_what_a_picture_says_of_itself(gallery):
    record = save(gallery.store, 0)
    assert gallery.parameters(record).startswith("a\n")
    assert request_inside(gallery.path(record)).seed == REQUEST.seed
    upload = gallery.upload(picture(), "ann")
    assert gallery.parameters(upload) == "" and request_inside(gallery.path(upload)) is None


def test_pictures_that_nobody_has_listed_since(gallery):
    record = save(gallery.store, 0)
    assert [each.id for each in gallery.unlisted(record.created.replace(year=2000))] == [record.id]
    assert list(gallery.unlisted(record.created.replace(year=9000))) == []


def test_pictures_that_lie_of_themselves_are_in_the_gallery(tmp_path, gallery, jobs):
    gallery.upload(picture(), "local")
    for lie in LYING:
        write_lie(tmp_path, lie, "png")
    assert gallery.reconcile(jobs) == len(LYING)
    listed = gallery.index.find()
    assert {each.record.path for each in listed} == {f"outputs/{lie}.png" for lie in LYING}
    assert all("cannot be read" in each.record.notes[0] and each.request is None for each in listed)
    assert gallery.reconcile(jobs) == 0


def test_pictures_of_a_drive_that_was_not_there_at_the_start_come_back_with_it(tmp_path, database, jobs):
    drive = tmp_path / "drive"
    drive.mkdir()
    (tmp_path / "outputs").symlink_to(drive)
    gallery = Gallery(ImageStore(tmp_path), database, tmp_path / "thumbs")
    record = save(gallery.store, 0)
    jobs.add_image(record, REQUEST)
    drive.rename(tmp_path / "out")
    gallery.reconcile(jobs)
    assert gallery.sheet.ids(Wanted()) == []
    with pytest.raises(StorageError, match="which is not there"):
        gallery.check_writable()
    (tmp_path / "out").rename(drive)
    gallery.look_again()
    assert gallery.sheet.ids(Wanted()) == [record.id]
    drive.rename(tmp_path / "out")
    drive.mkdir()  # an empty folder, as where a drive is mounted
    gallery.check_writable()
    assert gallery.sheet.ids(Wanted()) == []
    drive.rmdir()
    (tmp_path / "out").rename(drive)
    gallery.check_writable()
    assert gallery.sheet.ids(Wanted()) == [record.id]
