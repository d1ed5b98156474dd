"""The command line's front door: which command runs with which settings, and how what goes wrong is said."""

import argparse
import subprocess
import sys
from importlib import import_module

import pytest

from webui import __version__
from webui.cli import COMMANDS, PASS_THROUGH, add_folders, main, settings_of
from webui.errors import RequestError, SettingsError

WITH_FLAGS = sorted(set(COMMANDS) - PASS_THROUGH)


class Door:
    """A command line whose commands only note what they were called with."""

    def __init__(self, monkeypatch, capsys):
        self.monkeypatch, self.capsys, self.called = monkeypatch, capsys, []

    def answer(self, command, what=0):
        """Let a command return `what`, or raise it."""

        def run(*arguments):
            self.called.append((command, *arguments))
            if isinstance(what, BaseException):
                raise what
            return what

        self.monkeypatch.setattr(import_module(f"webui.cli.{command}"), "run", run)

    def run(self, *words):
        """Exit code, standard output and standard error."""
        try:
            code = main([str(word) for word in words])
        except SystemExit as end:
            code = end.code
        said = self.capsys.readouterr()
        return code, said.out, said.err


@pytest.fixture
def door(monkeypatch, capsys):
    return Door(monkeypatch, capsys)


def test_help_lists_every_command_and_what_it_does(door):
    code, out, _ = door.run("--help")
    said = " ".join(out.split())
    assert code == 0 and all(f"{name} {text}" in said for name, text in COMMANDS.items())


def test_the_version(door):
    assert door.run("--version") == (0, f"Darkroom {__version__}\n", "")


@pytest.mark.parametrize("command", WITH_FLAGS)
def test_every_command_explains_itself_and_takes_the_folders(door, command):
    code, out, _ = door.run(command, "--help")
    said = " ".join(out.split())
    assert code == 0 and COMMANDS[command] in said and "--data-dir DIR" in said and "--models-dir DIR" in said


@pytest.mark.parametrize("words", [(), ("--port", "7861"), ("--listen",)], ids=["nothing", "port", "listen"])
def test_without_a_command_the_studio_is_served(door, words):
    door.answer("serve")
    assert door.run(*words)[0] == 0
    [(command, _, settings)] = door.called
    assert command == "serve" and settings.port == (7861 if words[:1] == ("--port",) else 7860) and settings.listen == ("--listen" in words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("serve", "--port", "many"), "invalid int value: 'many'"),
        (("serve", "--prot", "1"), "unrecognized arguments: --prot 1"),
        (("serve", "--por", "1"), "unrecognized arguments: --por 1"),
        (("frobnicate",), "unrecognized arguments: frobnicate"),
        (("models", "cheese"), "invalid choice: 'cheese'"),
    ],
    ids=" ".join,
)
def test_wrong_words_are_named(door, words, said):
    code, out, err = door.run(*words)
    assert (code, out) == (2, "") and said in err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (RequestError("size", "Write it as 512x768."), 2, "size: Write it as 512x768.\n"),
        (SettingsError("There is no such thing."), 2, "There is no such thing.\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
    ids=["request", "ours", "ctrl-c"],
)
def test_what_goes_wrong_is_one_sentence(door, error, code, said):
    door.answer("models", error)
    assert door.run("models") == (code, "", said)


@pytest.mark.parametrize("code", [0, 1, 3])
def test_a_commands_own_code_is_the_exit_code(door, code):
    door.answer("doctor", code)
    assert door.run("doctor")[0] == code


def test_flags_that_are_settings_names_win_over_the_file(door, tmp_path):
    (tmp_path / "settings.toml").write_text("port = 7000\nmax_attempts = 9\n")
    door.answer("serve")
    folders = ("--models-dir", tmp_path / "a", "--models-dir", tmp_path / "b")
    door.run("serve", "--data-dir", tmp_path, *folders, "--port", "7001", "--devices", "cpu,cuda:0", "--no-browser")
    settings = door.called[0][2]
    assert (settings.data_dir, settings.port, settings.max_attempts, settings.browser) == (tmp_path, 7001, 9, False)
    assert settings.models_dirs == (tmp_path / "a", tmp_path / "b") and settings.devices == ("cpu", "cuda:0")


def test_flags_that_were_not_given_are_no_settings(tmp_path):
    parser = argparse.ArgumentParser()
    add_folders(parser)
    assert settings_of(parser.parse_args(["--data-dir", str(tmp_path)])).models_dirs == ()


def test_settings_that_cannot_be_are_a_sentence(door, tmp_path):
    (tmp_path / "settings.toml").write_text("port = 'many'\n")
    code, out, err = door.run("models", "--data-dir", tmp_path)
    assert code == 2 and not out and "port" in err and "Traceback" not in err


@pytest.mark.parametrize("command", sorted(PASS_THROUGH))
def test_words_of_benches_and_recipes_are_theirs(door, command):
    door.answer(command, 4)
    assert door.run(command, "name", "--data-dir", "x", "--help")[0] == 4
    assert door.called == [(command, ["name", "--data-dir", "x", "--help"])]


def test_benches_are_listed(door):
    code, out, _ = door.run("bench")
    assert code == 0 and "overhead" in out
    code, _, err = door.run("bench", "nothing-like-it")
    assert code == 2 and "overhead" in err


def test_no_command_is_imported_before_it_is_asked_for():
    code = "import sys\nfrom webui.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    code += "print([name for name in sys.modules if name.startswith('webui.cli.')], 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[] False"


def test_a_command_that_lists_models_loads_no_page(tmp_path):
    code = "import sys\nfrom webui.cli import main\nmain(sys.argv[1:])\nprint('gradio' in sys.modules)"
    words = [sys.executable, "-c", code, "models", "--data-dir", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
