"""The Extras tab: pictures are dropped or sent there, finished by a chain, and shown; what is wrong is said beside Go."""

import io
from importlib.util import find_spec

import numpy as np
from PIL import Image

from webui.core.finish import OWN_UPSCALER


def picture(seed, size=(48, 32)):
    data = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)).save(data, "PNG")
    return {"name": f"{seed}.png", "mimeType": "image/png", "buffer": data.getvalue()}


def test_pictures_go_through_a_chain_and_again(visit):
    from playwright.sync_api import expect

    page = visit()
    page.locator("#tab-extras-button").click()
    expect(page.locator(".extras .drop:visible")).to_have_count(1)
    page.locator(".extras input[type=file]").first.set_input_files([picture(1), picture(2)])
    expect(page.locator(".extras-before img")).to_be_visible()
    expect(page.locator(".extras .welcome")).to_be_hidden()
    expect(page.locator(".tray-picture")).to_have_count(2)
    expect(page.locator(".extras .step select").first).to_have_value(OWN_UPSCALER if find_spec("spandrel") else "Lanczos")
    add = page.locator(".extras select[aria-label='Add a step']")
    for title in ("Format", "Film grain"):
        add.select_option(label=title)
    expect(page.locator(".extras .step")).to_have_count(3)
    assert page.locator(".extras .step").evaluate_all("all => all.map((step) => step.dataset.kind)") == ["upscale", "grain", "format"]
    page.locator("#extras-go").click()
    expect(page.locator(".extras-result")).to_have_count(2)
    expect(page.locator(".extras-before")).to_be_hidden()
    expect(page.locator(".extras-results > p")).to_contain_text("2 of 2 done")
    page.locator(".extras-result").first.click()
    viewer = page.locator("dialog.viewer")
    expect(viewer.get_by_text("96 × 64")).to_be_visible()
    assert viewer.get_by_text("Source").evaluate("(node) => node.closest('a').pathname").startswith("/api/v1/images/")
    viewer.get_by_title("Send to Extras").click()
    expect(page.locator(".tray-picture")).to_have_count(3)
    page.get_by_role("spinbutton", name="Width to").fill("30000")
    page.locator("#extras-go").click()
    expect(page.locator(".extras .field-error")).to_contain_text("million can be made")


def test_files_that_are_left_alone_are_named(visit, tmp_path):
    from playwright.sync_api import expect

    for name, data in {"good.png": picture(3)["buffer"], "torn.png": picture(4)["buffer"][:60], "letter.txt": b"hello"}.items():
        (tmp_path / name).write_bytes(data)
    page = visit()
    page.locator("#tab-extras-button").click()
    page.get_by_label("Or every picture in a folder of this machine").fill(str(tmp_path))
    page.locator("#extras-go").click()
    expect(page.locator(".toast", has_text="2 files passed over: letter.txt, torn.png.")).to_be_visible()
    page.locator(".passed-over summary").click()
    expect(page.locator(".passed-over li")).to_have_count(2)
    expect(page.locator(".passed-over li", has_text="torn.png: ")).to_be_visible()
    expect(page.locator(".extras-results > p")).to_contain_text("1 of 1 done")
    page.locator(".extras input[type=file]").first.set_input_files([tmp_path / name for name in ("good.png", "torn.png", "letter.txt")])
    expect(page.locator(".toast", has_text="torn.png: ")).to_contain_text("letter.txt: ")
    expect(page.locator(".tray-picture")).to_have_count(1)
