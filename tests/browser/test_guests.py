"""The page for a guest and for the admin of a Darkroom that listens for others."""

import pytest
from playwright.sync_api import expect

from tests.api.conftest import Server
from tests.browser import steps
from tests.browser.conftest import open_visit

READ_ONLY = "Only who runs this Darkroom can change this"


OWN = ["setting-owner", "browser-language"]
"""What is a guest's own in Settings."""
ACCESS, ADMIN = "for-the-guests", "for-the-admin"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """The address of a Darkroom behind keys."""
    server = Server(tmp_path_factory.mktemp("shared"), access_key=ACCESS, admin_key=ADMIN)
    yield server.url
    server.close()


def test_a_guest_is_asked_for_a_name_and_cannot_change_what_is_everybodys(chromium, shared):
    visit = open_visit(chromium, shared, at=f"/?key={ACCESS}")
    page = visit.page
    bar = page.locator(".name-bar")
    expect(bar).to_contain_text("You see your own pictures")
    expect(bar).to_be_visible()
    page.click("#tab-settings-button")
    page.locator("#settings .read-only", has_text=READ_ONLY).wait_for()
    enabled = page.locator(".setting :is(input, select, textarea):enabled")
    assert enabled.evaluate_all("fields => fields.map((field) => field.id || field.getAttribute('aria-label'))") == OWN
    page.click("#tab-extensions-button")
    page.locator("#extensions .read-only", has_text=READ_ONLY).wait_for()
    assert page.locator("#extensions input:enabled").count() == 0
    page.click("#tab-queue-button")
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_disabled()
    expect(page.locator("#queue .who")).to_contain_text("You see your own pictures")
    page.fill("#your-name", "Zoë")
    bar.get_by_role("button", name="Save").click()
    bar.wait_for(state="hidden")
    assert "Zo%C3%AB" in page.evaluate("document.cookie")
    page.context.close()
    assert (visit.foreign, visit.problems) == ([], [])


def test_the_admin_can_and_is_told_that_all_is_seen(chromium, shared):
    visit = open_visit(chromium, shared, at=f"/?key={ADMIN}")
    page = visit.page
    assert page.locator(".name-bar").is_hidden()
    page.click("#tab-settings-button")
    page.locator(".setting select").first.wait_for()
    assert page.locator("#settings .read-only").count() == page.locator(".setting :disabled").count() == 0
    page.click("#tab-queue-button")
    expect(page.locator("#queue .who")).to_contain_text("You see everybody's")
    page.context.close()
    assert (visit.foreign, visit.problems) == ([], [])


def test_who_is_invited_sees_their_own_pictures_until_it_is_taken_back(chromium, shared):
    owners = open_visit(chromium, shared, at=f"/?key={ADMIN}")
    page = owners.page
    steps.generate(page, "a secret apple")
    page.click("#tab-settings-button")
    page.fill("#person-name", "Mia")
    page.get_by_role("button", name="Invite", exact=True).click()
    expect(page.get_by_role("img", name="QR code of the link for Mia")).to_be_visible()
    expect(page.get_by_role("list", name="Who did what")).to_contain_text("invited Mia as guest")
    link = page.get_by_label("The new link").inner_text()
    invited = open_visit(chromium, shared, at=f"/?{link.partition('?')[2]}")
    mine = invited.page
    assert steps.pictures(mine) == 0
    expect(mine.locator(".name-bar")).to_be_hidden()
    mine.get_by_role("button", name="Mia: who you are here").click()
    expect(mine.get_by_role("dialog", name="Who you are here")).to_contain_text("Who runs this Darkroom sees everything.")
    page.get_by_role("button", name="Take back Mia").click()
    expect(mine.get_by_role("alert")).to_contain_text("Your invitation was taken back")
    expect(page.locator(".key", has_text="Mia")).to_contain_text("Taken back")
    assert owners.problems == owners.foreign == invited.foreign == []
    for each in (owners, invited):
        each.page.context.close()
