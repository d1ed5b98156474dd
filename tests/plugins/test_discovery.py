"""Extensions are found and read from their source; nothing of them runs."""

import hashlib
import os
from pathlib import Path

import pytest

from webui.plugins.discovery import HOOKS, extension_files, extension_folders, inspect_file
from webui.settings import PROJECT, Settings

SOURCE = '''"""Docs."""
from webui import hookimpl
import webui

TITLE = "Film grain"
VERSION = "1.2"
OTHER = compute()

@hookimpl
def process_image(image, request): ...

@webui.hookimpl(tryfirst=True)
def register_tabs(register): ...

@staticmethod
def startup(): ...

def denoiser_wrapper(request): ...

class Inner:
    @hookimpl
    def register_samplers(self, register): ...
'''


@pytest.fixture
def read(tmp_path):
    def make(source, name="film_grain.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
        return inspect_file(path)

    return make


def test_what_an_extension_says_of_itself(read, tmp_path):
    state = read(SOURCE)
    assert (state.id, state.title, state.version, state.enabled, state.error) == ("film_grain", "Film grain", "1.2", True, "")
    assert state.path == str(tmp_path / "film_grain.py") and state.file_hash == hashlib.sha256(SOURCE.encode()).hexdigest()


def test_hooks_are_the_marked_functions_of_the_module(read):
    assert read(SOURCE).hooks == ("process_image", "register_tabs")


def test_one_that_says_nothing_goes_by_its_file(read):
    state = read("x = 1\n", "my_own_thing.py")
    assert (state.id, state.title, state.version, state.hooks, state.error) == ("my_own_thing", "My own thing", "", (), "")


def test_a_folder_goes_by_its_name(read):
    assert read(SOURCE, "grain_pack/__init__.py").id == "grain_pack"


def test_nothing_runs_while_it_is_read(read):
    assert read("raise SystemExit('ran')\n").error == ""


def test_a_misspelt_hook_is_named_with_those_that_there_are(read):
    state = read("from webui import hookimpl\n@hookimpl\ndef denoiser_wraper(request): ...\n")
    assert "There is no hook named denoiser_wraper." in state.error and all(hook in state.error for hook in HOOKS)


@pytest.mark.parametrize("source", ["def broken(:\n", "\x00", "x = " + "-" * 100_000 + "1"], ids=["syntax", "binary", "deep"])
def test_a_file_that_is_no_python_is_off(read, source):
    state = read(source)
    assert state.error and not state.enabled and state.hooks == ()


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir], ids=["pipe", "folder"])
def test_what_is_no_file_is_off_and_nobody_waits_for_it(tmp_path, make):
    make(tmp_path / "odd.py")
    state = inspect_file(tmp_path / "odd.py")
    assert "odd.py" in state.error and not state.enabled


def test_files_and_folders_in_the_order_of_their_names(tmp_path):
    for name in ("b.py", "a.py", "_private.py", "notes.txt", "pack/__init__.py", "plain/other.py", "__pycache__/a.pyc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert [str(path.relative_to(tmp_path)) for path in extension_files([tmp_path])] == ["a.py", "b.py", "pack/__init__.py"]
    assert list(extension_files([tmp_path / "nowhere"])) == []


def test_ours_come_before_the_users(tmp_path):
    assert extension_folders(Settings(data_dir=tmp_path)) == (PROJECT / "extensions", tmp_path / "extensions")
    assert extension_folders(Settings(data_dir=PROJECT)) == (PROJECT / "extensions",)


def test_every_hook_says_where_it_is_called():
    assert set(HOOKS.values()) == {"web", "engine", "both"}
