"""The mask's soft brush and its look in a real browser."""

import pytest
from browser import steps
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e
GREYS = """() => { const canvas = document.querySelector('.paint');
    const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    let greys = 0; for (let i = 3; i < data.length; i += 4) greys += data[i] > 20 && data[i] < 235;
    return greys / (data.length / 4); }"""
SEEN = """() => { const canvas = document.querySelector('.mask-look');
    const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    const light = []; for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 100) light.push(data[i]);
    return [Math.min(...light.slice(0, 9e4)), Math.max(...light.slice(0, 9e4))]; }"""


def soften(page, value: int) -> None:
    page.get_by_role("slider", name="Softness").evaluate("(range, value) => { range.value = value; range.oninput(); }", value)


def test_a_soft_brush_paints_greys_and_soft_inpainting_heeds_them(visit):
    page = visit()
    steps.generate(page, "a red apple", steps=2)
    page.get_by_role("button", name="Send to inpaint").click()
    page.locator(".paint").wait_for()
    page.get_by_role("slider", name="Brush size").evaluate("range => { range.value = 24; range.oninput(); }")
    steps.paint(page)
    assert steps.covered(page) > 0
    hard = page.evaluate(GREYS)
    expect(page.locator(".toast")).to_have_count(0)
    page.keyboard.press("Control+z")
    soften(page, 100)
    steps.paint(page)
    assert page.evaluate(GREYS) > max(3 * hard, 0.02)
    toast = page.locator(".toast", has_text="Soft inpainting is on")
    expect(toast).to_be_visible()
    page.keyboard.press("Control+z")
    assert page.evaluate(GREYS) == 0
    page.keyboard.press("Control+Shift+z")
    assert page.evaluate(GREYS) > 0.02


def test_the_mask_is_light_and_dark_or_of_one_colour(visit):
    page = visit()
    steps.generate(page, "a red apple", steps=2)
    page.get_by_role("button", name="Send to inpaint").click()
    page.locator(".paint").wait_for()
    steps.paint(page)
    page.wait_for_function(f"(() => {{ const [dark, light] = ({SEEN})(); return dark < 60 && light > 200; }})()")
    page.get_by_label("Mask look").select_option("green")
    page.wait_for_function(f"(() => {{ const [dark, light] = ({SEEN})(); return dark === light; }})()")
