"""Every place of the page for everybody: what axe-core finds, targets for fingers, words that are cut, pages that go sideways.

One walk through all places for each of `WALKS`: either window in either theme, each language in one of them.
`DARKROOM_ALL_WALKS=1` walks through every combination.
"""

import itertools
import json
import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.api.conftest import Server
from tests.browser import places
from tests.browser.conftest import DESKTOP, PHONE, new_context, open_visit

pytestmark = pytest.mark.e2e
AXE, FAULTS = (Path(__file__).parent / name for name in ("axe/axe.min.js", "faults.js"))
CATALOGUES = Path(__file__).parents[2] / "webui" / "ui" / "localizations"
SIZES, LANGUAGES, THEMES = (DESKTOP, PHONE), ("en", "de", "he"), ("dark", "light")
WALKS = ((DESKTOP, "en", "dark"), (PHONE, "en", "light"), (DESKTOP, "he", "light"), (PHONE, "de", "dark"))
if os.environ.get("DARKROOM_ALL_WALKS"):
    WALKS = tuple(itertools.product(SIZES, LANGUAGES, THEMES))
ACCESS, ADMIN = "for-the-guests", "for-the-admin"
HEBREW = str.maketrans({letter: chr(ord("א") + number % 27) for number, letter in enumerate("abcdefghijklmnopqrstuvwxyz")})


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    """A Darkroom with something in every place, and words from right to left."""
    data = tmp_path_factory.mktemp("furnished")
    write_hebrew(data / "localizations" / "he.json")
    server = places.furnish(data)
    yield server
    server.close()


def write_hebrew(path: Path) -> None:
    """Each of the page's words in Hebrew letters: no language, but as long as one and written from right to left."""
    words = json.loads((CATALOGUES / "de.json").read_text(encoding="utf-8"))
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"rtl": True, **{key: mirrored(key) for key in words}}, ensure_ascii=False), encoding="utf-8")


def mirrored(text: str) -> str:
    """The text in Hebrew letters; the names of values stay."""
    text = text.removesuffix(" [one]")
    parts = [part.partition("}") for part in text.split("{")]
    named = [f"{{{name}}}{rest.lower().translate(HEBREW)}" for name, _, rest in parts[1:]]
    return text.partition("{")[0].lower().translate(HEBREW) + "".join(named)


def bring(page: Page) -> None:
    """What looks for faults, for as long as the page is not loaded anew."""
    for script in (AXE, FAULTS):
        page.add_script_tag(path=script)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A Darkroom that others come to."""
    server = Server(tmp_path_factory.mktemp("shared"), access_key=ACCESS, admin_key=ADMIN)
    yield server
    server.close()


@pytest.mark.parametrize(("size", "language", "theme"), WALKS)
def test_every_place_is_for_everybody(chromium, furnished: Server, size, language, theme):
    visit = open_visit(chromium, furnished.url, size, theme)
    page = visit.page
    page.context.add_cookies([{"name": "language", "value": language, "url": furnished.url}])
    page.reload()
    page.locator(f"html[lang={language}] body[data-state]:not([data-state=joining])").wait_for()
    bring(page)
    found: dict[str, str] = {}
    for name in places.walk(page):
        for fault in page.evaluate("touch => faults(touch)", size == PHONE):
            found.setdefault(fault, name)
    page.context.close()
    assert (found, visit.problems, visit.foreign) == ({}, [], [])


@pytest.mark.parametrize(("size", "theme"), [(DESKTOP, "dark"), (PHONE, "light")])
def test_the_doors_and_the_people_are_for_everybody(chromium, shared: Server, size, theme):
    """The page that asks for the key, a guest with no name yet and who they are, an invitation with its QR code, and one taken back."""
    touch, found = size == PHONE, {}
    context = new_context(chromium, touch)
    door = context.new_page()
    door.emulate_media(color_scheme=theme)
    door.goto(shared.url)
    found["the key"] = looked_at(door, touch)
    door.get_by_label("Access key").fill("wrong")
    door.get_by_role("button", name="Open").click()
    expect(door.get_by_role("alert")).not_to_be_empty()
    found["a wrong key"] = looked_at(door, touch)
    context.close()
    guest = open_visit(chromium, shared.url, size, theme, at=f"/?key={ACCESS}")
    expect(guest.page.locator(".name-bar")).to_be_visible()
    found["a guest's name"] = looked_at(guest.page, touch)
    guest.page.locator(".who-button").click()
    guest.page.locator(".who-panel ul").wait_for()
    found["who I am"] = looked_at(guest.page, touch)
    owner = open_visit(chromium, shared.url, size, theme, at=f"/?key={ADMIN}")
    page = owner.page
    page.click("#tab-settings-button")
    page.fill("#person-name", f"Mia {theme}")
    page.get_by_role("button", name="Invite", exact=True).click()
    page.locator(".qr-code svg").wait_for()
    found["an invitation"] = looked_at(page, touch)
    invited = open_visit(chromium, shared.url, size, theme, at=f"/?{page.get_by_label('The new link').inner_text().partition('?')[2]}")
    page.get_by_role("button", name=f"Take back Mia {theme}").click()
    expect(invited.page.get_by_role("alert")).to_contain_text("taken back")
    found["taken back"] = looked_at(invited.page, touch)
    for visit in (guest, owner, invited):
        visit.page.context.close()
    assert {place: wrong for place, wrong in found.items() if wrong} == {}


def looked_at(page: Page, touch: bool) -> list[str]:
    """What is wrong with a page that was just opened."""
    bring(page)
    return page.evaluate("touch => faults(touch)", touch)
