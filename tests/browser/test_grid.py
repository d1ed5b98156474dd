"""The Grid tab and the fold of styles and wildcards in a real browser."""

import pytest
from browser import steps
from PIL import Image
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e


def test_a_grid_is_counted_made_and_looked_at(visit):
    page = visit()
    steps.number(page, "steps", 2)
    steps.prompt(page, "a red apple")
    steps.go(page, "grid")
    axes = page.locator(".grid-axis")
    axes.nth(0).locator("select").select_option("Prompt S/R")
    axes.nth(0).locator("textarea").fill('red, "bright green"')
    axes.nth(1).locator("select").select_option("sampler")
    axes.nth(1).locator("textarea").fill("Nonsense")
    expect(page.locator(".grid-form [role=alert]")).to_contain_text("no sampler named 'Nonsense'")
    axes.nth(1).locator("textarea").fill("Euler, DPM++ 2M")
    expect(page.locator(".grid-form [role=status]")).to_have_text("2 × 2 = 4 cells")
    page.get_by_role("button", name="Make the grid").click()
    card = page.locator(".grid-card").first
    expect(card).to_have_attribute("data-state", "done", timeout=steps.PATIENCE)
    expect(card).to_contain_text("4 of 4 cells")
    card.get_by_role("button", name="Open the cells").click()
    expect(page.locator("dialog.viewer")).to_contain_text("a red apple")
    page.keyboard.press("ArrowRight")
    expect(page.locator("dialog.viewer")).to_contain_text("a bright green apple")


def test_every_picture_of_a_folder_is_made(visit, tmp_path):
    for number in range(2):
        Image.new("RGB", (64, 64), (90 * number, 0, 0)).save(tmp_path / f"{number}.png")
    page = visit()
    steps.number(page, "steps", 2)
    steps.prompt(page, "a red apple")
    steps.go(page, "grid")
    page.locator(".batch-form summary").click()
    batch = page.locator(".batch-form")
    batch.get_by_role("textbox", name="Folder of pictures on this machine").fill("pictures")
    batch.get_by_role("button", name="Start the batch").click()
    expect(batch.get_by_role("alert")).to_contain_text("whole path")
    batch.get_by_role("textbox", name="Folder of pictures on this machine").fill(str(tmp_path))
    batch.get_by_role("button", name="Start the batch").click()
    card = page.locator(".grid-card").first
    expect(card).to_contain_text("Pictures: 0.png, 1.png")
    expect(card).to_have_attribute("data-state", "done", timeout=steps.PATIENCE)
    expect(card.get_by_role("link", name="Animation")).to_be_visible()


def test_a_template_is_filled_and_a_missing_wildcard_said_beside_the_prompt(visit):
    page = visit()
    steps.prompt(page, "a __no_such_thing__")
    page.locator("#generate").click()
    assert "no wildcard named 'no_such_thing'" in steps.error_at(page, "prompt")
    steps.generate(page, "a {violet|violet} plum", steps=2)
    expect(page.locator("#stage")).to_be_visible()
    steps.go(page, "queue")
    expect(page.locator(".job").filter(has_text="a violet plum").first).to_be_visible()
