"""The page in other languages: which one a browser gets, where catalogues come from, and that a broken one is its own error."""

import json

import pytest

from webui.errors import RequestError
from webui.ui.document import address_of
from webui.ui.languages import Catalogue, Languages, read
from webui.ui.translated import translated


def put(folder, name, words):
    place = folder / "localizations"
    place.mkdir(exist_ok=True)
    (place / name).write_text(words if isinstance(words, str) else json.dumps(words))


@pytest.mark.parametrize(
    ("accepted", "tag"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("fr,ja;q=0.5,de;q=0.9", "de"),
        ("fr,pt;q=0.5", "pt-BR"),
        ("ja;q=0,xx;q=oops,*", "en"),
        ("," * 5000 + "de", "en"),
    ],
)
def test_a_browser_gets_the_first_language_it_asks_for(page, tmp_path, accepted, tag):
    put(tmp_path, "pt_BR.json", {"Save": "Salvar"})
    assert Languages(page.services).wanted(accepted).tag == tag


def test_what_was_chosen_goes_before_the_setting_and_that_before_what_is_asked_for(page):
    languages = Languages(page.services)
    page.services.settings.change({"language": "de"})
    assert languages.wanted("ja").tag == "de"
    assert languages.wanted("ja", "en").tag == "en"
    assert languages.wanted("ja", "klingon").tag == "de"


def test_one_file_adds_a_language_and_an_extension_may_add_words(make_page, tmp_path):
    page = make_page(grain="TITLE = 'Grain'")
    languages = Languages(page.services)
    put(tmp_path, "he.json", {"rtl": True, "Save": "שמור"})
    put(tmp_path / "extensions", "de.json", {"Amount": "Menge"})
    known = languages.all()
    assert known["he"].rtl and known["he"]("Save") == "שמור"
    assert known["de"]("Amount") == "Menge" and known["de"]("Save") == "Speichern"
    assert known["he"]("What nobody knows") == "What nobody knows"
    put(tmp_path, "he.json", {"Save": "שמרו"})
    assert languages.all()["he"]("Save") == "שמרו"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("fr.json", '{"Save": ', "no JSON"),
        ("fr.json", '["Save"]', "must be an object"),
        ("fr.json", '{"Save": 1}', "'Save' must be a text"),
        ("fr.json", "[" * 100_000, "no JSON"),
        ("my words.json", "{}", "no language's tag"),
    ],
)
def test_a_broken_file_is_its_own_error(page, tmp_path, name, text, said):
    put(tmp_path, name, text)
    languages = Languages(page.services)
    assert languages.wanted("fr,de").tag == "de"
    assert [said in why for why in languages.errors().values()] == [True]
    with pytest.raises(RequestError, match=said):
        read(tmp_path / "localizations" / name)


def test_the_page_comes_in_the_language(page):
    client = page.client()
    german = client.get("/", headers={"Accept-Language": "de"})
    words = Languages(page.services).all()["de"]
    assert f'lang="de" dir="ltr" data-words="./{address_of(words)}"' in german.text
    body = german.text.partition('<script type="application/json"')[0]
    assert ">Sampling-Methode</label>" in body and "Sampling method" not in body
    assert "Accept-Language" in german.headers["vary"]
    told = client.get(f"/{address_of(words)}")
    assert told.json()["Save"] == "Speichern" and "immutable" in told.headers["cache-control"]
    assert 'lang="ja"' in client.get("/", headers={"Accept-Language": "de", "Cookie": "language=ja"}).text


def test_an_english_page_has_nothing_of_it(page):
    english = page.client().get("/", headers={"Accept-Language": "en-US"}).text
    assert 'lang="en"' in english and "data-words" not in english and "/page/words/" not in english


def test_the_words_of_an_unknown_language_and_of_an_old_page(page):
    client = page.client()
    assert client.get("/page/words/xx.0.json").status_code == 404
    assert client.get("/page/words/de.0.json").headers["cache-control"] == "no-cache"
    assert set(client.get("/page/languages").json()["languages"]) == {"de", "en", "ja"}


def test_the_setting_offers_the_languages(page):
    told = page.client().get("/page/settings").json()
    card = next(field for section in told["sections"] for field in section["fields"] if field["name"] == "language")
    assert card["kind"] == "choice" and card["choices"] == ["auto", "en", "de", "ja"]


def test_words_cannot_leave_the_script_that_they_stand_in():
    catalogue = Catalogue("de", {"Save": "</script><script>alert(1)</script>"})
    config = '{"components":[{"type":"button","props":{"value":"Save"}}]}'
    html = translated(f'<html lang="en"><head></head><script>window.gradio_config = {config};</script>', catalogue)
    assert "<script>alert" not in html and "\\u003cscript\\u003ealert(1)" in html
