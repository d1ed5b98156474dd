"""The studio's own components in a real browser: keyboard, sizes, mask, batches, bin, parameters."""

import io
from pathlib import Path

import numpy as np
import pytest
from browser import steps
from browser.conftest import PHONE
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import expect
from safetensors.numpy import save_file

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).resolve().parent.parent.parent


def test_keys_sizes_and_seed(visit):
    page = visit()
    steps.prompt(page, "a red apple")
    page.locator("#prompt textarea").press("End")
    page.keyboard.press("Control+ArrowUp")
    expect(page.locator("#prompt textarea")).to_have_value("a red (apple:1.1)")
    page.keyboard.press("Control+ArrowDown")
    expect(page.locator("#prompt textarea")).to_have_value("a red apple")
    width, height = page.locator("#width input"), page.locator("#height input")
    square = width.input_value()
    page.locator("#ratio label").nth(3).click()
    expect(width).not_to_have_value(square)
    expect(height).not_to_have_value(square)
    wide, tall = width.input_value(), height.input_value()
    assert int(wide) > int(tall)
    page.locator("#swap").click()
    expect(height).to_have_value(wide)
    expect(width).to_have_value(tall)
    page.locator("#ratio label").nth(0).click()
    steps.number(page, "seed", 77)
    steps.generate(page, "a red apple")
    expect(page.locator(".facts")).to_contain_text("Seed 77")
    page.locator("#dice").click()
    expect(page.locator("#seed input")).to_have_value("-1")
    page.locator("#reuse-seed").click()
    expect(page.locator("#seed input")).to_have_value("77")
    page.keyboard.press("Alt+5")
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
    fitted = steps.zoom(page)
    page.get_by_role("button", name="Zoom in (+)").click()
    assert steps.zoom(page) == pytest.approx(fitted * 1.25, rel=0.02)
    before = steps.pictures(page)
    page.locator("#generate").click()
    steps.more(page, before)
    page.get_by_role("button", name="Canvas", exact=True).click()
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
    page.get_by_role("button", name="to be copied", exact=True).first.dblclick()
    page.locator("dialog.viewer").get_by_role("button", name="Copy parameters").click()
    toast = page.locator(".toast").filter(has_text="Parameters copied")
    toast.wait_for()
    box = toast.bounding_box()
    middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
    assert page.evaluate("([x, y]) => document.elementFromPoint(x, y).closest('.toast') !== null", middle)
    assert page.evaluate("navigator.clipboard.readText()").startswith("to be copied")


COPIED = """async () => { const [item] = await navigator.clipboard.read();
    const picture = await createImageBitmap(await item.getType('image/png'));
    return [picture.width, picture.height]; }"""


def test_a_picture_is_copied_as_pixels_whatever_its_format(visit, origin):
    page = visit()
    steps.number(page, "width", 128)
    steps.generate(page, "to be copied whole")
    steps.go(page, "gallery")
    page.get_by_role("button", name="to be copied whole", exact=True).first.dblclick()
    viewer = page.locator("dialog.viewer")
    viewer.get_by_role("button", name="Copy picture").click()
    page.locator(".toast").filter(has_text="Picture copied").wait_for()
    size = (
        page.evaluate("document.querySelector('.viewer .zoomed').naturalWidth"),
        page.evaluate("document.querySelector('.viewer .zoomed').naturalHeight"),
    )
    assert tuple(page.evaluate(COPIED)) == size
    webp = picture_bytes("WEBP", (40, 24))
    page.route("**/api/v1/images/*", lambda route: route.fulfill(body=webp, content_type="image/webp"))
    viewer.get_by_role("button", name="Copy picture").click()
    page.wait_for_function(f"async () => ((await ({COPIED})()).join() === '40,24')")
    page.unroute_all()
    page.route("**/api/v1/images/*", lambda route: route.fulfill(body="gone", content_type="text/plain"))
    viewer.get_by_role("button", name="Copy picture").click()
    page.locator(".toast").filter(has_text="The file of this picture cannot be read.").wait_for()


def picture_bytes(format_: str, size: tuple[int, int]) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", size, "teal").save(data, format_)
    return data.getvalue()


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


def test_what_a_text_names_and_is_not_here_is_told(visit, tmp_path):
    page = visit()
    line = "Steps: 9, Sampler: res_multistep_cfg_pp, CFG scale: 3, Seed: 5, Size: 64x64, Model: elsewhere"
    unknown = "Stable Diffusion checkpoint: elsewhere (not here); Sampling method: res_multistep_cfg_pp (not here)"
    steps.prompt(page, f"a pear\n{line}")
    page.get_by_role("button", name="Apply a parameters text in the prompt").click()
    expect(page.locator(".toast")).to_contain_text(f"Left out: {unknown}")
    facts, file = PngInfo(), tmp_path / "theirs.png"
    facts.add_text("parameters", f"a plum\n{line}")
    Image.new("RGB", (8, 8)).save(file, pnginfo=facts)
    steps.go(page, "png-info")
    page.locator("#png-info input[type=file]").set_input_files(file)
    expect(page.locator(".info-card ul")).to_contain_text("Stable Diffusion checkpoint: elsewhere (not here)")


@pytest.fixture
def put_in(models):
    """A checkpoint's path in the running app's folder; taken away at the end: other tests meet a newcomer, with the default model alone."""
    path = models / "Stable-diffusion" / "put-in-meanwhile.safetensors"
    yield path
    path.unlink(missing_ok=True)


def test_files_put_in_meanwhile_are_found(visit, models, put_in):
    page = visit()
    checkpoint = next((ROOT / "models" / "Stable-diffusion").glob("*.safetensors"), None) or next(models.rglob("*.safetensors"))
    for folder in ("Stable-diffusion", "Lora"):
        (models / folder).mkdir(exist_ok=True)
    put_in.symlink_to(checkpoint)
    layer = "lora_unet_mid_block_attentions_0_proj_in"
    weights = {f"{layer}.lora_down.weight": np.ones((4, 8, 1, 1), np.float32), f"{layer}.lora_up.weight": np.ones((8, 4, 1, 1), np.float32)}
    save_file(weights, models / "Lora" / "soft light.safetensors")
    page.locator("#refresh").click()
    page.locator("#checkpoint input").click()
    expect(page.get_by_role("option", name="put-in-meanwhile")).to_be_visible()
    page.keyboard.press("Escape")
    steps.prompt(page, "a pear")
    page.get_by_role("button", name="LoRA, embeddings and styles").click()
    page.get_by_role("searchbox", name="Find on the shelf").fill("SOFT")
    page.locator(".shelf-main").filter(has_text="soft light").click()
    expect(page.locator("#prompt textarea")).to_have_value("a pear <lora:soft light:1>")


def test_a_parameters_text_pasted_into_the_prompt_is_offered(visit):
    page = visit()
    page.evaluate(
        """() => { const box = document.querySelector('#prompt textarea'), data = new DataTransfer(); box.focus();
        data.setData('text/plain', 'a plum\\nSteps: 7, Sampler: Euler, CFG scale: 3, Seed: 5, Size: 64x64');
        box.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true})); }"""
    )
    page.locator(".toast").get_by_role("button", name="Apply").click()
    expect(page.locator("#prompt textarea")).to_have_value("a plum")
    expect(page.locator("#steps input[type=number]")).to_have_value("7")


DROP = """([bytes, where]) => { const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], 'from.png', {type: 'image/png'}));
    const drop = new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true});
    document.querySelector(where).dispatchEvent(drop); return drop.defaultPrevented; }"""


def picture_saying(text):
    info, stream = PngInfo(), io.BytesIO()
    info.add_text("parameters", text)
    Image.new("RGB", (64, 64), "red").save(stream, "PNG", pnginfo=info)
    return list(stream.getvalue())


def test_a_picture_dropped_on_the_page_fills_the_form_in(visit):
    page = visit()
    data = picture_saying("a plum\nSteps: 7, Sampler: Euler, CFG scale: 3, Seed: 5, Size: 64x64, Model: elsewhere")
    assert page.evaluate(DROP, [data, ".stage"])
    expect(page.locator(".toast").last).to_contain_text("Left out: Stable Diffusion checkpoint: elsewhere (not here)")
    expect(page.locator("#prompt textarea")).to_have_value("a plum")
    expect(page.locator("#steps input[type=number]")).to_have_value("7")
    page.locator("#generate").click()
    steps.more(page, 0)
    steps.go(page, "img2img")
    assert page.evaluate(DROP, [picture_saying("a fig\nSteps: 6, Sampler: Euler, CFG scale: 3, Seed: 5, Size: 64x64"), "#prompt textarea"])
    expect(page.locator("#prompt textarea")).to_have_value("a fig")
    assert page.evaluate(DROP, [data, ".stage"])
    expect(page.locator(".source-card")).to_be_visible()
    expect(page.locator("#prompt textarea")).to_have_value("a fig")
    steps.go(page, "queue")
    assert page.evaluate(DROP, [data, "body"]), "the browser would leave the page for the picture"


def test_a_picture_is_skipped_and_generate_forever_ends_with_esc(visit):
    page = visit()
    steps.prompt(page, "a lemon")
    steps.number(page, "steps", 150)
    steps.number(page, "batch_count", 2)
    before = steps.pictures(page)
    page.locator("#generate").click()
    expect(page.locator(".what")).to_contain_text("Picture 1 of 2 · Step")
    page.locator("#skip").click()
    steps.more(page, before)
    assert steps.pictures(page) == before + 1
    steps.number(page, "steps", 2)
    steps.number(page, "batch_count", 1)
    page.get_by_role("button", name="More ways to generate").click()
    page.get_by_role("menuitemcheckbox", name="Generate forever").click()
    page.wait_for_function(steps.DRAWN, arg=before + 3)
    page.locator("#more").focus()
    page.keyboard.press("Escape")
    page.locator("body:not(.forever)").wait_for()
    steps.state(page, "idle", "stopped")


def test_fingers_paint_the_mask_and_zoom(visit):
    page = visit(PHONE)
    steps.generate(page, "a red apple")
    page.get_by_role("button", name="Send to inpaint").click()
    page.locator(".paint").wait_for()
    page.locator(".paint").scroll_into_view_if_needed()
    box = page.locator(".paint").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    steps.touch(page, [(x - 40 + 8 * part, y) for part in range(10)])
    painted, fitted = steps.covered(page), steps.zoom(page)
    assert 0 < painted < 0.9
    steps.touch(page, [(x - 30 - 4 * part, y) for part in range(10)], [(x + 30 + 4 * part, y) for part in range(10)])
    assert steps.zoom(page) > 1.5 * fitted
    assert steps.covered(page) == pytest.approx(painted, abs=0.001)  # what the first finger painted before the second came is taken back
