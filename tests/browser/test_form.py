"""The form holds what people put into it, and what they left out: empty numbers, large numbers, values out of range, and the way back."""

import base64
import json
import re

import pytest
from browser import steps
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.e2e
HUGE = "18446744073709551557"
ODD = "9007199254740993"
MODULE = "async (name) => (await import(document.querySelector('script[src$=\"/js/main.js\"]').src)).later(name)"
OLD_PICTURE = "a harbour\nSteps: 3, Sampler: Euler a, CFG scale: 4, Seed: {seed}, Size: 64x64"


def sent(page: Page) -> dict:
    """The request that Generate would send; it goes nowhere."""
    page.route("**/page/generate", lambda route: route.fulfill(status=422, json={"message": "not now", "field": None, "advice": ""}))
    with page.expect_response("**/page/generate") as answered:
        page.locator("#generate").click()
    page.unroute("**/page/generate")
    return json.loads(answered.value.request.post_data)["values"]


def open_folds(page: Page) -> None:
    for head in page.locator("[id^=fold-] > button.label-wrap:visible").all():
        if "open" not in (head.get_attribute("class") or ""):
            head.click()
    page.wait_for_timeout(300)  # boxes come into the page after the fold is open


def put(page: Page, element: str, text: str) -> None:
    page.locator(f"#{element} input[type=number]").fill(text)


def paste(page: Page, text: str) -> None:
    steps.prompt(page, text)
    page.get_by_role("button", name="Apply a parameters text in the prompt").click()
    expect(page.locator("#prompt textarea")).to_have_value(text.split("\n")[0])


def toast(page: Page, words: str):
    return page.locator(".toast").filter(has_text=words).last


def picture(path, text: str, size=(64, 64)):
    facts = PngInfo()
    facts.add_text("parameters", text)
    Image.new("RGB", size, "teal").save(path, pnginfo=facts)
    return path


def drop(page: Page, target: str, path) -> None:
    page.evaluate(
        """([target, name, data]) => { const files = new DataTransfer();
        files.items.add(new File([Uint8Array.from(atob(data), c => c.charCodeAt(0))], name, {type: 'image/png'}));
        document.querySelector(target).dispatchEvent(new DragEvent('drop', {dataTransfer: files, bubbles: true, cancelable: true})); }""",
        [target, path.name, base64.b64encode(path.read_bytes()).decode()],
    )


def hang(page: Page, target: str, kind: str = "image/png") -> None:
    """A file is dragged over it."""
    page.evaluate(
        """([target, type]) => { const files = new DataTransfer();
        files.items.add(new File([new Uint8Array(8)], 'x', {type}));
        const drag = new DragEvent('dragover', {dataTransfer: files, bubbles: true, cancelable: true});
        document.querySelector(target).dispatchEvent(drag); }""",
        [target, kind],
    )


def test_a_picture_over_the_page_is_offered_its_uses(visit, tmp_path):
    page, path = visit(), picture(tmp_path / "hanging.png", "a plum\nSteps: 7, Sampler: Euler, CFG scale: 3, Seed: 5, Size: 64x64")
    zones = page.locator(".drop-zone")
    hang(page, "body", "text/plain")
    expect(zones.first).to_be_hidden()
    hang(page, "body")
    expect(zones).to_have_text([re.compile(f"^{title}") for title in ("Fill in its parameters", "Start picture", "Paint on it", "Extras")])
    expect(zones.first).to_be_hidden()  # it has gone on
    drop(page, ".drop-zone:nth-of-type(3)", path)
    page.wait_for_function("location.hash === '#inpaint'")
    expect(page.get_by_alt_text("Picture to start from")).to_be_visible()
    drop(page, ".drop-zone:nth-of-type(4)", path)
    page.wait_for_function("location.hash === '#extras'")
    expect(page.locator(".tray > *")).to_have_count(1)
    drop(page, ".drop-zone:nth-of-type(1)", path)
    page.wait_for_function("location.hash === '#txt2img'")
    expect(page.locator("#prompt textarea")).to_have_value("a plum")


# ---------------------------------------------------------------------------------------------------------- empty stays empty
@pytest.mark.parametrize("tab", ["txt2img", "img2img", "inpaint"])
def test_looking_into_every_fold_changes_nothing(visit, tab):
    page = visit()
    steps.go(page, tab)
    untouched = sent(page)
    open_folds(page)
    assert sent(page) == untouched
    page.reload()
    page.locator("#width input").wait_for()
    page.wait_for_function("document.querySelector('#width input')?.value !== ''")
    page.wait_for_timeout(300)
    assert sent(page) == untouched
    assert page.locator("[id^=fold-] .summary").all_inner_texts() == [""] * page.locator("[id^=fold-] .summary").count()


def test_what_is_emptied_stays_empty_after_a_reload_and_means_the_default(visit):
    page = visit()
    put(page, "width", "")
    assert sent(page)["width"] is None
    page.reload()
    page.locator("#height input").wait_for()
    page.wait_for_function("document.querySelector('#height input')?.value !== ''")
    expect(page.locator("#width input")).to_have_value("")
    expect(page.locator("#width input")).to_have_attribute("placeholder", "Native")
    put(page, "height", "64")
    steps.generate(page, "an empty width is the checkpoint's own", steps=2)
    expect(page.locator(".facts")).to_contain_text("128 × 64")


@pytest.mark.parametrize("way", ["reuse", "paste", "drop"])
def test_what_a_picture_left_empty_is_set_back_to_empty(visit, tmp_path, way):
    page = visit()
    put(page, "width", "64")
    put(page, "height", "64")
    if way == "reuse":
        steps.generate(page, "a harbour", steps=2)
    plain = {name: value for name, value in sent(page).items() if name.startswith(("sampler_options", "hires", "guidance_options", "clip"))}
    open_folds(page)
    for element in ("eta", "churn_max", "sigma_min", "sigma_max", "rho", "beta_alpha", "ensd", "noise_scale"):
        put(page, f"sampler_options-{element}", "1.5" if element != "ensd" else "31337")
    put(page, "hires-guidance", "3")
    put(page, "clip_skip", "2")
    page.locator("#hires-enabled input").check()
    filled = sent(page)
    assert {name: filled[name] for name in plain} != plain
    if way == "reuse":
        page.get_by_role("button", name="Reuse parameters").first.click()
    elif way == "paste":
        paste(page, OLD_PICTURE.format(seed=5))
    else:
        drop(page, "#prompt textarea", picture(tmp_path / "old.png", OLD_PICTURE.format(seed=5)))
    expect(page.locator("#sampler_options-eta input")).to_have_value("")
    expect(page.locator("#prompt textarea")).to_have_value("a harbour")
    now = sent(page)
    assert {name: now[name] for name in plain if not name.startswith("hires.")} == {
        name: value for name, value in plain.items() if not name.startswith("hires.")
    }
    assert now["hires.enabled"] is False and now["hires.guidance"] is None


def test_guidance_of_a_pasted_text_is_switched_on_and_off_again_by_the_next(visit):
    page = visit()
    paste(
        page,
        OLD_PICTURE.format(seed=5) + ", freeu_enabled: True, freeu_b1: 1.3, pagi_enabled: True, pagi_scale: 5.0, Token merging ratio: 0.4",
    )
    expect(page.locator("#fold-parts .summary").first).not_to_be_empty()
    now = sent(page)
    parts = ("freeu", "sag", "pag", "dynamic_thresholding", "latent_modifier", "hrfix", "token_merging")
    assert [now[f"{part}.enabled"] for part in parts] == [True, False, True, False, False, False, True]
    assert (now["freeu.b1"], now["pag.scale"], now["token_merging.ratio"]) == (1.3, 5, 0.4)
    page.locator("#fold-parts > button.label-wrap").click()
    page.locator("#part-freeu > button.label-wrap").click()
    expect(page.locator("#freeu-b1 input[type=number]")).to_have_value("1.3")
    paste(page, OLD_PICTURE.format(seed=6))
    assert not any(sent(page)[f"{part}.enabled"] for part in parts)


@pytest.mark.parametrize("way", ["paste", "drop"])
def test_what_a_picture_says_and_is_not_here_is_the_form_s_own_not_the_last_one_s(visit, tmp_path, way):
    page = visit()
    own = sent(page)
    page.locator("#sampler input").fill("Euler a")
    page.keyboard.press("Enter")
    put(page, "guidance", "19")
    put(page, "width", "512")
    steps.go(page, "img2img")
    put(page, "strength", "0.2")
    steps.go(page, "txt2img")
    changed = sent(page)
    assert (changed["sampler"], changed["guidance"], changed["width"]) == ("Euler a", 19, 512)
    text = "a harbour\nSteps: 3, Sampler: No such sampler, Seed: 5"
    if way == "paste":
        paste(page, text)
    else:
        drop(page, "#prompt textarea", picture(tmp_path / "unknown.png", text))
    toast(page, "No such sampler").wait_for()
    expect(page.locator("#seed input")).to_have_value("5")
    now = sent(page)
    assert {name: now[name] for name in ("sampler", "guidance", "width")} == {name: own[name] for name in ("sampler", "guidance", "width")}
    assert now["steps"] == 3 and now["strength"] == 0.2


# ---------------------------------------------------------------------------------------------------------- large numbers
def test_every_digit_of_a_seed_goes_through_the_page(visit, origin):
    page = visit()
    page.locator("#fold-advanced > button.label-wrap").click()
    page.locator("#fold-sampler > button.label-wrap").click()
    for element, number in (
        ("seed", HUGE),
        ("variation_seed", ODD),
        ("sampler_options-ensd", "-" + ODD),
        ("width", "64"),
        ("height", "64"),
    ):
        put(page, element, number)
    put(page, "variation_strength", "0.1")
    page.reload()
    page.wait_for_function("text => document.querySelector('#seed input')?.value === text", arg=HUGE)
    steps.generate(page, "large numbers", steps=1)
    expect(page.locator(".facts")).to_contain_text(f"Seed {HUGE}")
    job = page.request.get(f"{origin}/api/v1/images?limit=1").text()
    assert HUGE in job and ODD in job
    for element in ("seed", "variation_seed", "sampler_options-ensd"):
        put(page, element, "1")
    page.get_by_role("button", name="Reuse parameters").first.click()
    for element, number in (("seed", HUGE), ("variation_seed", ODD), ("sampler_options-ensd", "-" + ODD)):
        expect(page.locator(f"#{element} input")).to_have_value(number)
    put(page, "seed", "1")
    page.locator("#reuse-seed").click()
    expect(page.locator("#seed input")).to_have_value(HUGE)
    page.locator("#seed input").press("ArrowDown")
    expect(page.locator("#seed input")).to_have_value(str(int(HUGE) - 1))
    steps.go(page, "gallery")
    page.get_by_role("button", name="large numbers", exact=True).first.dblclick()
    expect(page.locator("dialog.viewer")).to_contain_text(HUGE)


@pytest.mark.parametrize("seed", [HUGE, ODD])
def test_a_large_seed_of_a_pasted_or_dropped_picture_keeps_its_digits(visit, tmp_path, seed):
    page = visit()
    paste(page, OLD_PICTURE.format(seed=seed))
    expect(page.locator("#seed input")).to_have_value(seed)
    put(page, "seed", "1")
    drop(page, "#prompt textarea", picture(tmp_path / "large.png", OLD_PICTURE.format(seed=seed)))
    expect(page.locator("#seed input")).to_have_value(seed)
    assert sent(page)["seed"] == seed


def test_numbers_in_json_are_read_whole(visit):
    page = visit()
    read = page.evaluate(
        "async ([load, text]) => (await eval(load)('exact.js')).parseExact(text)",
        [
            MODULE,
            f'{{"a": {HUGE}, "b": [-{ODD}, 12], "c": "seed {HUGE} \\\\\\" {ODD}", '
            '"d": 0.12345678901234567890, "e": 1e30, "f": 9007199254740991}',
        ],
    )
    assert read["a"] == HUGE and read["b"] == ["-" + ODD, 12]
    assert read["c"] == f'seed {HUGE} \\" {ODD}' and read["d"] == 0.12345678901234568
    assert read["e"] == 1e30 and read["f"] == 9007199254740991


# ---------------------------------------------------------------------------------------------------------- weights by key
WEIGHTS = [
    ("a red app|le", 1, "a red (apple:1.1)"),
    ("a (red app|le:1.1)", -1, "a red apple"),
    ("a (red app|le)", 1, "a (red apple:1.2)"),
    ("((c|at))", 1, "(cat:1.3)"),
    ("[c|at]", -1, "(cat:0.8)"),
    ("[c|at]", 1, "cat"),
    ("[c|at:dog:0.5]", 1, "[(cat:1.1):dog:0.5]"),
    ("[cat:dog:0.|5]", 1, "[cat:dog:0.5]"),
    ("((c|at:0.9) dog:1.2)", 1, "(cat dog:1.2)"),
    ("((cat:0.9) d|og:1.2)", 1, "((cat:0.9) dog:1.3)"),
    ("(cat:0.|1)", -1, "(cat:0)"),
    ("(c|at:0)", -1, "(cat:0)"),
    ("(c|at:0.05)", -1, "(cat:0)"),
    ("(c|at:-0.5)", 1, "(cat:-0.4)"),
    ("a |red big| apple", 1, "a (red big:1.1) apple"),
    ("a |red big |apple", 1, "a (red big:1.1) apple"),
    ("a |red (big| apple:1.2)", 1, "a (red (big apple:1.2):1.1)"),
    ("|(red apple:1.2)|", 1, "(red apple:1.3)"),
    ("cat \\(ani|mal\\)", 1, "cat (\\(animal\\):1.1)"),
    ("x <lora:x:0.|8>", 1, "x <lora:x:0.85>"),
    ("x <lo|ra:x:0.8>", -1, "x <lora:x:0.75>"),
    ("<lora:my style (v1):0.8|>", 1, "<lora:my style (v1):0.85>"),
    ("<lora:x:0.8>|", 1, "<lora:x:0.85>"),
    ("<lora:x|>", 1, "<lora:x:1.05>"),
    ("<lora:x:0.0|5>", -1, "<lora:x:0>"),
    ("<lora:x:|0>", -1, "<lora:x:0>"),
    ("<lora:x:-0.|5>", -1, "<lora:x:-0.55>"),
    ("<lora:x:0.|8:0.5>", 1, "<lora:x:0.85:0.5>"),
    ("<lora:x:0.8:0.|5>", -1, "<lora:x:0.8:0.45>"),
    ("<lora:x:te=0.|5:unet=0.7>", 1, "<lora:x:te=0.55:unet=0.7>"),
    ("<lora:x:te=0.5:un|et=0.7>", 1, "<lora:x:te=0.5:unet=0.75>"),
    ("cat AN|D dog", 1, "cat AND dog"),
    ("   |", 1, "   "),
]


@pytest.fixture(scope="module")
def reweigh(chromium, origin):
    context = chromium.new_context()
    page = context.new_page()
    page.goto(origin)
    page.wait_for_function("document.querySelector('script[src$=\"/js/main.js\"]')")

    def run(text: str, start: int, end: int, up: bool):
        return page.evaluate(
            """async ([load, value, from, to, up]) => {
            const { reweigh } = await eval(load)('weights.js');
            const it = reweigh(value, from, to, up);
            if (!it) return { text: value, from, to };
            return { text: value.slice(0, it.start) + it.text + value.slice(it.end), from: it.from, to: it.to }; }""",
            [MODULE, text, start, end, up],
        )

    yield run
    context.close()


def marked(text: str) -> tuple[str, int, int]:
    """A prompt whose cursor or selection is written as | or |…|."""
    first = text.find("|")
    last = text.rfind("|")
    if first < 0:
        return text, len(text), len(text)
    return (text.replace("|", ""), first, max(last - 1, first)) if first != last else (text.replace("|", ""), first, first)


@pytest.mark.parametrize("prompt, by, wanted", WEIGHTS)
def test_a_weight_changes_as_in_a1111(reweigh, prompt, by, wanted):
    assert reweigh(*marked(prompt), by > 0)["text"] == wanted


@pytest.mark.parametrize("prompt", ["cat", "(cat:1.5)", "((cat))", "[cat]", "red (big cat:0.3)", "<lora:x:0.3>", "<lora:x:0.2:0.4>"])
def test_going_down_for_ever_ends_at_zero_in_a_whole_text(reweigh, prompt):
    text, at = prompt, len(prompt) // 2
    start = end = at
    for _ in range(30):
        told = reweigh(text, start, end, False)
        text, start, end = told["text"], told["from"], told["to"]
    assert re.search(r":0[:)>]", text)
    assert "-" not in text and text.count("(") == text.count(")") and "((" not in text


def test_control_z_takes_a_weight_back(visit):
    page = visit()
    area = page.locator("#prompt textarea")
    area.click()
    page.keyboard.type("a red apple <lora:x:0.8>")
    page.keyboard.press("Control+ArrowUp")
    page.keyboard.press("Control+ArrowUp")
    expect(area).to_have_value("a red apple <lora:x:0.9>")
    assert sent(page)["prompt"] == "a red apple <lora:x:0.9>"
    area.focus()
    page.keyboard.press("Control+z")
    expect(area).to_have_value("a red apple <lora:x:0.85>")
    page.keyboard.press("Control+z")
    expect(area).to_have_value("a red apple <lora:x:0.8>")
    area.evaluate("area => area.setSelectionRange(2, 11)")
    page.keyboard.press("Control+ArrowDown")
    expect(area).to_have_value("a (red apple:0.9) <lora:x:0.8>")
    page.keyboard.press("Control+z")
    expect(area).to_have_value("a red apple <lora:x:0.8>")
    assert sent(page)["prompt"] == "a red apple <lora:x:0.8>"


# ---------------------------------------------------------------------------------------------------------- the way back
@pytest.mark.parametrize("way", ["reuse", "paste", "drop", "info"])
def test_undo_brings_the_whole_form_back(visit, tmp_path, way):
    page = visit()
    put(page, "width", "64")
    put(page, "height", "64")
    if way == "reuse":
        steps.generate(page, "before", steps=1)
    open_folds(page)
    put(page, "sampler_options-eta", "0.4")
    put(page, "clip_skip", "2")
    put(page, "steps", "")
    page.locator("#negative_prompt textarea").fill("fog")
    steps.prompt(page, OLD_PICTURE.format(seed=8) if way == "paste" else "typed for half an hour")
    typed = sent(page)
    old = picture(tmp_path / "old.png", OLD_PICTURE.format(seed=8))
    if way == "reuse":
        page.get_by_role("button", name="Reuse parameters").first.click()
    elif way == "paste":
        page.get_by_role("button", name="Apply a parameters text in the prompt").click()
    elif way == "drop":
        drop(page, "#prompt textarea", old)
    else:
        steps.go(page, "png-info")
        page.locator("#png-info input[type=file]").set_input_files(old)
        page.get_by_role("button", name="Reuse parameters").last.click()
    expect(page.locator("#negative_prompt textarea")).to_have_value("")
    expect(page.locator("#sampler_options-eta input")).to_have_value("")
    toast(page, "Parameters").get_by_role("button", name="Undo").click()
    expect(page.locator("#negative_prompt textarea")).to_have_value("fog")
    expect(page.locator("#sampler_options-eta input")).to_have_value("0.4")
    assert sent(page) == typed


# ---------------------------------------------------------------------------------------------------------- out of range
def test_what_is_typed_is_kept_and_refused_with_a_sentence(visit):
    page = visit()
    put(page, "steps", "999")
    page.locator("#steps input[type=number]").press("Tab")
    assert sent(page)["steps"] == 999
    put(page, "steps", "1001")
    page.locator("#steps input[type=number]").press("Tab")
    page.locator("#generate").click()
    assert steps.error_at(page, "steps") == "Sampling steps must be between 1 and 1000."
    expect(page.locator("#steps input[type=number]")).to_have_value("1001")
    put(page, "steps", "2.5")
    page.locator("#generate").click()
    assert steps.error_at(page, "steps") == "Sampling steps must be a whole number."
    put(page, "steps", "3")
    page.locator("#seed input").press_sequentially("e")
    page.locator("#generate").click()
    assert steps.error_at(page, "seed") == "Seed must be a whole number."


def test_the_track_moves_the_number_and_stays_in_its_ends(visit):
    page = visit()
    put(page, "steps", "500")
    assert page.locator("#steps input[type=range]").input_value() == "150"
    page.locator("#steps input[type=range]").press("ArrowLeft")
    expect(page.locator("#steps input[type=number]")).to_have_value("149")
    assert sent(page)["steps"] == 149


# ---------------------------------------------------------------------------------------------------------- size of a start picture
@pytest.mark.parametrize("size", [(1366, 768), (390, 844)])
def test_long_labels_leave_every_slider_its_whole_number(visit, size):
    page = visit(size=size)
    for tab in ("txt2img", "img2img", "inpaint"):
        steps.go(page, tab)
        steps.form(page)
        open_folds(page)
        cut = page.evaluate(
            """() => [...document.querySelectorAll('#form .head')].filter(head => head.checkVisibility()).flatMap(head => {
            const number = head.querySelector('input[type=number]'), label = head.querySelector('[data-testid=block-info]');
            if (!number || !label) return [];
            const box = number.getBoundingClientRect(), text = label.getBoundingClientRect(), outer = head.getBoundingClientRect();
            const fits = box.width >= 56 && box.right <= outer.right + 1 && text.right <= box.left + 1;
            return fits && label.scrollWidth <= label.clientWidth + 1 ? [] : [label.textContent.trim()]; })"""
        )
        assert cut == []
    assert page.locator("#form .head:visible").count() > 5


def test_an_enlarged_picture_keeps_its_size_in_img2img(visit):
    page = visit()
    put(page, "width", "64")
    put(page, "height", "64")
    page.locator("#fold-hires > button.label-wrap").click()
    page.locator("#hires-enabled input").check()
    put(page, "hires-scale", "4")
    put(page, "hires-steps", "1")
    steps.generate(page, "enlarged", steps=1)
    page.get_by_role("button", name="Send to img2img").click()
    expect(page.locator("#width input")).to_have_value("256")
    toast(page, "Size set to 256 × 256").wait_for()


def test_a_large_photo_is_made_smaller_and_that_is_said(visit, tmp_path):
    page = visit()
    steps.go(page, "img2img")
    path = tmp_path / "photo.png"
    Image.new("RGB", (1200, 800), "olive").save(path)
    page.locator("#source input[type=file]").set_input_files(path)
    said = toast(page, "The picture is 1200 × 800")
    said.wait_for()
    assert int(page.locator("#width input").input_value()) < 400
    said.get_by_role("button", name="Keep 1200 × 800").click()
    expect(page.locator("#width input")).to_have_value("1200")
    expect(page.locator("#height input")).to_have_value("800")
