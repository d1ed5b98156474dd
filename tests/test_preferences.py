"""A changed setting is checked, survives a restart, and a wrong one changes nothing."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from webui.errors import RequestError, SettingsError, StorageError
from webui.preferences import change_settings
from webui.settings import load_settings


def test_changes_are_kept_beside_what_the_file_said(tmp_path):
    (tmp_path / "settings.toml").write_text("threads = 1\n")
    before = load_settings({"data_dir": tmp_path, "port": 1234}, {})
    after = change_settings(before, {"preview_period": 0.25, "extensions_off": ("a", "b"), "models_dirs": (tmp_path / "mo\"d'els",)})
    again = load_settings({"data_dir": tmp_path}, {})
    assert (again.threads, again.preview_period, again.extensions_off, again.models_dirs) == (1, 0.25, ("a", "b"), after.models_dirs)
    assert again.port == 7860 and after.port == 1234, "a flag of this launch is not written down"


def test_none_goes_back_to_the_default(tmp_path):
    changed = change_settings(load_settings({"data_dir": tmp_path}, {}), {"threads": 3})
    assert change_settings(changed, {"threads": None}).threads == 0
    assert load_settings({"data_dir": tmp_path}, {}).threads == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"threads": -1}, "threads"),
        ({"bogus": 1}, "bogus"),
        ({"devices": ("cpu", "nope")}, "devices"),
        ({"devices": ("cuda:x",)}, "devices"),
        ({"devices": ("cpu",) * 1000}, "devices"),
    ],
)
def test_a_wrong_value_is_refused_and_changes_nothing(tmp_path, changes, field):
    with pytest.raises(RequestError) as caught:
        change_settings(load_settings({"data_dir": tmp_path}, {}), changes)
    assert caught.value.field == field
    assert not (tmp_path / "settings.toml").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    current = load_settings({"data_dir": tmp_path}, {})
    (tmp_path / "file").write_text("")
    with pytest.raises((StorageError, SettingsError), match=r"settings\.toml cannot be"):
        change_settings(current.model_copy(update={"data_dir": tmp_path / "file"}), {"threads": 2})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(text=st.text(alphabet=st.characters(blacklist_categories=("Cs",)), max_size=30))
def test_any_text_survives_the_file(tmp_path, text):
    change_settings(load_settings({"data_dir": tmp_path}, {}), {"access_key": text})
    assert load_settings({"data_dir": tmp_path}, {}).access_key == text


@pytest.mark.parametrize("pattern", ["{nothing}", "{index", "{date:%Y}", ""])
def test_file_names_that_would_fail_each_job_are_refused_when_saved_and_at_the_start(tmp_path, pattern):
    with pytest.raises(RequestError, match=r"^[^V].*\.$") as caught:
        change_settings(load_settings({"data_dir": tmp_path}, {}), {"outputs_pattern": pattern})
    assert caught.value.field == "outputs_pattern"
    with pytest.raises(SettingsError, match=r"outputs_pattern: .*\.$"):
        load_settings({"data_dir": tmp_path}, {"DARKROOM_OUTPUTS_PATTERN": pattern})
