"""The page for a guest and for the admin of a Darkroom that listens for others."""

import os
import re
import signal
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ROOT, open_visit

READ_ONLY = "Only who runs this Darkroom can change this"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """`serve --listen`, on loopback: its address and the two keys."""
    data = tmp_path_factory.mktemp("shared")
    command = [sys.executable, "-u", "-m", "webui", "serve", "--listen", "--port", "0", "--no-browser", "--data-dir", str(data)]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "DARKROOM_HOST": "127.0.0.2"}, stdout=subprocess.PIPE, text=True)
    address = next(found[1] for line in process.stdout if (found := re.match(r"Darkroom is at (\S+)/$", line)))
    yield address, (data / "data" / "access.key").read_text(), (data / "data" / "admin.key").read_text()
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    process.stdout.close()


def test_a_guest_is_asked_for_a_name_and_cannot_change_what_is_everybodys(chromium, shared):
    address, key, _ = shared
    visit = open_visit(chromium, address, at=f"/?key={key}")
    page = visit.page
    bar = page.locator(".name-bar")
    expect(bar).to_contain_text("You see your own pictures")
    expect(bar).to_be_visible()
    page.click("#tab-settings-button")
    page.locator("#settings .read-only", has_text=READ_ONLY).wait_for()
    assert page.locator(".setting :is(input, select, textarea):enabled").count() == 1  # one's own name
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
    address, _, key = shared
    visit = open_visit(chromium, address, at=f"/?key={key}")
    page = visit.page
    assert page.locator(".name-bar").is_hidden()
    page.click("#tab-settings-button")
    page.locator(".setting select").first.wait_for()
    assert page.locator("#settings .read-only").count() == page.locator(".setting :disabled").count() == 0
    page.click("#tab-queue-button")
    expect(page.locator("#queue .who")).to_contain_text("You see everybody's")
    page.context.close()
    assert (visit.foreign, visit.problems) == ([], [])
