"""The Settings and Extensions tabs' content."""

from pathlib import Path

import pytest

from webui.errors import RequestError
from webui.settings import Settings, load_settings
from webui.ui.extension_cards import cards
from webui.ui.setting_cards import LABELS, read, sections


def fields(settings):
    return {card.name: card for section in sections(settings) for card in section.fields}


def test_every_card_says_what_it_is(tmp_path):
    found = sections(Settings(data_dir=tmp_path))
    assert len(found) > 2 and all(section.title and section.fields for section in found)
    cards_ = fields(Settings(data_dir=tmp_path))
    assert all(card.label and card.description for card in cards_.values())
    assert set(LABELS) <= set(cards_)


@pytest.mark.parametrize("name", ["access_key", "admin_key", "data_dir", "port", "host"])
def test_what_only_a_start_may_set_has_no_card(tmp_path, name):
    assert name not in fields(Settings(data_dir=tmp_path))


def test_each_kind_of_setting_has_its_control(tmp_path):
    found = fields(Settings(data_dir=tmp_path))
    assert (found["models_dirs"].kind, found["picture_quality"].kind, found["dtype"].kind) == ("list", "number", "choice")
    assert (found["picture_quality"].minimum, found["picture_quality"].maximum, found["picture_quality"].step) == (1, 100, 1)
    assert found["preview_period"].step == "any" and found["dtype"].value in found["dtype"].choices
    assert {card.kind for card in found.values()} >= {"check", "number", "choice", "list", "text"}


def test_a_list_is_shown_one_a_line_and_read_so(tmp_path):
    settings = Settings(data_dir=tmp_path, models_dirs=(Path("/a"), Path("/b")))
    assert fields(settings)["models_dirs"].value == "/a\n/b"
    assert read("models_dirs", " /a \n\n/b\n") == ["/a", "/b"]
    assert read("preview_period", 2) == 2


@pytest.mark.parametrize("name", ["no_such", "data_dir", "access_key"])
def test_what_has_no_card_cannot_be_changed(name):
    with pytest.raises(RequestError, match="cannot be changed here") as error:
        read(name, "x")
    assert error.value.field == name


def test_only_what_the_file_holds_is_changed(tmp_path):
    (tmp_path / "settings.toml").write_text("picture_quality = 70\n")
    found = fields(load_settings({"data_dir": tmp_path}, {}))
    assert found["picture_quality"].changed and found["picture_quality"].value == 70
    assert found["picture_quality"].default != 70 and not found["preview_period"].changed


def test_an_extensions_card(page):
    [card] = cards(page.services)
    assert (card.id, card.title, card.version, card.on, card.fixed) == ("grain", "Grain", "1.2", True, False)
    assert card.error == card.reason == ""
    assert card.path.endswith("grain.py") and card.adds == ["panel Grain", "tab Grain tab"] and not card.restart


def test_who_may_not_switch_is_told(page):
    assert [card.fixed for card in cards(page.services, fixed=True)] == [True]


def test_an_extension_without_words_of_its_own_goes_by_its_files_name(make_page):
    source = "from webui import hookimpl\n\n@hookimpl\ndef process_image(image, request):\n    return image\n"
    [card] = cards(make_page(plain=source).services)
    assert (card.title, card.version, card.adds) == ("Plain", "", ["a change of pictures"])


def test_a_switch_that_shows_at_the_next_start_says_so(page):
    page.services.settings.change({"extensions_off": ("grain",)})
    [card] = cards(page.services)
    assert not card.on and card.restart
