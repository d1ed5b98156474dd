"""A picture written just before a death is found again by what it says of itself."""

import json
import os
from datetime import UTC, datetime

import pytest
from PIL import Image

from tests.whole_requests import resolved
from webui.gallery.scan import find_images
from webui.images.metadata import GenerationInfo, encoder, read_metadata, texts_encoder, why_unread
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


def test_pictures_behind_links_are_found_once(tmp_path):
    lost = save(ImageStore(tmp_path), 0)
    (tmp_path / "drive").mkdir()
    (tmp_path / lost.path).parent.rename(tmp_path / "drive" / "month")
    (tmp_path / lost.path).parent.symlink_to(tmp_path / "drive" / "month")
    (tmp_path / "drive" / "month" / "round").symlink_to(tmp_path / "outputs")
    assert [found.path for found in find_images(tmp_path, ())] == [lost.path]


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


def own(**changes):
    return {"request": REQUEST.model_dump(mode="json"), "index": 0, "facts": {"job_id": "j1"}} | changes


LYING = {
    "notes": json.dumps(own(facts={"job_id": "j1", "notes": 5})),
    "notes-numbers": json.dumps(own(facts={"job_id": "j1", "notes": [1]})),
    "digits": json.dumps(own(index="INDEX")).replace('"INDEX"', "9" * 5000),
    "far": json.dumps(own(index=2**70)),
    "facts": json.dumps(own(facts=[1, 2])),
    "request": json.dumps(own(request=["a", "b"])),
    "deeper": "[" * 50_000,
    "long-id": json.dumps(own(facts={"job_id": "j" * 1000})),
    "half": json.dumps(own())[:100],
    "mode": json.dumps(own(request={"mode": ["x"], "prompt": 1}, index=-1)),
}


def write_lie(folder, lie, format):
    path = folder / "outputs" / f"{lie}.{format}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        texts_encoder({OWN: LYING[lie]})(Image.new("RGB", (64, 48)), stream, format, 90)
    return path


@pytest.mark.parametrize("lie", LYING)
@pytest.mark.parametrize("format", ["png", "webp"])
def test_a_picture_that_lies_of_itself_is_listed_with_a_word_on_it(tmp_path, capsys, lie, format):
    path = write_lie(tmp_path, lie, format)
    (found,) = find_images(tmp_path, ())
    assert (found.path, found.job_id, found.width, found.height) == (f"outputs/{lie}.{format}", None, 64, 48)
    assert "cannot be read" in found.notes[0] and capsys.readouterr().err == ""
    reading = read_metadata(path)
    assert "not as Darkroom writes it" in why_unread(path) if reading is None else reading.source


def test_a_picture_whose_record_is_nested_without_end_is_listed_with_its_job(tmp_path, monkeypatch):
    deep = json.dumps(own(request="REQUEST")).replace('"REQUEST"', '{"prompt":"a fox","extras":' + '{"x":' * 900 + "{}" + "}" * 901)
    monkeypatch.setitem(LYING, "deep", deep)
    path = write_lie(tmp_path, "deep", "png")
    (found,) = find_images(tmp_path, ())
    assert found.job_id == "j1" or found.notes
    reading = read_metadata(path)
    assert "not as Darkroom writes it" in why_unread(path) if reading is None else reading.fields["prompt"] == "a fox"
