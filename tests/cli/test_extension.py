"""`extension`: each extension once, switched on and off by its id."""

import pytest

from webui.cli import main
from webui.plugins.discovery import extension_folders
from webui.settings import PROJECT, load_settings


def listed(capsys, *words):
    assert main(["extension", "list", *words]) == 0
    return [line.split()[:2] for line in capsys.readouterr().out.splitlines()]


def test_every_extension_is_listed_once_and_whole(capsys):
    """With the default data folder each stood there twice, the second as broken."""
    found = listed(capsys)
    assert found and len({identity for _, identity in found}) == len(found)
    assert {word for word, _ in found} == {"on"}


def test_the_users_own_stand_beside_ours(tmp_path, capsys):
    (tmp_path / "extensions").mkdir()
    (tmp_path / "extensions" / "mine.py").write_text("")
    assert ["on", "mine"] in listed(capsys, "--data-dir", str(tmp_path))
    assert main(["extension", "off", "mine", "--data-dir", str(tmp_path)]) == 0
    assert ["off", "mine"] in listed(capsys, "--data-dir", str(tmp_path))
    assert main(["extension", "on", "nothing", "--data-dir", str(tmp_path)]) == 2


def test_a_folder_that_is_ours_by_another_name_counts_once(tmp_path):
    (tmp_path / "link").symlink_to(PROJECT)
    settings = load_settings({"data_dir": tmp_path}, {})
    assert len(extension_folders(settings)) == 2
    assert len(extension_folders(settings.model_copy(update={"data_dir": tmp_path / "link"}))) == 1


@pytest.mark.parametrize("name", ["app", "doctor", "engine.bootstrap", "cli.extension"])
def test_there_is_one_place_that_knows_the_folders(name):
    source = (PROJECT / "webui" / f"{name.replace('.', '/')}.py").read_text()
    assert '/ "extensions"' not in source
