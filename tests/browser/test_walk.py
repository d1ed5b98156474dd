"""The newcomer's walk on the real app: describe, generate, watch, find it in the gallery. On a desk and on a phone."""

import os
from pathlib import Path

import pytest
from browser import steps
from browser.conftest import DESKTOP, PHONE
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_newcomer_makes_a_picture_and_finds_it(visit, size):
    page = visit(size)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    steps.form(page)
    page.get_by_role("button", name="LoRA, embeddings and styles").click()
    shelf, search, cards = (page.locator(place).bounding_box() for place in ("#shelf", "#shelf .search", ".shelf-body"))
    assert shelf["x"] >= 0 and shelf["x"] + shelf["width"] <= size[0] and search["y"] < cards["y"]
    page.get_by_role("button", name="Close the shelf").click()
    expect(page.locator("#shelf")).to_be_hidden()
    words = f"a red apple for the {size[0]} wide"
    steps.prompt(page, words)
    expect(page.locator("#tokens")).not_to_have_text("0 / 75")
    before = steps.pictures(page)
    page.locator("#generate").click()
    steps.state(page, "queued", "loading", "running", "idle")
    steps.more(page, before)
    expect(page.locator(".picture")).to_have_attribute("alt", words)
    expect(page.locator(".facts")).to_contain_text("Seed")
    steps.go(page, "gallery")
    page.get_by_role("listitem").get_by_role("button", name=words, exact=True).first.dblclick()
    viewer = page.locator("dialog.viewer")
    expect(viewer.locator("p").first).to_have_text(words)
    expect(viewer.locator("dl")).to_contain_text("Sampling steps")
    assert page.evaluate("document.querySelector('dialog.viewer img').naturalWidth") > 0
    page.keyboard.press("Escape")
    expect(viewer).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_reload_keeps_the_form_and_a_second_browser_finds_the_running_job(visit):
    page = visit()
    steps.prompt(page, "kept words")
    steps.number(page, "steps", 150)
    steps.number(page, "batch_count", 40)
    page.locator("#generate").click()
    steps.state(page, "running")
    page.reload()
    page.locator("#generate").wait_for()
    steps.state(page, "running")
    expect(page.locator("#prompt textarea")).to_have_value("kept words")
    other = visit(PHONE)
    steps.state(other, "running")
    expect(other.locator(".what")).to_contain_text("of 40")
    other.wait_for_function("document.querySelector('.picture').src.includes('/preview')", timeout=steps.PATIENCE)
    other.locator("#stop").click()
    steps.state(page, "stopped")
    expect(page.locator(".what")).to_contain_text("Stopped")
    steps.number(page, "batch_count", 1)


def test_what_is_wrong_is_said_at_the_field(visit, tmp_path):
    page = visit()
    first = page.locator("#checkpoint input").input_value()
    page.locator("#checkpoint input").fill("nowhere")
    page.locator("#checkpoint input").press("Enter")
    page.locator("#generate").click()
    assert "There is no checkpoint named 'nowhere'" in steps.error_at(page, "checkpoint")
    page.locator("#checkpoint input").fill(first)
    page.locator("#checkpoint input").press("Enter")
    steps.number(page, "width", 513)
    page.keyboard.press("Control+Enter")
    assert "Nearest: 512" in steps.error_at(page, "width")
    expect(page.locator("#width input")).to_have_attribute("aria-invalid", "true")
    page.locator("#width input").fill("64")
    expect(page.locator(".field-error")).to_have_count(0)
    steps.go(page, "img2img")
    page.locator("#generate").click()
    assert "Choose a picture first" in steps.error_at(page, "source")
    expect(page.locator("#form-fields #source-error")).to_be_in_viewport()
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    page.locator("#source input[type=file]").set_input_files(tmp_path / "broken.png")
    expect(page.locator("#source-error")).to_have_text(
        "This picture is cut off or broken: its pixels cannot be read to their end. Copy or download it again. Use PNG, JPEG or WebP."
    )
    steps.go(page, "txt2img")
    page.locator("#prompt textarea").fill("x" * 1_000_000)
    page.locator("#generate").click()
    assert "at most 100000 characters" in steps.error_at(page, "prompt")
    expect(page.locator("#form-fields #prompt-error")).to_be_in_viewport()


def test_the_readme_shows_this_page(visit, tmp_path):
    """`README_SCREENSHOT=1` writes docs/screenshot.png anew."""
    page = visit()
    steps.generate(page, "a red apple", steps=None)
    page.wait_for_function(
        "document.querySelector('.picture').complete && [...document.querySelectorAll('.strip img')].every(i => i.complete)"
    )
    target = ROOT / "docs" / "screenshot.png" if os.environ.get("README_SCREENSHOT") else tmp_path / "screenshot.png"
    page.mouse.move(0, 0)
    expect(page.locator(".toast")).to_have_count(0)
    page.screenshot(path=str(target))
    assert target.stat().st_size > 20_000
