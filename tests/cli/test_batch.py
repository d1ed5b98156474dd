"""`batch` makes one request over many pictures, with words of their own, and goes on where it ended."""

import pytest
from PIL import Image

from webui.cli import main
from webui.images.metadata import read_metadata


@pytest.fixture
def batch(capsys, tmp_path):
    def run(*words):
        try:
            code = main(["batch", "--quiet", "--data-dir", str(tmp_path / "data"), *(str(word) for word in words)])
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_folder_and_again(batch, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name, size in (("a", (80, 64)), ("b", (64, 64))):
        Image.new("RGB", size, "red").save(folder / f"{name}.png")
    (folder / "b.txt").write_text("a green pear")
    (folder / "list.md").write_text("a list")
    words = (folder, "-o", out, "--prompt", "a drawing", "--prompts", "files", "--steps", "2", "--strength", "0.5", "--seed", "3")
    code, made, err = batch(*words)
    assert code == 0, err
    assert "Passed over: list.md" in err and "b.txt" not in err, "which was read"
    assert [path.name for path in sorted(out.iterdir())] == ["a.png", "b.png"]
    one, other = (read_metadata(out / name) for name in ("a.png", "b.png"))
    assert (one.fields["prompt"], one.fields["width"], one.fields["height"], one.fields["seed"]) == ("a drawing", 80, 64, 3)
    assert other.fields["prompt"] == "a drawing, a green pear"
    (out / "a.png").unlink()
    code, made, _ = batch(*words)
    assert code == 0 and made.split() == [str(out / "a.png")]
    code, _, err = batch(folder, "-o", tmp_path / "other", "--strength", "7")
    assert code == 2 and "strength" in err


def test_a_mask_is_found_by_its_picture_s_name_whatever_that_is(batch, tmp_path):
    folder, masks, out = (tmp_path / name for name in ("in", "masks", "out"))
    folder.mkdir()
    masks.mkdir()
    half = Image.new("L", (64, 64))
    half.paste(255, (0, 0, 32, 64))
    for name in ("a[1]", "a1"):
        Image.new("RGB", (64, 64), "red").save(folder / f"{name}.png")
    half.save(masks / "a[1].png")
    code, _, err = batch(folder, "-o", out, "--masks", masks, "--prompt", "x", "--steps", "1")
    assert code == 0, err
    assert {name: read_metadata(out / f"{name}.png").mode for name in ("a[1]", "a1")} == {"a[1]": "inpaint", "a1": "img2img"}
    code, _, err = batch(folder, "-o", out, "--masks", tmp_path / "none")
    assert code == 2 and "is no folder" in err
