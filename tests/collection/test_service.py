"""The collection follows the disk: files that come, change and go are told, and hashed once in the background."""

import json
import os
import queue
import shutil

import pytest

from tests.library.test_scan import LORA, write
from tests.waiting import until
from webui.collection.notes import Notes, NoteStore
from webui.collection.service import Collection
from webui.collection.watch import changes
from webui.db import open_database
from webui.library import Library

PATIENCE_S = 60
"""Only for a machine that does nothing at all: what is waited for comes within two seconds."""


class Told:
    """What was published, in order."""

    def __init__(self):
        self._messages = queue.Queue()

    def publish(self, kind, body):
        self._messages.put((kind, body))

    def until(self, kind, fits=bool):
        """The next message of this kind that fits."""
        while True:
            found, body = self._messages.get(timeout=PATIENCE_S)
            if found == kind and fits(body):
                return body


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def notes(tmp_path):
    database = open_database(tmp_path)
    yield NoteStore(database)
    database.close()


@pytest.fixture
def collection(tmp_path, told, notes):
    write(tmp_path / "models" / "Lora" / "one.safetensors", LORA)
    library = Library([tmp_path / "models"], tmp_path / "library.json")
    collection = Collection(library, notes, told.publish, lambda: False, lambda: True)
    collection.start()
    told.until("hashing", lambda body: body["done"] == 1)
    yield collection
    collection.stop()


def test_a_file_that_comes_changes_and_goes_is_told(collection, told, tmp_path):
    folder = tmp_path / "models" / "Lora"
    write(folder / "two.safetensors", LORA)
    assert "lora/two" in told.until("models", lambda body: body["added"])["added"]
    with (folder / "two.safetensors").open("r+b") as file:  # in place: no folder changes
        file.seek(-1, os.SEEK_END)
        file.write(b"x")
    assert "lora/two" in told.until("models", lambda body: body["changed"])["changed"]
    (folder / "two.safetensors").unlink()
    assert told.until("models", lambda body: body["removed"])["removed"] == ["lora/two"]


def test_a_new_folder_and_what_is_in_it_is_told(collection, told, tmp_path):
    write(tmp_path / "away" / "sub" / "three.safetensors")
    shutil.move(tmp_path / "away", tmp_path / "models" / "Stable-diffusion")
    assert told.until("models")["added"] == ["checkpoint/sub/three"]
    write(tmp_path / "models" / "Stable-diffusion" / "sub" / "four.safetensors")
    assert told.until("models", lambda body: body["added"])["added"] == ["checkpoint/sub/four"]


def test_new_files_are_hashed_in_the_background(collection, told, tmp_path):
    write(tmp_path / "models" / "Lora" / "two.safetensors", LORA, {"a": "b"})
    told.until("hashing", lambda body: body["done"] == 2 and not body["current"])
    model = next(model for model in collection.library.models("lora") if model.name == "two")
    known = collection.library.hashes(model)
    assert len(known.sha256) == 64 and len(known.autov3) == 12
    assert Library([tmp_path / "models"], tmp_path / "library.json").hashes(model) == known


def test_what_is_only_half_here_is_listed_with_its_error_and_then_whole(collection, told, tmp_path):
    source = write(tmp_path / "two.safetensors", LORA).read_bytes()
    path = tmp_path / "models" / "Lora" / "two.safetensors"
    path.write_bytes(source[:-10])
    told.until("models", lambda body: "lora/two" in body["added"])
    assert "cut off" in next(model.error for model in collection.library.models("lora") if model.name == "two")
    path.write_bytes(source)
    until(lambda: not any(model.error for model in collection.library.models("lora")))


def test_hashing_can_be_switched_off(tmp_path, told, notes):
    write(tmp_path / "Lora" / "one.safetensors", LORA)
    collection = Collection(Library([tmp_path]), notes, told.publish, lambda: False, lambda: False)
    collection.start()
    collection.stop()
    assert collection.hashing().done == 0 and collection.hashing().total == 1


def test_changes_names_what_is_new_gone_and_different(tmp_path):
    write(tmp_path / "Lora" / "one.safetensors", LORA)
    write(tmp_path / "Lora" / "two.safetensors", LORA)
    library = Library([tmp_path])
    before = library.scan()
    (tmp_path / "Lora" / "one.safetensors").unlink()
    write(tmp_path / "Lora" / "two.safetensors", LORA, {"a": "b"})
    write(tmp_path / "Lora" / "three.safetensors", LORA)
    change = changes(before, library.scan())
    assert (change.added, change.removed, change.changed) == (("lora/three",), ("lora/one",), ("lora/two",))


def test_what_another_darkroom_has_exported_is_kept_here_until_it_is_changed(tmp_path, told, notes):
    here, there = tmp_path / "here" / "Stable-diffusion", tmp_path / "there" / "Stable-diffusion"
    write(there / "fox.safetensors")
    first = Collection(Library([there.parent]), notes, told.publish, lambda: False, lambda: False)
    model_id = first.entries()[0].card.id
    defaults = {"steps": 7, "sampler": "Euler"}
    kept = {"notes": "good", "favourite": True, "tags": ("red",), "trigger": "fxx", "weight": 0.5, "defaults": defaults}
    first.change(model_id, kept)
    first.export(model_id)
    here.mkdir(parents=True)
    for path in there.iterdir():
        shutil.copy(path, here)
    database = open_database(tmp_path / "data")
    collection = Collection(Library([here.parent]), NoteStore(database), told.publish, lambda: False, lambda: False)
    collection.start()  # nobody has asked for a list yet
    try:
        until(lambda: collection.library.models("checkpoint")[0].native.steps == 7)
        found = collection.entries()[0]
        assert found.card.kept.model_dump() == kept and found.card.tags == ("red",) and found.model.native.sampler == "Euler"
        new = collection.change(found.card.id, {"notes": "", "defaults": {}, "favourite": False}).card.kept
        assert (new.notes, new.defaults, new.favourite, new.trigger) == ("", {}, False, "fxx"), "what was cleared does not come back"
        assert collection.library.models("checkpoint")[0].native.steps == 20
    finally:
        collection.stop()
        database.close()


@pytest.mark.parametrize(
    "own",
    [
        {"defaults": {"steps": -1, "wid": 5, "sampler": [], "height": 64}},
        {"defaults": [], "tags": "x", "weight": "heavy", "favourite": "perhaps", "notes": {}},
        {"trigger": "x" * 9000, "colour": 5},
        [1],
        "x",
    ],
)
def test_what_others_write_under_our_name_is_taken_as_far_as_it_can_be_kept(tmp_path, told, notes, own):
    path = write(tmp_path / "Stable-diffusion" / "fox.safetensors")
    path.with_suffix(".json").write_text(json.dumps({"darkroom": own}))
    collection = Collection(Library([tmp_path]), notes, told.publish, lambda: False, lambda: False)
    kept = collection.entries()[0].card.kept
    assert kept.model_dump(exclude={"defaults"}) == Notes().model_dump(exclude={"defaults"}) and kept.defaults in ({}, {"height": 64})
