"""A folder's pictures as an axis: kept as uploads, with words from metadata or text files, masks by name, other files named."""

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.grids.test_runner import Place
from webui.core.grid import FolderWish
from webui.errors import RequestError
from webui.grids.start_pictures import wish_of_folder

REQUEST = {"prompt": "oil painting", "width": 64, "height": 64, "strength": 0.4}


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path / "data")
    yield made
    made.runner.stop()
    made.box.database.close()


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "in"
    made.mkdir()
    said = PngInfo()
    said.add_text("parameters", "a fox\nNegative prompt: blur\nSteps: 4, Sampler: Euler, CFG scale: 7, Seed: 33, Size: 64x64")
    Image.fromarray(np.full((24, 40, 3), 7, np.uint8)).save(made / "a.png", pnginfo=said)
    Image.new("RGB", (40, 24), "red").save(made / "b.jpg")
    (made / "b.txt").write_text("a red\nwall")
    (made / "cut.png").write_bytes((made / "a.png").read_bytes()[:60])
    (made / "notes.doc").write_text("x")
    return made


def taken(place, folder, **fields):
    wish, passed_over = wish_of_folder(FolderWish(folder=str(folder), request=REQUEST, **fields), place.box.gallery, "ann")
    return wish, {value["name"]: value for value in wish.axes[0].values}, {each.name: each.why for each in passed_over}


def test_every_picture_becomes_a_job_and_other_files_are_named(place, folder):
    wish, pictures, others = taken(place, folder)
    assert list(pictures) == ["a.png", "b.jpg"] and set(others) == {"b.txt", "cut.png", "notes.doc"}
    assert "prompt" not in pictures["a.png"] and "width" not in wish.request and wish.title == "in"
    grid = place.grids.create(wish, "ann")
    place.runner.feed(grid.id)
    assert [job.request.init for job in place.jobs()] == [value["init"] for value in pictures.values()]
    assert {(job.request.mode, job.request.prompt, job.request.strength) for job in place.jobs()} == {("img2img", "oil painting", 0.4)}
    place.again()  # a death of web loses nothing and makes nothing twice
    place.runner.feed(grid.id)
    place.finish()
    assert place.grids.get(grid.id).counts == {"done": 2}


def test_words_come_from_metadata_or_from_files_beside(place, folder):
    _, pictures, _ = taken(place, folder, prompts="metadata", own_sizes=False)
    assert (pictures["a.png"]["prompt"], pictures["a.png"]["negative_prompt"]) == ("oil painting, a fox", "blur")
    assert pictures["a.png"]["seed"] == 33 and "prompt" not in pictures["b.jpg"]
    _, pictures, others = taken(place, folder, prompts="files")
    assert pictures["b.jpg"]["prompt"] == "oil painting, a red wall" and "prompt" not in pictures["a.png"] and "b.txt" not in others
    (folder / "b.txt").write_text("x" * 100_001)
    _, pictures, others = taken(place, folder, prompts="files")
    assert list(pictures) == ["a.png"] and "100001 letters" in others["b.jpg"]


def test_masks_are_found_by_name(place, folder, tmp_path):
    masks = tmp_path / "masks"
    masks.mkdir()
    Image.new("L", (40, 24), 255).save(masks / "b.png")
    wish, pictures, _ = taken(place, folder, masks=str(masks))
    grid = place.grids.create(wish, "ann")
    place.runner.feed(grid.id)
    assert "mask" not in pictures["a.png"]
    assert [(job.request.mode, bool(job.request.mask)) for job in place.jobs()] == [("img2img", False), ("inpaint", True)]


@pytest.mark.parametrize("name", ["", "nothing", "empty"])
def test_what_is_no_folder_of_pictures_is_a_sentence(place, tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(RequestError) as caught:
        taken(place, tmp_path / name if name else "here")
    assert caught.value.field == "folder" and caught.value.message[-1] == "."
