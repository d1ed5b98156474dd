"""Settings come from file, environment and flags, later ones win, and a wrong one is named with its source."""

import os

import pytest

from webui.errors import SettingsError
from webui.settings import Settings, load_settings


def test_flags_beat_environment_beats_file(tmp_path):
    (tmp_path / "settings.toml").write_text("port = 1\nthreads = 1\nmax_attempts = 1\n")
    settings = load_settings({"data_dir": tmp_path, "port": 3, "threads": None}, {"DARKROOM_PORT": "2", "DARKROOM_THREADS": "2"})
    assert (settings.port, settings.threads, settings.max_attempts) == (3, 2, 1)
    assert settings.outputs == tmp_path / "outputs"


def test_lists_in_the_environment():
    assert load_settings({}, {"DARKROOM_DEVICES": "cpu,cpu"}).devices == ("cpu", "cpu")
    assert load_settings({}, {"DARKROOM_DEVICES": "CUDA:0, rocm,auto"}).devices == ("cuda:0", "rocm", "auto")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bogus = 1", "no setting named 'bogus'"),
        ("port = 'x'", "port"),
        ("port = ", "is not a settings file"),
        ("devices = []", "at least one device"),
        ("\x00", "is not a settings file"),
        ("a = " + "[" * 50_000, "is not a settings file"),
    ],
)
def test_a_wrong_file_is_named(tmp_path, text, words):
    (tmp_path / "settings.toml").write_text(text)
    with pytest.raises(SettingsError, match=words) as caught:
        load_settings({"data_dir": tmp_path}, {})
    assert "settings.toml" in str(caught.value)


def test_nobody_waits_for_a_pipe_in_its_place(tmp_path):
    os.mkfifo(tmp_path / "settings.toml")
    with pytest.raises(SettingsError, match=r"settings.toml is no file"):
        load_settings({"data_dir": tmp_path}, {})


def test_a_wrong_variable_is_named():
    with pytest.raises(SettingsError, match="environment: there is no setting named 'prot'"):
        load_settings({}, {"DARKROOM_PROT": "1"})


def test_every_setting_is_described():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_as_any_editor_saves_it(tmp_path, encoding):
    (tmp_path / "settings.toml").write_bytes('outputs_pattern = "ü{seed}"\r\nport = 7001\r\n'.encode(encoding))
    settings = load_settings({"data_dir": tmp_path}, {})
    assert (settings.outputs_pattern, settings.port) == ("ü{seed}", 7001)


@pytest.mark.parametrize(
    ("values", "read"),
    [
        ({"root_path": "darkroom/"}, ("root_path", "/darkroom")),
        ({"root_path": "/"}, ("root_path", "")),
        ({"trusted_proxy": "127.0.0.1, 10.0.0.0/8"}, ("trusted_proxy", ("127.0.0.1", "10.0.0.0/8"))),
    ],
)
def test_what_a_proxy_needs(tmp_path, values, read):
    assert getattr(load_settings({"data_dir": tmp_path, **values}, {}), read[0]) == read[1]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("root_path", "/a b", "page's folder"),
        ("root_path", "/api", "page's folder"),
        ("root_path", "/../x", "page's folder"),
        ("root_path", "http://x/y", "page's folder"),
        ("trusted_proxy", ("nginx",), "no proxy's address"),
    ],
)
def test_what_no_proxy_can_use_is_refused(tmp_path, name, value, words):
    with pytest.raises(SettingsError, match=words):
        load_settings({"data_dir": tmp_path, name: value}, {})


def test_a_tilde_is_the_home_folder_and_what_is_relative_begins_here(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings.toml").write_text("models_dirs = ['~/models', 'here']")
    for settings in (load_settings({"data_dir": "~"}, {}), load_settings({"data_dir": "."}, {"DARKROOM_DATA_DIR": "~/nowhere"})):
        assert settings.data_dir == tmp_path.resolve()
        assert settings.models_dirs == (tmp_path / "models", tmp_path / "here")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (os.fsdecode(b"/bad\xff"), "/bad%FF has bytes in its name"),
        ("~nobody-of-this-name/x", "home folder of somebody"),
        ("a\0b", "number 0"),
        ("/" + "n" * 300, "too long for a path"),
        ("/" + "ü" * 130, "too long for a path"),
        ("/n" * 2100, "too long for a path"),
    ],
)
@pytest.mark.parametrize("setting", ["data_dir", "models_dirs"])
def test_a_folder_that_cannot_be_passed_on_is_refused_in_words(tmp_path, setting, path, words):
    with pytest.raises(SettingsError, match=words) as caught:
        load_settings({"data_dir": tmp_path, setting: path if setting == "data_dir" else [path]}, {})
    assert setting in str(caught.value) and str(caught.value).encode()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"port = 1\n\xff\xfa\x80 = 2", "in line 2 there are bytes that are no text in UTF-8. Save it as UTF-8. Mend"),
        (b"\xff\xfe\x00\xd8", "in line 1 there are bytes that are no text"),
        (b"port = 1\n\n[[[[", "in line 3 it is not written as name = value"),
        (b"port", "in line 1 it is not written as name = value"),
        (b"port = 1\nhost = x", "in line 2 there is no value behind the =, or a text without quotes"),
        (b"port = 1\nport = 2", "in line 2 a name stands there that was given a value before"),
        (b"port = 1\nhost = 'x\nlisten = true", "in line 2 a text is not closed"),
        (b'port = 1\nhost = "x', "in line 2 a text is not closed"),
        (b'data_dir = "C:\\Pictures"', "in line 1 a backslash stands in double quotes"),
        (b'models_dirs = ["C:\\Users"]', "in line 1 a backslash stands in double quotes"),
        (b"port = 1\ndevices = ['cpu'\nlisten = true\n\n\n", "in line 3 a list is not closed"),
        (b"devices = ['cpu'", "in line 1 a list is not closed"),
        (b"\x01", "in line 1 "),
        (b"port = " + b"9" * 5000, "a number in it has too many digits"),
        (b"a = " + b"[" * 50_000, "its brackets are nested too deep"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_plain_words_and_with_its_line(tmp_path, data, words):
    (tmp_path / "settings.toml").write_bytes(data)
    with pytest.raises(SettingsError, match="is not a settings file: ") as caught:
        load_settings({"data_dir": tmp_path}, {})
    assert words in str(caught.value)
    assert not any(word in str(caught.value) for word in ("codec", "column", "0x", "Expected", "Invalid", "initial", "recursion"))
