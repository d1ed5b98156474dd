"""The studio's own components in a real browser: keyboard, sizes, mask, batches, bin, parameters."""

import pytest
from browser import steps
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e


def test_keys_sizes_and_seed(visit):
    page = visit()
    steps.prompt(page, "a red apple")
    page.locator("#prompt textarea").press("End")
    page.keyboard.press("Control+ArrowUp")
    expect(page.locator("#prompt textarea")).to_have_value("a red (apple:1.1)")
    page.keyboard.press("Control+ArrowDown")
    expect(page.locator("#prompt textarea")).to_have_value("a red apple")
    page.locator("#ratio label").nth(3).click()
    wide = page.locator("#width input").input_value()
    tall = page.locator("#height input").input_value()
    assert int(wide) > int(tall)
    page.locator("#swap").click()
    expect(page.locator("#height input")).to_have_value(wide)
    page.locator("#ratio label").nth(0).click()
    steps.number(page, "seed", 77)
    steps.generate(page, "a red apple")
    expect(page.locator(".facts")).to_contain_text("Seed 77")
    page.locator("#dice").click()
    expect(page.locator("#seed input")).to_have_value("-1")
    page.locator("#reuse-seed").click()
    expect(page.locator("#seed input")).to_have_value("77")
    page.keyboard.press("Alt+4")
    expect(page.locator("#tab-gallery-button")).to_have_attribute("aria-selected", "true")


def test_dark_and_light_are_remembered(visit):
    page = visit(theme="light")
    assert not page.evaluate("document.body.classList.contains('dark')")
    page.get_by_role("button", name="Dark or light").click()
    assert page.evaluate("document.body.classList.contains('dark')")
    page.reload()
    page.wait_for_function("document.body.classList.contains('dark')")


def test_a_closed_fold_says_what_it_does(visit):
    page = visit()
    fold = page.locator("#fold-hires > button.label-wrap")
    fold.click()
    page.locator("#hires-enabled input").check()
    fold.click()
    expect(fold.locator(".summary")).to_have_text("2× Latent")
    page.reload()
    expect(page.locator("#fold-hires .summary")).to_have_text("2× Latent")
    fold = page.locator("#fold-sampler > button.label-wrap")
    fold.click()
    page.locator("#sampler_options-sigmas textarea").wait_for()
    expect(fold.locator(".summary")).to_have_text("")  # looking into a fold changes nothing


def test_a_mask_is_painted_undone_inverted_and_used(visit):
    page = visit()
    steps.generate(page, "a red apple")
    page.get_by_role("button", name="Send to inpaint").click()
    page.locator(".paint").wait_for()
    page.locator("#generate").click()
    assert "Paint over the part" in steps.error_at(page, "stage-note")
    expect(page.locator("#stage #stage-note-error")).to_be_in_viewport()
    steps.paint(page)
    expect(page.locator(".field-error")).to_have_count(0)
    painted = steps.covered(page)
    assert 0 < painted < 0.9
    page.keyboard.press("x")
    assert steps.covered(page) == pytest.approx(1 - painted, abs=0.02)
    page.keyboard.press("Control+z")
    assert steps.covered(page) == pytest.approx(painted, abs=0.001)
    page.keyboard.press("Control+z")
    assert steps.covered(page) == 0
    page.keyboard.press("Control+Shift+z")
    assert steps.covered(page) == pytest.approx(painted, abs=0.001)
    page.get_by_role("button", name="Zoom in (+)").click()
    expect(page.locator(".tool.zoom")).to_have_text("125%")
    before = steps.pictures(page)
    page.locator("#generate").click()
    steps.more(page, before)
    page.get_by_role("button", name="Mask", exact=True).click()
    assert steps.covered(page) == pytest.approx(painted, abs=0.001)


def test_img2img_takes_a_picture_from_the_gallery(visit):
    page = visit()
    steps.generate(page, "a red apple")
    page.get_by_role("button", name="Send to img2img").click()
    expect(page.locator(".source-card")).to_be_visible()
    before = steps.pictures(page)
    page.locator("#generate").click()
    steps.more(page, before)
    page.locator(".source-card").get_by_role("button", name="Remove").click()
    expect(page.locator(".drop")).to_be_visible()


def test_a_batch_has_a_grid(visit):
    page = visit()
    steps.number(page, "batch_size", 2)
    before = steps.pictures(page)
    steps.prompt(page, "two apples")
    steps.number(page, "steps", 2)
    page.locator("#generate").click()
    steps.more(page, before + 1)
    page.get_by_role("button", name="Grid").click()
    expect(page.locator(".batch img")).to_have_count(2)
    page.locator(".batch button").first.click()
    expect(page.locator(".picture")).to_be_visible()


def test_delete_can_be_undone(visit):
    page = visit()
    steps.generate(page, "to be deleted")
    shown = page.locator(".strip button").first.get_attribute("data-id")
    page.locator(".acts").get_by_role("button", name="Delete").click()
    expect(page.locator(f".strip button[data-id='{shown}']")).to_have_count(0)
    page.get_by_role("button", name="Undo", exact=True).last.click()
    expect(page.locator(f".strip button[data-id='{shown}']")).to_have_count(1)


def test_copied_parameters_are_told_above_the_viewer(visit):
    page = visit()
    steps.generate(page, "to be copied")
    steps.go(page, "gallery")
    page.get_by_role("button", name="to be copied", exact=True).first.click()
    page.locator("dialog.viewer").get_by_role("button", name="Copy parameters").click()
    toast = page.locator(".toast").filter(has_text="Parameters copied")
    toast.wait_for()
    box = toast.bounding_box()
    middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
    assert page.evaluate("([x, y]) => document.elementFromPoint(x, y).closest('.toast') !== null", middle)
    assert page.evaluate("navigator.clipboard.readText()").startswith("to be copied")


def test_a_pictures_parameters_come_back_from_its_file(visit, origin, tmp_path):
    page = visit()
    steps.number(page, "seed", 4242)
    steps.generate(page, "remember me")
    shown = page.locator(".strip button").first.get_attribute("data-id")
    file = tmp_path / "made.png"
    file.write_bytes(page.request.get(f"{origin}/api/v1/images/{shown}").body())
    steps.prompt(page, "something else")
    steps.number(page, "seed", 1)
    steps.go(page, "png-info")
    page.locator("#png-info input[type=file]").set_input_files(file)
    expect(page.locator(".info-card dl")).to_contain_text("remember me")
    page.locator(".info-card").get_by_role("button", name="Reuse parameters").click()
    expect(page.locator("#prompt textarea")).to_have_value("remember me")
    expect(page.locator("#seed input")).to_have_value("4242")


def test_a_pasted_parameters_text_is_applied(visit):
    page = visit()
    steps.prompt(page, "a pear\nNegative prompt: apple\nSteps: 9, Sampler: Euler, CFG scale: 3, Seed: 5, Size: 64x64")
    page.get_by_role("button", name="Apply a parameters text in the prompt").click()
    expect(page.locator("#prompt textarea")).to_have_value("a pear")
    expect(page.locator("#negative_prompt textarea")).to_have_value("apple")
    expect(page.locator("#steps input[type=number]")).to_have_value("9")
