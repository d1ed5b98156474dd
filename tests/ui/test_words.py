"""No English is forgotten: texts of scripts go through `t()`, and each language that ships has all words of the page and no others."""

import json
import re

import pytest

from tests.ui.page_strings import is_translated, literals, words
from tests.ui.page_words import SCRIPTS, field_words, plural_keys, script_words
from webui.ui.languages import OWN

CATALOGUES = {path.stem: json.loads(path.read_text()) for path in sorted(OWN.glob("*.json"))}
FORMS = {"de": ("one",), "ja": ()}
"""The forms besides "other" that a language's plurals have, by Intl.PluralRules."""


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """The page's English words, each with where it stands."""
    from tests.ui.conftest import Page

    found = Page(tmp_path_factory.mktemp("words"), {})
    found.client()  # loads Gradio
    return field_words(found.services) | script_words()


def test_texts_of_scripts_go_through_t():
    bare = [
        f"{path.name}:{literal.line}: {literal.text!r}"
        for path in sorted(SCRIPTS.glob("*.js"))
        for literal in words(literals(path.read_text()), path.name)
        if not is_translated(literal)
    ]
    assert bare == [], (
        "Write t('…') around these texts (import { t } from './language.js'; values as t('… {name}', { name })), numbers of things as"
        " count(n, 'picture'), and add their translations to webui/ui/localizations/de.json and ja.json."
        " What nobody reads belongs into NOT_WORDS of tests/ui/page_strings.py."
    )


@pytest.mark.parametrize("tag", CATALOGUES)
def test_a_shipped_language_has_every_word_and_no_other(tag, sources):
    catalogue = CATALOGUES[tag]
    wanted = dict(sources) | {f"{key} [{form}]": "plural" for key in plural_keys() for form in FORMS[tag]}
    missing = {key: where for key, where in sorted(wanted.items()) if not catalogue.get(key)}
    stale = sorted(set(catalogue) - set(wanted))
    assert missing == {}, f"Add these keys with their translations to webui/ui/localizations/{tag}.json (sorted by key)."
    assert stale == [], f"Nothing asks for these any more: take them out of webui/ui/localizations/{tag}.json."


@pytest.mark.parametrize("tag", CATALOGUES)
def test_placeholders_are_the_same(tag):
    placeholders = re.compile(r"\{\w+\}")
    other = {
        key: text
        for key, text in CATALOGUES[tag].items()
        if set(placeholders.findall(key)) != set(placeholders.findall(text)) or key.strip() == key and text.strip() != text
    }
    assert other == {}


@pytest.mark.parametrize("tag", CATALOGUES)
def test_catalogues_are_sorted(tag):
    assert list(CATALOGUES[tag]) == sorted(CATALOGUES[tag]), f"Sort webui/ui/localizations/{tag}.json by key, for fewer conflicts."
