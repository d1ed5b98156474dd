"""`models get`: prints where the model lies, goes on where it was, and fails with a sentence."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.downloads.fakes import Site
from tests.library.test_said import SD1_LORA
from tests.library.test_scan import write
from webui.cli import main
from webui.collection.notes import Notes, NoteStore
from webui.db import open_database
from webui.library import Library


@pytest.fixture
def site(tmp_path, monkeypatch):
    site = Site()
    site.repository("owner/fox", {"fox.safetensors": write(tmp_path / "source", SD1_LORA).read_bytes()}, cardData={"license": "mit"})
    monkeypatch.setenv("HF_ENDPOINT", site.url)
    yield site
    site.close()


def call(tmp_path, *words):
    return main(["models", "get", *words, "--data-dir", str(tmp_path), "--models-dir", str(tmp_path / "models")])


def test_a_model_is_fetched_and_its_place_printed(tmp_path, site, capsys):
    assert call(tmp_path, "hf:owner/fox", "--look") == 0
    assert "mit" in capsys.readouterr().err and not (tmp_path / "models").exists()
    assert call(tmp_path, "hf:owner/fox") == 0
    place = tmp_path / "models" / "Lora" / "fox.safetensors"
    assert capsys.readouterr().out.strip() == str(place) and place.exists()


def test_a_search_says_what_each_model_is_and_takes(tmp_path, site, capsys):
    site.bodies["/api/models"] = [{"id": "owner/fox"}]
    words = ["models", "search", "red", "fox", "--site", "hf", "--data-dir", str(tmp_path), "--models-dir", str(tmp_path / "models")]
    assert main(words) == 0
    told = capsys.readouterr()
    assert told.out.startswith("hf:owner/fox\n") and "mit" in told.out and "Asked 127.0.0.1" in told.err
    asked = len(site.asked)
    assert main([*words, "--offline"]) == 1 and "offline" in capsys.readouterr().err and len(site.asked) == asked
    assert main(words[:2] + words[4:]) == 2


def test_a_kind_that_cannot_be_told_is_asked_for_as_the_command_line_takes_it(tmp_path, site, capsys):
    site.repository("owner/odd", {"odd.safetensors": write(tmp_path / "odd", {"zzz": (3, 3)}).read_bytes()})
    assert call(tmp_path, "hf:owner/odd") == 1 and "--as KIND" in capsys.readouterr().err
    assert call(tmp_path, "hf:owner/odd", "--as", "vae") == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "models" / "VAE" / "odd.safetensors")


def test_what_goes_wrong_is_said_and_the_rest_is_fetched(tmp_path, site, capsys):
    assert call(tmp_path, "hf:owner/none", "nonsense", "hf:owner/fox") == 1
    told = capsys.readouterr()
    assert "nothing at this address" in told.err and "no address of a model" in told.err and "fox.safetensors" in told.out


def test_offline_and_nothing_to_get(tmp_path, site, capsys):
    assert call(tmp_path, "hf:owner/fox", "--offline") == 1
    assert "offline" in capsys.readouterr().err and site.seen == []
    assert call(tmp_path) == 2


def test_a_model_is_converted_by_name_and_what_is_unknown_is_said(tmp_path, capsys):
    folder = tmp_path / "models" / "Lora"
    path = write(folder / "fox.safetensors", SD1_LORA)
    words = [
        "models",
        "convert",
        path.stem,
        "none",
        "--to",
        "bfloat16",
        "--data-dir",
        str(tmp_path),
        "--models-dir",
        str(tmp_path / "models"),
    ]
    assert main(words) == 1
    told = capsys.readouterr()
    made = folder / f"{path.stem}-bf16.safetensors"
    assert told.out.strip() == str(made) and made.exists() and "none: there is no such model" in told.err
    assert main(words[:2] + words[4:]) == 2


def test_a_conversion_that_is_ended_leaves_nothing_half(tmp_path):
    """As the server ends one that is stopped on the page."""
    folder = tmp_path / "models" / "VAE"
    folder.mkdir(parents=True)
    save_file({f"decoder.{number}": np.zeros((1000, 10_000), np.float32) for number in range(20)}, folder / "big.safetensors")
    words = ["models", "convert", "big", "--to", "float16", "--data-dir", tmp_path, "--models-dir", tmp_path / "models"]
    process = subprocess.Popen([sys.executable, "-m", "webui", *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (begun := list(folder.glob(".*.part"))) and process.poll() is None:
        time.sleep(0.001)
    process.terminate()
    assert begun and process.wait(120) == 128 + signal.SIGTERM
    assert [path.name for path in folder.iterdir()] == ["big.safetensors"]


def test_what_is_twice_or_unused_is_listed_and_put_away_and_what_is_kept_is_exported(tmp_path, capsys):
    folder = tmp_path / "models" / "Lora"
    one, two = write(folder / "one.safetensors", SD1_LORA), write(folder / "two.safetensors", SD1_LORA)
    old = write(folder / "old.safetensors", SD1_LORA, {"a": "b"})
    os.utime(old, (1, 1))

    def models(*words):
        code = main(["models", *words, "--data-dir", str(tmp_path), "--models-dir", str(tmp_path / "models")])
        return code, capsys.readouterr()

    code, told = models("duplicates")
    assert code == 0 and str(one) in told.out and str(two) in told.out and str(old) not in told.out
    code, told = models("unused")
    assert str(old) in told.out and str(one) not in told.out
    code, told = models("bin", "old", "none")
    assert code == 1 and told.out.strip() == str(folder / ".bin" / "old.safetensors") and "none: there is no such model" in told.err
    database = open_database(tmp_path)
    notes, library = NoteStore(database), Library([tmp_path / "models"])
    notes.put(library.find("lora", "one"), "", Notes(notes="good", trigger="fxx"))
    database.close()
    code, told = models("export")
    assert code == 0 and told.out.split() == [str(folder / "one.json"), str(folder / "one.txt")]
    assert json.loads((folder / "one.json").read_text())["notes"] == "good" and (folder / "one.txt").read_text() == "fxx"
