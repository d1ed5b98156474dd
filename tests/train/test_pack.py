"""Art in one file: what goes in comes out, premultiplied, and only what every style has."""

import json
import zipfile

import pytest
import torch
from PIL import Image

from webui.train.default_model import art, bank, pack
from webui.train.default_model.concepts import Concept

APPLE = Concept(code="1f34e", label="red apple", group="food-drink", subgroup="food-fruit", words=("red apple", "apple"))
CAT = Concept(code="1f408", label="cat", group="animals-nature", subgroup="animal-mammal", words=("cat",))


@pytest.fixture
def packages(tmp_path):
    """A package of vector art with both concepts, and one of pictures with the apple only."""
    vector, pictures = tmp_path / "vector", tmp_path / "pictures"
    vector.mkdir()
    (pictures / "assets").mkdir(parents=True)
    body = '<rect x="4" y="4" width="24" height="24" fill="#dc1e1e"/>'
    icons = {"icons": {"red-apple": {"body": body}, "cat": {"body": body, "height": 16}}, "width": 32, "height": 32}
    (vector / "icons.json").write_text(json.dumps(icons))
    (vector / "chars.json").write_text(json.dumps({"1f34e": "red-apple", "1f408": "cat"}))
    Image.new("RGBA", (256, 256), (0, 200, 0, 128)).save(pictures / "assets" / "1f34e.webp", lossless=True)
    return {"flat icon": vector, "3d render": pictures}


@pytest.fixture
def packed(packages, tmp_path):
    drawn = {style: art.drawings(path, [APPLE, CAT], pack.SIDE) for style, path in packages.items()}
    pack.save(tmp_path / "art.zip", [APPLE, CAT], ["r e", "re d</w>"], drawn, lambda line: None)
    return tmp_path / "art.zip"


def test_both_kinds_of_package_give_squares_of_the_size(packages):
    for style, path in packages.items():
        codes, draw = art.drawings(path, [APPLE, CAT], 64)
        assert codes == ({APPLE.code, CAT.code} if style == "flat icon" else {APPLE.code})
        assert draw(APPLE.code).size == (64, 64)


def test_only_what_every_style_has_is_packed(packed):
    found = pack.Pack(packed)
    assert found.concepts == (APPLE,)
    assert found.styles == ("flat icon", "3d render")
    assert found.vocabulary.merges == ("r e", "re d</w>")
    assert found.has("3d render", APPLE)
    assert not found.has("3d render", CAT)


def test_pictures_come_back_premultiplied(packed):
    found = pack.Pack(packed)
    flat, glass = found.picture("flat icon", APPLE, 32), found.picture("3d render", APPLE, 32)
    assert flat[:, 0, 0].tolist() == [0, 0, 0, 0]
    assert (flat[:, 16, 16].int() - torch.tensor([220, 30, 30, 255])).abs().max() < 12
    assert (glass[:, 16, 16].int() - torch.tensor([0, 100, 0, 128])).abs().max() < 8


def test_a_bank_is_drawn_once_per_style_and_size(packed, tmp_path):
    first = bank.load(packed, ("flat icon", "3d render"), 64, "cpu", tmp_path)
    kept = sorted(path.name for path in tmp_path.glob("bank-*.pt"))
    assert kept == ["bank-3d-render-56-1.pt", "bank-flat-icon-56-1.pt"]
    assert first.art.shape == (2, 1, 4, 56, 56)
    assert torch.equal(bank.load(packed, ("flat icon", "3d render"), 64, "cpu", tmp_path).art, first.art)


def test_a_style_that_is_not_packed_is_named(packed):
    with pytest.raises(SystemExit, match="cartoon"):
        bank.load(packed, ("cartoon",), 64, "cpu")


def test_a_pack_is_whole_or_not_there(packed):
    assert not packed.with_name("art.zip.part").exists()
    with zipfile.ZipFile(packed) as made:
        assert made.testzip() is None
