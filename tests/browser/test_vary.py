"""Vary in a real browser: fields and words become axes, the grid stands at once and fills, and is opened again."""

import pytest
from browser import steps
from browser.conftest import PHONE
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e
DONE = ".cell[data-state=done]"


def vary_guidance(page, more: str) -> None:
    """Make an axis of CFG Scale by the offer beside its name."""
    page.locator("#guidance label").hover()
    page.locator(".vary-offer").click()
    page.get_by_role("textbox", name="Values of CFG Scale").press_sequentially(more)


def made(page, count: int) -> None:
    expect(page.locator(DONE)).to_have_count(count, timeout=steps.PATIENCE)


def test_a_field_and_a_word_become_a_grid_that_fills(visit):
    page = visit()
    steps.number(page, "steps", 2)
    steps.number(page, "guidance", 3)
    steps.prompt(page, "a red kite over hills")
    vary_guidance(page, ", 6")
    page.locator("#prompt textarea").evaluate("area => { area.focus(); area.setSelectionRange(2, 5); }")
    page.keyboard.press("Alt+v")
    page.get_by_role("textbox", name="Values of “red”").press_sequentially("blue")
    generate = page.locator("#generate")
    expect(generate).to_have_text("Generate 4")
    generate.click()
    expect(page.locator(".vary-grid .cell")).to_have_count(4)
    expect(page.locator(".vary-grid thead th")).to_have_text(["3", "6"])
    expect(page.locator(".vary-grid tbody th")).to_have_text(["red", "blue"])
    made(page, 4)
    expect(page.locator(".vary")).to_contain_text("4 of 4 cells")
    page.get_by_role("button", name="CFG Scale 6, blue", exact=True).click()
    page.get_by_role("button", name="Continue from here").click()
    expect(page.locator("#prompt textarea")).to_have_value("a blue kite over hills")
    expect(page.locator("#guidance input[type=number]")).to_have_value("6")
    expect(page.locator(".vary-axis")).to_have_count(0)
    expect(generate).to_have_text("Generate")
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator("#prompt textarea")).to_have_value("a red kite over hills")


def test_a_grid_is_opened_again_and_grows(visit):
    page = visit()
    steps.number(page, "steps", 2)
    steps.number(page, "guidance", 4)
    steps.prompt(page, "a green hill, again")
    vary_guidance(page, ", 5")
    expect(page.locator("#generate")).to_have_text("Generate 2")
    page.locator("#generate").click()
    made(page, 2)
    page.get_by_role("toolbar", name="This grid").get_by_role("button", name="Close").click()
    expect(page.locator(".vary")).to_be_hidden()
    page.get_by_role("button", name="Do not vary CFG Scale").click()
    expect(page.locator("#generate")).to_have_text("Generate")
    steps.go(page, "grid")
    page.locator(".grid-card").first.get_by_role("button", name="Open the grid").click()
    made(page, 2)
    first = page.locator(DONE).first
    first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="CFG Scale 5", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("dialog.viewer .look-where")).to_have_text("2 of 2")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Add a value of CFG Scale").click()
    page.get_by_role("textbox", name="Further values, columns").fill("7")
    page.keyboard.press("Enter")
    expect(page.locator(".vary-grid .cell")).to_have_count(3)
    made(page, 3)


def test_while_a_grid_is_fetched_nothing_of_another_can_be_pressed(visit):
    page = visit()
    steps.number(page, "steps", 1)
    steps.number(page, "guidance", 4)
    steps.prompt(page, "a slow hill")
    vary_guidance(page, ", 5")
    page.locator("#generate").click()
    made(page, 2)
    page.get_by_role("toolbar", name="This grid").get_by_role("button", name="Close").click()
    steps.go(page, "grid")
    expect(page.locator(".grid-card").first).to_be_visible()
    held = []
    page.route("**/api/v1/grids/*", lambda route: held.append(route))
    page.locator(".grid-card").first.get_by_role("button", name="Open the grid").click()
    expect(page.locator(".vary")).to_be_visible()
    expect(page.locator(".vary-grid .cell")).to_have_count(0)
    expect(page.get_by_role("toolbar", name="This grid").get_by_role("button")).to_have_text(["Close"])
    for route in held:
        route.continue_()
    page.unroute("**/api/v1/grids/*")
    made(page, 2)
    page.locator(DONE).first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="CFG Scale 5", exact=True)).to_be_focused()


def test_the_offer_is_never_another_fields(visit):
    page = visit()
    held = []
    page.route("**/api/v1/grids/axes", lambda route: held.append(route))
    page.locator("#prompt textarea").focus()
    offer = page.locator(".vary-offer")
    expect(offer).to_be_visible()
    with page.expect_request("**/api/v1/grids/axes"):
        page.locator("#guidance label").hover()
    expect(offer).to_be_hidden()  # what can be varied is not known yet
    page.locator("#prompt label").first.hover()
    expect(offer).to_be_visible()
    for route in held:
        route.continue_()
    page.wait_for_load_state("networkidle")
    expect(offer).to_have_attribute("data-name", "prompt")
    page.locator("#guidance label").hover()
    expect(offer).to_have_attribute("data-name", "guidance")


def test_what_is_wrong_is_said_below_the_axis(visit):
    page = visit()
    steps.prompt(page, "a boat")
    vary_guidance(page, ", nonsense")
    axis = page.get_by_role("group", name="Vary CFG Scale")
    expect(axis.get_by_role("alert")).to_contain_text("nonsense")
    page.get_by_role("textbox", name="Values of CFG Scale").press("Escape")
    expect(axis).to_have_count(0)


def test_on_a_phone_the_menu_varies_any_field(visit):
    page = visit(PHONE)
    page.locator("#more").click()
    page.get_by_role("menuitem", name="Vary a field…").click()
    page.get_by_role("combobox", name="What to vary").select_option("sampler")
    page.get_by_role("button", name="Vary it").click()
    axis = page.locator(".vary-axis")
    axis.get_by_role("button", name="Heun", exact=True).click()
    expect(page.locator("#generate")).to_have_text("Generate 2")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
