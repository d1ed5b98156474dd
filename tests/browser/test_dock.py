"""On a phone: the picture has the page, what will be made stands beside Generate, and the form is a sheet over the picture."""

import pytest
from browser import steps
from browser.conftest import DESKTOP, PHONE
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e
BEHIND = "#stage-column, .topbar, #nav > .tab-wrapper"
IS_BEHIND = f"[...document.querySelectorAll('{BEHIND}')].every((each) => each.closest('[inert]'))"


def sheet(page):
    return page.get_by_role("button", name="Close the form")


def test_a_picture_from_the_line_beside_generate(visit):
    page = visit(PHONE)
    line = page.locator(".dock-prompt")
    expect(line).to_have_text("What should the picture show?")
    line.tap()
    prompt = page.locator("#prompt textarea")
    expect(prompt).to_be_focused()
    assert page.evaluate(IS_BEHIND)
    prompt.fill("a green pear")
    page.get_by_role("button", name="Close the form").tap()
    expect(line).to_be_focused()
    expect(line).to_have_text("a green pear")
    assert not page.evaluate(IS_BEHIND)
    page.locator(".dock-chip").filter(has_text="steps").tap()
    number = page.locator("#steps input[type=number]")
    expect(number).to_be_focused()
    number.fill("3")
    before = steps.pictures(page)
    page.get_by_role("button", name="Generate", exact=True).tap()
    expect(sheet(page)).to_be_hidden()
    steps.more(page, before)
    expect(page.locator(".dock-chip").filter(has_text="3 steps")).to_be_visible()
    box = page.locator(".picture").bounding_box()
    assert box["width"] > 320 and box["y"] + box["height"] < page.locator("#action-bar").bounding_box()["y"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(
        "[...document.querySelectorAll('.acts .action')].every((each) => each.getBoundingClientRect().right <= innerWidth)"
    )


def test_back_escape_and_a_pull_close_the_sheet_and_lead_nowhere_else(visit):
    page = visit(PHONE)
    steps.go(page, "gallery")
    steps.go(page, "txt2img")
    page.locator(".dock-prompt").tap()
    page.go_back()
    expect(sheet(page)).to_be_hidden()
    assert page.evaluate("location.hash") == "#txt2img"
    page.locator(".dock-prompt").tap()
    page.keyboard.press("Escape")
    expect(sheet(page)).to_be_hidden()
    page.locator(".dock-prompt").tap()
    box = sheet(page).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + 8
    steps.touch(page, [(x, y + 12 * part) for part in range(12)])
    expect(sheet(page)).to_be_hidden()
    expect(page.locator(".dock-prompt")).to_be_focused()
    page.go_back()
    expect(page.locator("#tab-gallery-button")).to_have_attribute("aria-selected", "true")


def test_what_is_wrong_in_the_form_is_shown_there(visit):
    page = visit(PHONE)
    steps.prompt(page, "a pear")
    steps.number(page, "width", 513)
    sheet(page).tap()
    page.locator("#generate").tap()
    assert "Nearest: 512" in steps.error_at(page, "width")
    expect(sheet(page)).to_be_visible()
    steps.number(page, "width", 64)


def test_find_leads_into_the_sheet_and_a_wide_window_has_none(visit):
    page = visit(PHONE)
    page.get_by_role("button", name="Find (Ctrl+K)").tap()
    page.locator("dialog.find input").fill("Clip skip")
    page.locator("dialog.find [role=option]").filter(has_text="lip skip").first.click()
    expect(sheet(page)).to_be_visible()
    expect(page.locator("#clip_skip input").first).to_be_focused()
    page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
    expect(sheet(page)).to_be_hidden()
    expect(page.locator(".dock-prompt")).to_be_hidden()
    assert not page.evaluate(IS_BEHIND)


def test_a_picture_to_start_from_and_lora_are_chips(visit):
    page = visit(PHONE)
    steps.prompt(page, "a pear <lora:glaze:0.8>")
    steps.go(page, "img2img")
    expect(page.locator(".dock-chip").filter(has_text="1 LoRA")).to_be_visible()
    page.locator(".dock-chip").filter(has_text="Add a picture").tap()
    expect(page.locator("#source .drop")).to_be_visible()
