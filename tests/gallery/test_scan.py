"""A picture written just before a death is found again by what it says of itself."""

import json
import os
from datetime import UTC, datetime

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.whole_requests import resolved
from webui.gallery.scan import find_images
from webui.images.metadata import GenerationInfo, encoder
from webui.images.store import ImageStore, Origin
from webui.images.text_chunks import OWN

REQUEST = resolved(prompt="a", seed=5)


def save(store, index, job_id="j1"):
    encode = encoder(REQUEST, index, GenerationInfo(job_id=job_id, notes=("n",)))
    return store.save(
        Image.new("RGB", (64, 64)), REQUEST, encode, Origin(job_id=job_id, owner="local", index=index, seed=5 + index, notes=("n",))
    )


def test_pictures_without_a_row_are_found(tmp_path):
    store = ImageStore(tmp_path)
    known, lost = save(store, 0), save(store, 1)
    (found,) = find_images(tmp_path, {known.path})
    assert found.model_copy(update={"created": lost.created}) == lost


def test_every_format_is_found(tmp_path):
    for format in ("png", "jpeg", "webp"):
        save(ImageStore(tmp_path, format=format), 0, job_id=format)
    assert sorted(record.job_id for record in find_images(tmp_path, ())) == ["jpeg", "png", "webp"]


def test_strangers_and_broken_files_are_left_alone(tmp_path):
    record = save(ImageStore(tmp_path), 0)
    whole = (tmp_path / record.path).read_bytes()
    (tmp_path / "outputs" / "half.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "outputs" / "notes.txt").write_text("hello")
    (tmp_path / "outputs" / ".tmp.part").write_bytes(whole)
    Image.new("RGB", (8, 8)).save(tmp_path / "outputs" / "stranger.png")
    assert [found.path for found in find_images(tmp_path, ())] == [record.path]


def test_older_files_are_left_out(tmp_path):
    record = save(ImageStore(tmp_path), 0)
    os.utime(tmp_path / record.path, (1_000_000, 1_000_000))
    assert find_images(tmp_path, (), since=datetime(2020, 1, 1, tzinfo=UTC)) == []
    assert len(find_images(tmp_path, (), since=datetime(1970, 1, 2, tzinfo=UTC))) == 1


def test_no_outputs_yet(tmp_path):
    assert find_images(tmp_path, ()) == []


def test_a_picture_that_says_odd_things_of_itself_is_no_broken_file(tmp_path, capsys):
    store = ImageStore(tmp_path)
    info = PngInfo()
    own = {"request": REQUEST.model_dump(mode="json"), "index": 0, "facts": {"job_id": "j1", "notes": 5}}
    info.add_itxt(OWN, json.dumps(own))
    path = store.root / "outputs" / "odd.png"
    path.parent.mkdir(parents=True)
    Image.new("RGB", (64, 64)).save(path, pnginfo=info)
    assert find_images(tmp_path, ()) == []
    said = capsys.readouterr().err
    assert "it is a picture" in said and "broken" not in said
