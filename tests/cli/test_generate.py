"""`generate` writes the picture it was asked for, replays it exactly, and says what is wrong.

The first picture is made by the command as a process; the rest calls the same `main` here, where torch is loaded once.
"""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from webui.cli import main
from webui.cli.output import names, place
from webui.errors import StorageError
from webui.ui.known import NameMatcher

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def darkroom(capsys, monkeypatch):
    """Run a command in this process: its code and what it said."""
    monkeypatch.chdir(ROOT)

    def run(*words):
        try:
            code = main([str(word) for word in words])
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        return SimpleNamespace(returncode=code, stdout=said.out, stderr=said.err)

    return run


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture(scope="module")
def apple(tmp_path_factory):
    path = tmp_path_factory.mktemp("generate") / "apple.png"
    words = "--steps 4 --seed 1 --schedule Karras --size 128x128 --sampler".split()
    command = [sys.executable, "-m", "webui", "generate", "a red apple", "-o", path, *words, "DPM++ 2M", "--data-dir", path.parent]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=240)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(path)
    return path


def test_the_file_is_written_with_how_it_was_made(apple):
    with Image.open(apple) as image:
        assert image.size == (128, 128)
        text = image.info["parameters"]
    assert text.startswith("a red apple\nSteps: 4, Sampler: DPM++ 2M, Schedule type: Karras,") and "Seed: 1" in text


def test_a_picture_is_made_again_from_itself_bit_for_bit_and_compare_says_so(darkroom, apple, tmp_path):
    again = tmp_path / "again.png"
    done = darkroom("generate", "--from", apple, "-o", again, "--data-dir", apple.parent)
    assert done.returncode == 0, done.stderr
    assert np.array_equal(pixels(apple), pixels(again))
    same = darkroom("compare", apple, again)
    assert same.returncode == 0 and "PSNR inf" in same.stdout
    other = tmp_path / "other.webp"
    assert darkroom("generate", "--from", apple, "-o", other, "--seed", 2, "--data-dir", apple.parent).returncode == 0
    differs = darkroom("compare", apple, other)
    assert differs.returncode == 1 and "seed: 1 | 2" in differs.stdout


def test_a_picture_made_of_another_is_made_again(darkroom, apple, tmp_path):
    """The picture it started from is kept among the uploads."""
    green, again = tmp_path / "green.png", tmp_path / "again.png"
    words = ("--init", apple, "--strength", 0.6, "--steps", 4)
    assert darkroom("generate", "a green apple", *words, "-o", green, "--data-dir", apple.parent).returncode == 0
    done = darkroom("generate", "--from", green, "-o", again, "--data-dir", apple.parent)
    assert done.returncode == 0, done.stderr
    assert np.array_equal(pixels(green), pixels(again)) and not np.array_equal(pixels(green), pixels(apple))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("x", "--steps", "0"), "steps: Sampling steps must be between 1 and 1000."),
        (("x", "--size", "big"), "size: 'big' is not a size"),
        (("x", "--size", "100x128"), "Nearest"),
        (("x", "--sampler", "Eular"), "sampler: There is no sampler named 'Eular'"),
        (("x", "--checkpoint", "nowhere"), "checkpoint: There is no checkpoint named 'nowhere'"),
        (("x", "-o", "picture.gif"), "write a .png, .jpg or .webp file"),
        (("x", "-o", "launch.py/out.png"), "launch.py/out.png cannot be written"),
        (("x", "-o", "webui/" + "🍎" * 80 + ".png"), ".png cannot be written: File name too long"),
        (("x", "-o", "docs/samples/.png/../../samples"), "write a .png"),
        (("x", "--init", "nowhere.png"), "init: nowhere.png cannot be read"),
        (("x", "--init", "launch.py"), "init: launch.py: This file is not a picture"),
        (("x", "--mask", "docs/screenshot.png"), "init: Choose a picture first"),
        (("x", "--sampler", "nothing like it"), "There are DPM++ 2M"),
        (("--from", "launch.py"), "does not say how it was made"),
        (("x", "--models-dir", "."), ""),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(darkroom, tmp_path, words, said):
    if said == "":
        (tmp_path / "broken.safetensors").write_bytes(b"no weights")
        words, said = ("x", "--checkpoint", str(tmp_path / "broken.safetensors")), "is not a whole safetensors file"
    output = [] if "-o" in words else ["-o", tmp_path / "out.png"]
    done = darkroom("generate", *words, *output, "--data-dir", tmp_path)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out.png").exists()


def test_names_of_several():
    assert [path.name for path in names(Path("a/apple.png"), 2)] == ["apple-1.png", "apple-2.png"]
    assert names(Path("apple.png"), 1) == [Path("apple.png")]


def test_a_folder_of_that_name_is_no_file(darkroom, tmp_path):
    (tmp_path / "out.png").mkdir()
    done = darkroom("generate", "x", "-o", tmp_path / "out.png", "--data-dir", tmp_path)
    assert done.returncode == 2 and "out.png is a folder. Write the name of a file, such as out.png/out.png." in done.stderr


def test_pictures_that_find_no_place_are_kept_and_named(tmp_path):
    saved = [tmp_path / f"{number}.tmp" for number in range(3)]
    for path in saved:
        path.write_text(path.stem)
    for number in (1, 3):  # as if they had come while the pictures were made
        (tmp_path / f"out-{number}.png").mkdir()
    with pytest.raises(StorageError, match=r"out-3\.png cannot be written: it is a folder\. The pictures are kept: ") as caught:
        place(saved, tmp_path / "out.png", ())
    kept = [Path(name) for name in str(caught.value).partition("kept: ")[2].rstrip(".").split(", ")]
    assert [path.read_text() for path in kept] == ["0", "2"] and (tmp_path / "out-2.png").read_text() == "1"


def test_models_and_help(darkroom):
    assert "checkpoint" in darkroom("models", "checkpoint").stdout
    assert "--mask-blur" in darkroom("generate", "--help").stdout
    assert darkroom("--version").stdout.startswith("Darkroom")


def test_what_a_foreign_text_says_in_vain_is_told(darkroom, tmp_path):
    text = "a red apple\nSteps: 1, Sampler: Euler, CFG scale: 1, Seed: 1, Size: 64x64, RNG: CPU, Wobble: 3"
    theirs, facts = tmp_path / "theirs.png", PngInfo()
    facts.add_text("parameters", text)
    Image.new("RGB", (8, 8)).save(theirs, pnginfo=facts)
    done = darkroom("generate", "--from", theirs, "-o", tmp_path / "ours.png", "--quiet", "--data-dir", tmp_path)
    assert done.returncode == 0 and "Left out: Wobble: 3" in done.stderr
    assert pixels(tmp_path / "ours.png").shape == (64, 64, 3)


def test_names_that_are_not_here_are_left_out_as_on_the_page(darkroom, tmp_path):
    """The page's words for the same text are in tests/ui/test_routes.py; a flag wins and is not told."""
    line = "Steps: 1, Sampler: Some New Sampler, CFG scale: 1, Seed: 1, Size: 64x64, Model hash: 0123456789, Model: elsewhere, RNG: CPU"
    theirs, facts = tmp_path / "theirs.png", PngInfo()
    facts.add_text("parameters", f"a red apple <lora:other:1>\n{line}, VAE: their vae, Hires upscale: 1.5, Hires upscaler: 4x-UltraSharp")
    Image.new("RGB", (8, 8)).save(theirs, pnginfo=facts)
    words = ("generate", "--from", theirs, "-o", tmp_path / "ours.png", "--quiet", "--data-dir", tmp_path)
    done = darkroom(*words)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("Left out: ")] == [
        "Left out: Stable Diffusion checkpoint: elsewhere (not here)",
        "Left out: SD VAE: their vae (not here)",
        "Left out: Sampling method: Some New Sampler (not here)",
        "Left out: Upscaler: 4x-UltraSharp (not here)",
        "Left out: LoRA: other (not here)",
    ]
    assert "Some New Sampler" not in darkroom(*words, "--sampler", "Euler", "--hires-upscaler", "Latent").stderr


def test_another_servers_names_are_asked_for():
    known = NameMatcher.told(
        {"samplers": [{"name": "Euler"}], "schedules": [], "models": {"checkpoint": [{"name": "mine"}]}, "upscalers": []}
    )
    placed, missing = known.match_fields({"checkpoint": "mine [0123456789]", "sampler": "k_euler", "vae": "x", "hires": {"upscaler": "y"}})
    assert placed == {"checkpoint": "mine", "sampler": "Euler", "hires": {}}
    assert missing == ["SD VAE: x (not here)", "Upscaler: y (not here)"]
