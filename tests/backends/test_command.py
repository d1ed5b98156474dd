"""`generate --where`: a picture from a provider without a running Darkroom, and what is wrong said on standard error."""

import pytest
from PIL import Image

from tests.backends.replicate_server import ReplicateServer
from webui.cli import main


@pytest.fixture
def replicate(monkeypatch):
    server = ReplicateServer()
    monkeypatch.setenv("REPLICATE_BASE_URL", server.url)
    monkeypatch.setenv("REPLICATE_API_TOKEN", server.key)
    yield server
    server.close()


def generate(folder, *words):
    return main(["generate", "--where", "replicate", "a red apple", "-o", str(folder / "out.png"), "--data-dir", str(folder), *words])


def test_a_picture_from_the_command_line(replicate, tmp_path, capsys):
    replicate.faults = [(503, {"Retry-After": "0"}, {"detail": "busy"})]
    assert generate(tmp_path, "--checkpoint", "owner/name", "--seed", "7") == 0
    with Image.open(tmp_path / "out.png") as image:
        assert image.getpixel((3, 3)) == (200, 30, 30) and "Where: replicate" in image.info["parameters"]
    told = capsys.readouterr()
    assert f"Replicate is at {replicate.url}." in told.err and "has a fault of its own (503): busy." in told.err
    assert replicate.key not in told.out + told.err and len(replicate.predictions) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--checkpoint", "name"), "checkpoint: 'name' is no model of Replicate"),
        (("--checkpoint", "owner/name", "--where", "nowhere"), "where: There is no place named 'nowhere'"),
        (("--checkpoint", "owner/name", "--where", "darkroom://"), "where: 'darkroom://' is no other machine"),
        (("--checkpoint", "owner/name", "--steps", "99"), "steps: Sampling steps must be between 1 and 50"),
    ],
)
def test_what_is_wrong_is_a_sentence(replicate, tmp_path, capsys, words, said):
    assert generate(tmp_path, *words) == 2
    told = capsys.readouterr().err
    assert said in told and "Traceback" not in told
    assert replicate.predictions == {} and not (tmp_path / "out.png").exists()
