"""Settings come from file, environment and flags, later ones win, and a wrong one is named with its source."""

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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bogus = 1", "no setting named 'bogus'"),
        ("port = 'x'", "port"),
        ("port = ", "is not a settings file"),
        ("\x00", "is not a settings file"),
    ],
)
def test_a_wrong_file_is_named(tmp_path, text, words):
    (tmp_path / "settings.toml").write_text(text)
    with pytest.raises(SettingsError, match=words) as caught:
        load_settings({"data_dir": tmp_path}, {})
    assert "settings.toml" in str(caught.value)


def test_a_wrong_variable_is_named():
    with pytest.raises(SettingsError, match="environment: there is no setting named 'prot'"):
        load_settings({}, {"DARKROOM_PROT": "1"})


def test_every_setting_is_described():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
