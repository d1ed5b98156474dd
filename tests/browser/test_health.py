"""What the page says of Darkroom itself: the status dot, faults at the start, the way back from Reset; and pictures as jobs read them."""

import io

import numpy as np
import pytest
from browser import steps
from browser.conftest import DESKTOP, PHONE, open_visit
from browser.test_form import open_folds
from PIL import Image
from playwright.sync_api import expect

from tests.api.conftest import Server

pytestmark = pytest.mark.e2e

CHANGE = """async (changes) => {
    const { state, draw } = (await import(document.querySelector('script[src$="/js/main.js"]').src)).need('state.js');
    for (const [name, value] of Object.entries(changes))
        Object.defineProperty(state, name, { get: () => value, set() {}, configurable: true });
    draw(); }"""
"""What the server tells of itself meanwhile changes nothing of it."""
DOT = "getComputedStyle(document.querySelector('.topbar .pill[data-state] i')).backgroundColor"
FAULT = "The pictures on disk could not be compared with the gallery."
OVERFLOW = """() => [...document.querySelectorAll('#form-fields *')].filter((node) => node.checkVisibility({ visibilityProperty: true })
    && node.getBoundingClientRect().width > 1 && node.getBoundingClientRect().right > innerWidth + 1)
    .map((node) => `${node.tagName} ${node.id || node.className} ${Math.round(node.getBoundingClientRect().right)}`)"""


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_dot_is_green_only_when_an_engine_can_work(visit, theme):
    page = visit(theme=theme)
    expect(page.locator(".topbar .pill[data-state=ready]")).to_be_visible()
    ready = page.evaluate(DOT)
    for state in ("off", "starting", "restarting"):
        words = f"Engine {state}"
        page.evaluate(CHANGE, {"engines": [{"name": "a", "state": state, "message": ""}]})
        expect(page.locator(".topbar .pill[data-state]")).to_have_text(words)
        assert page.evaluate(DOT) != ready
    page.evaluate(CHANGE, {"engines": [], "troubles": []})
    expect(page.locator(".topbar .pill[data-state]")).to_have_text("Engine starting")
    page.evaluate(CHANGE, {"engines": [], "troubles": [FAULT]})
    expect(page.locator(".topbar .pill[data-state]")).to_have_text("Engine off")
    page.evaluate(CHANGE, {"engines": [{"name": "a", "state": "ready", "message": ""}], "troubles": [], "paused": True})
    expect(page.locator(".topbar .pill[data-state]")).to_have_text("Queue paused")
    assert page.evaluate(DOT) != ready


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_a_fault_that_health_reports_stays_on_the_page(chromium, tmp_path, size):
    server = Server(tmp_path)
    try:
        server.services.queue.report_trouble(FAULT)
        visit = open_visit(chromium, server.url, size)
        assert visit.page.request.get(f"{server.url}/health").json() == {"status": "degraded", "message": FAULT}
        said = visit.page.locator(".pill.trouble")
        expect(said).to_have_text("1 fault")
        expect(visit.page.locator(".toast")).to_contain_text(FAULT)
        visit.page.locator(".toast").wait_for(state="detached", timeout=60_000)
        said.click()
        expect(visit.page.locator(".toast")).to_contain_text(FAULT)
        box = said.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= size[0]
        visit.page.reload()
        expect(visit.page.locator(".pill.trouble")).to_have_text("1 fault")
        visit.page.context.close()
        assert visit.problems == []
    finally:
        server.close()


def test_a_reset_form_can_be_taken_back(visit):
    page = visit()
    steps.prompt(page, "typed for half an hour")
    steps.number(page, "steps", 7)
    steps.go(page, "settings")
    page.get_by_role("button", name="Reset form").click()
    page.locator(".toast").filter(has_text="Form reset").get_by_role("button", name="Undo").click()
    steps.go(page, "txt2img")
    expect(page.locator("#prompt textarea")).to_have_value("typed for half an hour")
    expect(page.locator("#steps input[type=number]")).to_have_value("7")


def test_the_open_form_fits_a_phone(visit):
    page = visit(PHONE)
    for mode in ("txt2img", "img2img", "inpaint"):
        steps.go(page, mode)
        steps.form(page)
        open_folds(page)
        assert page.evaluate(OVERFLOW) == [], mode
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), mode


# ---------------------------------------------------------------------------------------------------------- pictures
def phone_photo(path):
    """48×80 when it is held upright, its upper half red."""
    image = Image.new("RGB", (48, 80), "blue")
    image.paste("red", (0, 0, 48, 40))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.transpose(Image.Transpose.ROTATE_90).save(path, quality=95, exif=exif)
    return path


AT = """([canvas, x, y]) => { const it = document.querySelector(canvas ? '.mask .paint' : '.mask canvas');
    return [it.width, it.height, ...it.getContext('2d').getImageData(x, y, 1, 1).data]; }"""


def test_a_phone_photo_is_painted_on_as_it_is_seen(visit, origin, tmp_path):
    page = visit()
    steps.go(page, "inpaint")
    page.locator("#source input[type=file]").first.set_input_files(phone_photo(tmp_path / "phone.jpg"))
    page.wait_for_function("document.querySelector('.mask canvas')?.width === 48")
    page.wait_for_function("document.querySelector('.mask canvas').getContext('2d').getImageData(20, 5, 1, 1).data[0] > 150")
    width, height, red, _, blue, _ = page.evaluate(AT, [0, 20, 5])
    assert (width, height) == (48, 80) and red > 200 and blue < 90
    deep = np.full((80, 48), 300, np.uint16)  # 16 bits, its black not 0, as scanners write
    deep[40:, :] = 65535
    Image.fromarray(deep).save(tmp_path / "mask.png")
    page.locator(".mask-tools input[type=file]").set_input_files(tmp_path / "mask.png")
    page.wait_for_function("document.querySelector('.mask .paint').getContext('2d').getImageData(20, 60, 1, 1).data[3] === 255")
    assert page.evaluate(AT, [1, 20, 10])[-1] == 0
    before = steps.pictures(page)
    steps.prompt(page, "a red apple")
    steps.number(page, "steps", 2)
    page.locator("#generate").click()
    steps.more(page, before)
    newest = page.request.get(f"{origin}/api/v1/images?limit=1").json()["images"][0]
    assert newest["width"] < newest["height"]
    made = Image.open(io.BytesIO(page.request.get(f"{origin}{newest['url']}").body())).convert("RGB")
    red, _, blue = made.getpixel((made.width // 2, made.height // 8))
    assert red > 200 and blue < 90  # kept, the right way up


def test_a_broken_mask_is_refused_with_a_sentence(visit, tmp_path):
    page = visit()
    steps.go(page, "inpaint")
    page.locator("#source input[type=file]").first.set_input_files(phone_photo(tmp_path / "phone.jpg"))
    page.wait_for_function("document.querySelector('.mask canvas')?.width === 48")
    (tmp_path / "mask.png").write_bytes(b"<html>")
    page.locator(".mask-tools input[type=file]").set_input_files(tmp_path / "mask.png")
    expect(page.locator(".toast[data-kind=error]")).to_contain_text("not a picture")
