"""The pictures that `bench gallery` makes are such as jobs leave behind."""

from webui.bench.gallery import QUERIES, make
from webui.db import open_database
from webui.gallery.index import ImageIndex
from webui.gallery.query import parse_query
from webui.gallery.reconcile import reconcile
from webui.gallery.sheet import ContactSheet, Wanted
from webui.jobs.store import JobStore


def test_all_are_there_and_are_found(tmp_path):
    ids = make(tmp_path, 60)
    database = open_database(tmp_path)
    index = ImageIndex(database)
    assert reconcile(tmp_path, JobStore(database), index) == 0, "no file is without a row"
    assert index.total() == len(set(ids)) == 60
    assert [image.record.id for image in index.find(limit=60)] == ids[::-1]
    assert len({image.marks.session for image in index.find(limit=60)}) == 5
    found = {q: ContactSheet(database).total(Wanted(owner=None, query=parse_query(q))) for q in QUERIES}
    assert any(found.values()) and all(count < 60 for count in found.values()), found


def test_when_all_files_are_gone_all_are_missing(tmp_path):
    """A drive that is not plugged in: a set of them was made for each of them."""
    make(tmp_path, 60)
    (tmp_path / "outputs").rename(tmp_path / "elsewhere")
    database = open_database(tmp_path)
    index = ImageIndex(database)
    reconcile(tmp_path, JobStore(database), index)
    assert index.total() == 0
    (tmp_path / "elsewhere").rename(tmp_path / "outputs")
    reconcile(tmp_path, JobStore(database), index)
    assert index.total() == 60
