"""The canvas of inpaint in a real browser: the mask's soft brush and look, edges, colours, and what becomes of results."""

import io

import pytest
from browser import steps
from PIL import Image
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


def start(page, blue: int) -> None:
    """A picture of 96 × 64 in a blue of the test's own on the canvas; what is made of it is as small."""
    steps.go(page, "inpaint")
    data = io.BytesIO()
    Image.new("RGB", (96, 64), (0, 0, blue)).save(data, "PNG")
    page.locator("#source input[type=file]").set_input_files({"name": "blue.png", "mimeType": "image/png", "buffer": data.getvalue()})
    page.wait_for_function(
        "blue => document.querySelector('.leaf canvas').getContext('2d').getImageData(9, 9, 1, 1).data[2] === blue", arg=blue
    )
    expect(page.locator(".canvas-size")).to_have_text("96 × 64")
    page.get_by_role("slider", name="Brush size").evaluate("range => { range.value = 10; range.oninput(); }")
    steps.number(page, "steps", 1)
    for side in ("width", "height"):
        steps.number(page, side, 64)


def test_an_edge_is_pulled_the_result_is_accepted_and_undo_goes_back_over_both(visit):
    page = visit()
    start(page, 254)
    words = page.locator(".sent-frame span")
    expect(words).to_be_hidden()
    edge = page.get_by_role("button", name="Extend right")
    box = edge.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 17 * steps.zoom(page) / 100, y, steps=4)
    page.mouse.up()
    expect(page.locator(".canvas-size")).to_have_text("96 × 64 → 112 × 64")  # 17 are nearest to two steps of 8
    expect(words).to_contain_text("made at 64 × 64")
    edge.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".canvas-size")).to_have_text("96 × 64 → 120 × 64")
    expect(page.get_by_role("button", name="+24 Extend right")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(page.locator(".canvas-size")).to_have_text("96 × 64 → 112 × 64")
    expect(page.locator("#fold-outpaint .summary")).to_have_text("On")  # the form has heard
    before = steps.pictures(page)
    page.locator("#generate").click()
    steps.more(page, before)
    assert page.evaluate("known.images[0].request.outpaint").items() >= {"right": 16, "left": 0, "fill": "edge"}.items()
    assert page.evaluate("[known.images[0].width, known.images[0].height]") == [112, 64]
    page.get_by_role("button", name="Accept").click()
    expect(page.locator(".canvas-size")).to_have_text("112 × 64")
    expect(page.locator("#fold-outpaint .summary")).to_have_text("")
    page.keyboard.press("Control+z")
    expect(page.locator(".canvas-size")).to_have_text("96 × 64 → 112 × 64")
    expect(page.locator("#fold-outpaint .summary")).to_have_text("On")
    page.keyboard.press("Control+z")
    expect(page.locator(".canvas-size")).to_have_text("96 × 64")


def test_colour_is_masked_and_becomes_part_of_the_picture_to_start_from(visit, origin):
    page = visit()
    start(page, 253)
    page.get_by_label("Colour of the brush").evaluate("input => { input.value = '#00ff00'; }")
    page.get_by_role("button", name="Colour (K)").click()
    steps.paint(page)
    assert 0 < steps.covered(page) < 0.5
    before = steps.pictures(page)
    page.locator("#generate").click()
    steps.more(page, before)
    init, mask = page.evaluate("[known.images[0].request.init, known.images[0].request.mask]")
    drawn, masked = (
        Image.open(io.BytesIO(page.request.get(f"{origin}/api/v1/images/{each}").body())).convert("RGB") for each in (init, mask)
    )
    assert drawn.getpixel((48, 32)) == (0, 255, 0) and masked.getpixel((48, 32)) == (255, 255, 255)
    assert drawn.getpixel((48, 8)) == (0, 0, 253) and masked.getpixel((48, 8)) == (0, 0, 0)
    # the mask's blur fades to the picture to start from: there its colour would stay as a rim
    assert drawn.getpixel((48, 40)) == (0, 0, 253) and masked.getpixel((48, 40)) == (255, 255, 255)
    expect(page.locator(".canvas-count")).to_have_text("1 of 1")
    page.get_by_role("button", name="Discard").click()
    expect(page.locator(".paint")).to_be_visible()  # no result is left: the canvas again
    page.get_by_role("button", name="Eraser (E)").click()
    steps.paint(page)
    assert steps.covered(page) < 0.02


def test_img2img_has_a_canvas_for_colours_alone(visit, origin):
    page = visit()
    start(page, 252)
    steps.go(page, "img2img")
    page.get_by_role("button", name="Canvas", exact=True).click()
    expect(page.get_by_role("button", name="Invert mask (V)")).to_be_hidden()
    page.get_by_label("Colour of the brush").evaluate("input => { input.value = '#ff0000'; }")
    steps.paint(page)
    before = steps.pictures(page)
    page.locator("#generate").click()
    steps.more(page, before)
    mode, init, mask = page.evaluate("[known.images[0].request.mode, known.images[0].request.init, known.images[0].request.mask]")
    drawn = Image.open(io.BytesIO(page.request.get(f"{origin}/api/v1/images/{init}").body())).convert("RGB")
    assert (mode, mask, drawn.getpixel((48, 32)), drawn.getpixel((48, 8))) == ("img2img", None, (255, 0, 0), (0, 0, 252))


AT = "([x, y]) => [...document.querySelector('.leaf canvas').getContext('2d').getImageData(x, y, 1, 1).data]"


def seen(page, x: int, y: int, colour: tuple[int, int, int]) -> None:
    """Wait until the canvas is nearly of this colour there."""
    near = f"([x, y, wanted]) => {{ const is = ({AT})([x, y]); return wanted.every((each, n) => Math.abs(each - is[n]) < 3); }}"
    page.wait_for_function(near, arg=[x, y, list(colour)])


def test_pictures_lie_over_one_another_and_what_is_seen_is_sent(visit, origin):
    """Added, ordered, hidden, moved, made fainter, by mouse and by keys; undone; and below a result that was accepted."""
    page = visit()
    start(page, 251)
    page.get_by_role("button", name="Layers").click()
    layers = page.get_by_role("complementary", name="Layers")
    names = layers.locator(".layer-name")
    expect(names).to_have_text(["Picture"])
    expect(layers.get_by_role("button", name="Remove the layer")).to_be_disabled()
    data = io.BytesIO()
    Image.new("RGB", (20, 20), (250, 0, 0)).save(data, "PNG")
    layers.get_by_label("Picture for a layer").set_input_files({"name": "red.png", "mimeType": "image/png", "buffer": data.getvalue()})
    expect(names).to_have_text(["red.png", "Picture"])
    seen(page, 48, 32, (250, 0, 0))
    seen(page, 8, 32, (0, 0, 251))
    layers.get_by_role("slider", name="Opacity").evaluate("input => { input.value = 50; input.oninput(); input.onchange(); }")
    seen(page, 48, 32, (125, 0, 126))
    names.first.focus()
    page.keyboard.press("Alt+ArrowDown")
    expect(names).to_have_text(["Picture", "red.png50 %"])
    seen(page, 48, 32, (0, 0, 251))
    page.keyboard.press("Alt+ArrowUp")
    page.get_by_role("button", name="Move the layer (L)").click()
    box = page.locator(".paint").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"], box["y"] + box["height"] / 2, steps=3)
    page.mouse.up()
    seen(page, 40, 32, (0, 0, 251))
    seen(page, 88, 32, (125, 0, 126))
    for _ in range(2):
        page.get_by_role("button", name="Undo (Ctrl+Z)").click()
    expect(names).to_have_text(["Picture", "red.png50 %"])
    page.get_by_role("button", name="Redo (Ctrl+Shift+Z)").click()
    seen(page, 40, 32, (125, 0, 126))
    layers.get_by_role("button", name="Show Picture").click()
    assert page.evaluate(AT, [8, 32])[3] == 0
    layers.get_by_role("button", name="Show Picture").click()
    page.get_by_role("button", name="Brush (B)").click()
    steps.paint(page)
    before = steps.pictures(page)
    page.locator("#generate").click()
    steps.more(page, before)
    init = page.evaluate("known.images[0].request.init")
    sent = Image.open(io.BytesIO(page.request.get(f"{origin}/api/v1/images/{init}").body())).convert("RGB")
    assert sent.size == (96, 64) and sent.getpixel((8, 32)) == (0, 0, 251) and 120 < sent.getpixel((48, 32))[0] < 130
    page.get_by_role("button", name="Accept").click()
    expect(names).to_have_count(3)
    expect(names.nth(1)).to_have_text("red.png50 %")
    layers.get_by_role("button", name="Show ").first.click()
    seen(page, 48, 32, (125, 0, 126))
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(names).to_have_text(["red.png50 %", "Picture"])
