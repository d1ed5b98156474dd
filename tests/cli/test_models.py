"""`models`: one line a file, with its hash on request and what is wrong with it."""

import hashlib

import pytest

from tests.library.test_scan import write
from webui.cli import main


@pytest.fixture
def listed(tmp_path, capsys):
    """The lines that `models` prints, split into words, and what it says beside them."""

    def run(*words):
        assert main(["models", *words, "--data-dir", str(tmp_path), "--models-dir", str(tmp_path / "models")]) == 0
        said = capsys.readouterr()
        return {tuple(line.split()[:2]): line for line in said.out.splitlines()}, said.err

    return run


@pytest.fixture
def models(tmp_path):
    folder = tmp_path / "models"
    write(folder / "Stable-diffusion" / "tiny.safetensors")
    (folder / "Stable-diffusion" / "broken.safetensors").write_bytes(b"no model")
    (folder / "VAE").mkdir(parents=True)
    write(folder / "VAE" / "soft.safetensors")
    return folder


def test_every_kind_is_listed(models, listed):
    lines, err = listed()
    assert {("checkpoint", "tiny"), ("checkpoint", "broken"), ("vae", "soft")} <= set(lines)
    assert str(models / "Stable-diffusion" / "tiny.safetensors") in lines["checkpoint", "tiny"]
    assert err.startswith("Looked into ") and str(models) in err


def test_one_kind_alone(models, listed):
    lines, _ = listed("vae")
    assert ("vae", "soft") in lines and {kind for kind, _ in lines} == {"vae"}


def test_a_broken_file_says_why_and_has_no_hash(models, listed):
    lines, _ = listed("checkpoint", "--hash")
    tiny = (models / "Stable-diffusion" / "tiny.safetensors").read_bytes()
    assert hashlib.sha256(tiny).hexdigest() in lines["checkpoint", "tiny"]
    broken = lines["checkpoint", "broken"]
    assert hashlib.sha256(b"no model").hexdigest() not in broken and broken.rstrip().endswith(".")


def test_a_second_folder(tmp_path, models, listed):
    elsewhere = tmp_path / "elsewhere"
    write(elsewhere / "Stable-diffusion" / "other.safetensors")
    lines, err = listed("checkpoint", "--models-dir", str(elsewhere))
    assert {("checkpoint", "other"), ("checkpoint", "tiny")} <= set(lines) and str(elsewhere) in err
