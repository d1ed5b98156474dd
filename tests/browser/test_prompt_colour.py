"""Colour under the prompt: each mark lies under its words, however the text wraps and scrolls."""

import pytest
from browser import steps
from browser.conftest import PHONE
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e
HEIGHTS = """() => { const area = document.querySelector('#prompt textarea'), text = document.querySelector('#prompt .prompt-colour-text');
    const rows = area.style.cssText;
    area.style.cssText = 'min-block-size: 0; block-size: 0; field-sizing: fixed';  // so that its text overflows, whose height it then tells
    const heights = [area.scrollHeight, text.offsetHeight, area.clientWidth, text.clientWidth];
    area.style.cssText = rows;
    return heights; }"""
LONG = "unbreakable" * 30
TEXTS = (
    "a cat",
    "a cat on a mat, " * 60,
    f"{LONG} and {LONG}, (a {LONG}:1.2)",
    "one\n\n\ntwo\n",
    "tab\tby\ttab " * 40,
    "猫と犬と鳥、" * 80,
    "חתול שחור על שטיח, " * 50,
    "🐈 👩‍👩‍👧 " * 90,
    "<lora:a name of many words:0.8> (light:1.1) " * 25 + "(",
    "trailing spaces" + " " * 200 + "end",
)


@pytest.mark.parametrize("size", [(1440, 900), PHONE])
def test_the_layer_wraps_as_the_text_does(visit, size):
    page = visit(size)
    steps.form(page)
    for text in TEXTS:
        page.locator("#prompt textarea").fill(text)
        expect(page.locator("#prompt .prompt-colour")).to_be_attached()  # fetched with the first touch
        area, layer, width, inner = page.evaluate(HEIGHTS)
        assert (layer, inner) == (area, width), text[:40]


def test_what_is_marked_stands_under_its_words_and_scrolls_with_them(visit):
    page = visit()
    steps.prompt(page, "a cat, (soft light:1.2), <lora:nobody:1>, (open")
    marks = page.locator("#prompt .prompt-colour mark")
    expect(marks).to_have_text(["(soft light:1.2)", "<lora:nobody:1>", "("])
    assert page.evaluate("getComputedStyle(document.querySelector('#prompt .prompt-colour mark')).color") == "rgba(0, 0, 0, 0)"
    steps.prompt(page, "word, " * 600 + "(last:1.3)")
    area = page.locator("#prompt textarea")
    area.evaluate("node => { node.scrollTop = node.scrollHeight; }")
    box = area.bounding_box()
    expect(marks).to_have_count(1)
    page.wait_for_function(
        "([top, bottom]) => { const at = document.querySelector('#prompt .prompt-colour mark').getBoundingClientRect();"
        " return at.top >= top && at.bottom <= bottom; }",
        arg=[box["y"], box["y"] + box["height"]],
    )
    area.fill("")
    expect(marks).to_have_count(0)


def test_a_prompt_of_a_book_is_typed_into_without_waiting(visit):
    page = visit()
    steps.prompt(page, ("(a cat:1.2), <lora:nobody:1>, " * 660)[:19_900])
    page.locator("#prompt textarea").press("End")
    for letter in "typed":
        page.keyboard.type(letter)
    expect(page.locator("#prompt .prompt-colour-text")).to_contain_text("typed")
