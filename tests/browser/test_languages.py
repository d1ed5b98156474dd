"""The page in another language: chosen in Settings, kept by the browser, and laid out without cut words or sideways scroll."""

import pytest
from playwright.sync_api import expect

from tests.browser import steps
from tests.browser.conftest import DESKTOP, PHONE

FITS = """() => [...document.querySelectorAll('button, label, h2')].filter((node) => node.checkVisibility() && node.clientWidth > 2
    && getComputedStyle(node).overflowX !== 'visible' && node.scrollWidth > node.clientWidth + 2).map((node) => node.textContent)
    .concat(document.documentElement.scrollWidth > innerWidth + 1 ? ['the page itself'] : [])"""


def test_a_language_is_chosen_without_a_restart(visit):
    page = visit()
    steps.go(page, "settings")
    page.get_by_label("Language", exact=True).last.select_option("de")
    page.locator("html[lang=de]").wait_for()
    expect(page.get_by_role("heading", name="Einstellungen")).to_be_visible()
    expect(page.locator("#tab-gallery-button")).to_have_text("Galerie")
    page.get_by_label("Sprache", exact=True).last.select_option("")
    page.locator("html[lang=en]").wait_for()


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
@pytest.mark.parametrize("tag", ["de", "ja"])
def test_its_words_fit(visit, origin, tag, size):
    page = visit(size)
    page.context.add_cookies([{"name": "language", "value": tag, "url": origin}])
    page.reload()
    page.locator(f"html[lang={tag}]").wait_for()
    page.locator("body[data-state]:not([data-state=joining])").wait_for()
    for tab in ("txt2img", "settings", "gallery"):
        steps.go(page, tab)
        assert page.evaluate(FITS) == []


def test_right_to_left_the_form_stands_right(visit):
    page = visit()

    def mirrored(route):
        told = route.fetch()
        route.fulfill(response=told, body=told.text().replace('lang="en"', 'lang="he" dir="rtl"', 1))

    page.route("**/", mirrored)
    page.reload()
    page.locator("html[dir=rtl]").wait_for()
    page.locator("body[data-state]:not([data-state=joining])").wait_for()
    assert page.locator("#form").bounding_box()["x"] > page.locator("#stage-column").bounding_box()["x"]
    assert page.evaluate(FITS) == []
