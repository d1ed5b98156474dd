"""A person who clicks and types faster than the server answers: late, missing and overtaken answers."""

import contextlib
import io
import json
import time

import httpx
import numpy as np
import pytest
from browser import steps
from browser.conftest import open_visit
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import Page, Route, expect
from safetensors.numpy import save_file

pytestmark = pytest.mark.e2e
SMALL = {"steps": 1, "width": 64, "height": 64}
NOT_CONNECTED = "Not connected. Your settings are kept."


class Held:
    """Requests that wait for their answer until the test gives it."""

    def __init__(self, page: Page, pattern: str, method: str = "") -> None:
        self._page, self.routes = page, []
        page.route(pattern, lambda route: self.routes.append(route) if method in ("", route.request.method) else route.fallback())

    def came(self, count: int) -> list[Route]:
        """Wait until so many have come."""
        while len(self.routes) < count:
            frame(self._page)
        return self.routes

    def answer(self, number: int) -> None:
        """Let one go, and wait until the page has had its answer."""
        route = self.routes[number]
        with self._page.expect_event("requestfinished", lambda request: request == route.request):
            route.continue_()
        frame(self._page)


def frame(page: Page) -> None:
    """Until the page has drawn what it knows."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")


def slow_down(page: Page, milliseconds: int) -> None:
    """Every answer takes so long from now on."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    limits = {"offline": False, "latency": milliseconds, "downloadThroughput": -1, "uploadThroughput": -1}
    session.send("Network.emulateNetworkConditions", limits)


def submit(origin: str, prompt: str, **more) -> str:
    """Make pictures without a page; gives the job's id when they are there."""
    job = httpx.post(f"{origin}/api/v1/jobs", json={"prompt": prompt, **SMALL, **more}, timeout=120).raise_for_status().json()
    with httpx.stream("GET", f"{origin}/api/v1/jobs/{job['id']}/events", timeout=120) as events:
        events.read()
    return job["id"]


def picture(words: str) -> dict[str, object]:
    """A file whose parameters say so."""
    info, file = PngInfo(), io.BytesIO()
    info.add_text("parameters", f"{words}\nSteps: 7, Sampler: Euler, CFG scale: 3, Seed: 5, Size: 64x64")
    Image.new("RGB", (64, 64), "red").save(file, "PNG", pnginfo=info)
    return {"name": "from.png", "mimeType": "image/png", "buffer": file.getvalue()}


@contextlib.contextmanager
def failing(page, pattern):
    """No answer to these, as when the server has gone."""
    page.route(pattern, lambda route: route.abort())
    yield
    page.unroute(pattern)


def told(page, words=NOT_CONNECTED):
    """A message says so; it is taken away for the next one."""
    note = page.locator("body > #toasts .toast[data-kind=error]").filter(has_text=words)
    expect(note).to_have_count(1)
    note.evaluate("note => note.remove()")


def plain(colour):
    """A picture to start from."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(file, "PNG")
    return {"name": f"{colour}.png", "mimeType": "image/png", "buffer": file.getvalue()}


@pytest.fixture(scope="module")
def boats(origin):
    """Pictures to look at: more than a page of the gallery, then three boats."""
    submit(origin, "a crowd", batch_size=14, batch_count=2)
    for words in ("boat one", "boat two", "boat three"):
        submit(origin, words)


@pytest.fixture(scope="module")
def desk(chromium, origin, boats):
    """One person's page for all these tests: hurry lasts."""
    desk = open_visit(chromium, origin)
    yield desk
    desk.page.context.close()


@pytest.fixture
def page(desk):
    """The page; a request that fails on purpose is no fault of it, anything else is."""
    steps.go(desk.page, "txt2img")
    for name, value in SMALL.items():
        steps.number(desk.page, name, value)
    yield desk.page
    desk.page.unroute_all()
    desk.page.evaluate("document.querySelector('dialog[open]')?.close()")
    assert desk.foreign == [] and [problem for problem in desk.problems if "Failed to load resource" not in problem] == []


def test_each_click_on_generate_is_a_job_of_what_the_form_said_then(page):
    sent = Held(page, "**/page/generate")
    for words in ("first wish", "second wish", "third wish"):
        steps.prompt(page, words)
        page.locator("#generate").click()
    before = steps.pictures(page)
    for number in range(3):
        sent.came(number + 1)
        sent.answer(number)
    assert [json.loads(route.request.post_data)["values"]["prompt"] for route in sent.routes] == ["first wish", "second wish", "third wish"]
    steps.more(page, before + 2)


def test_of_two_searches_the_later_is_shown_whichever_answer_comes_first(page):
    steps.go(page, "gallery")
    expect(page.locator(".thumb")).not_to_have_count(0)
    asked = Held(page, "**/api/v1/images?*q=*")
    _overtake(page, page.get_by_role("searchbox", name="Search prompts"), asked, page.locator("#gallery .thumb"))
    steps.go(page, "queue")
    asked = Held(page, "**/api/v1/jobs?*search=*")
    _overtake(page, page.get_by_role("searchbox", name="Search history"), asked, page.get_by_role("list", name="History").locator(".job"))
    steps.go(page, "png-info")
    asked, file = Held(page, "**/page/parameters/picture"), page.locator("#png-info input[type=file]")
    for number, words in enumerate(("an old map", "a new map"), 1):
        file.set_input_files(picture(words))
        asked.came(number)
    for number in (1, 0):
        asked.answer(number)
        expect(page.locator(".info-card pre")).to_contain_text("a new map")


def _overtake(page, search, asked, found):
    """The words of the first search are answered last."""
    for number, words in enumerate(("boat one", "boat two"), 1):
        search.fill(words)
        asked.came(number)
    assert found.count() > 1, "what was there stays until the answer comes"
    for number in (1, 0):
        asked.answer(number)
        expect(found).to_have_count(1)
        expect(found.filter(has_text="boat two").or_(found.and_(page.locator("[title='boat two']")))).to_have_count(1)


@pytest.mark.parametrize(("address", "pressed"), [("#txt2img", "gallery"), ("#gallery", "txt2img")])
def test_a_tab_pressed_before_the_scripts_have_come_stays(page, address, pressed):
    page.evaluate("address => history.replaceState(null, '', address)", address)
    script = Held(page, "**/js/main.js")
    page.reload(wait_until="commit")
    script.came(1)
    page.locator(f"#tab-{pressed}-button").click()
    script.answer(0)
    page.wait_for_function("name => location.hash === `#${name}` && document.body.dataset.state !== 'joining'", arg=pressed)
    expect(page.locator(f"#tab-{pressed}-button")).to_have_attribute("aria-selected", "true")
    expect(page.locator("body")).to_have_attribute("data-tab", "gallery" if pressed == "gallery" else "studio")


LAST_ROWS = """() => { scrollTo(0, 1e6); return [...document.querySelectorAll('.thumb')].some(each => {
    const { top, bottom } = each.getBoundingClientRect(); return top >= 0 && bottom <= innerHeight; }); }"""
"""Scroll to the end of the sheet; whether a picture there is drawn whole. How many there are depends on the tests before."""


def test_the_gallery_can_be_used_while_it_is_asked_for_anew(page, origin):
    page.evaluate("localStorage.setItem('darkroom.thumb', '120')")
    page.reload()
    steps.go(page, "gallery")
    boat = page.get_by_role("button", name="boat two", exact=True).first
    boat.wait_for()
    page.wait_for_function(LAST_ROWS)
    page.evaluate("scrollTo(0, 0)")
    asked = Held(page, "**/api/v1/images?*q=*")
    page.get_by_role("searchbox", name="Search prompts").fill("boat")
    asked.came(1)
    boat.dblclick()  # the second click falls beside the picture, where a click closes
    viewer = page.locator("dialog.viewer")
    expect(viewer.locator("p").first).to_have_text("boat two")
    asked.answer(0)
    page.keyboard.press("ArrowLeft")
    expect(viewer.locator("p").first).to_have_text("boat three")
    page.keyboard.press("Escape")
    page.get_by_role("searchbox", name="Search prompts").fill("")
    expect(page.get_by_role("button", name="a crowd", exact=True).first).to_be_visible()
    boat.dblclick()
    before = steps.pictures(page)
    submit(origin, "boat four")
    page.wait_for_function(steps.DRAWN, arg=before)
    page.keyboard.press("ArrowRight")
    expect(viewer.locator("p").first).to_have_text("boat one")


def test_settings_keep_what_is_typed_while_the_last_change_is_saved(page, origin):
    steps.go(page, "settings")
    quality = page.locator("#setting-picture_quality")
    quality.wait_for()
    steps.go(page, "txt2img")
    listed, saved = Held(page, "**/page/settings", "GET"), Held(page, "**/page/settings", "PATCH")
    steps.go(page, "settings")
    listed.came(1)
    for value in ("80", "81"):
        quality.fill(value)
        quality.press("Enter")
    quality.fill("8")
    saved.came(1)
    saved.answer(0)
    listed.answer(0)  # asked before, so older
    saved.came(2)
    saved.answer(1)
    expect(quality).to_have_value("8")
    quality.press_sequentially("2")
    expect(quality).to_have_value("82")
    quality.press("Enter")
    saved.came(3)
    saved.answer(2)
    expect(page.locator("[data-name=picture_quality] .changed")).to_be_visible()
    expect(quality).to_have_value("82")
    sections = httpx.get(f"{origin}/page/settings", timeout=120).json()["sections"]
    assert {field["name"]: field["value"] for section in sections for field in section["fields"]}["picture_quality"] == 82
    page.unroute_all()
    page.get_by_role("button", name="Reset Quality").click()
    expect(quality).to_have_value("95")


def test_an_answer_that_is_older_than_what_the_stream_told_changes_nothing(page):
    steps.go(page, "queue")
    done = page.locator(".job[data-state=done]").filter(has_text="boat one")
    done.wait_for()
    asked = Held(page, "**/again?*")
    again = done.get_by_role("button", name="Run again with a new seed")
    again.dblclick()
    asked.came(1)
    route = asked.routes[0]
    answer = route.fetch()
    expect(done).to_have_count(2)  # it has run and ended while the answer was on its way
    route.fulfill(response=answer)
    expect(again.first).not_to_have_attribute("aria-busy", "true")
    frame(page)
    expect(done).to_have_count(2)
    expect(page.locator(".job:is([data-state=queued], [data-state=running])")).to_have_count(0)
    assert len(asked.routes) == 1, "the double click is one wish"


def test_words_typed_before_the_loras_have_come_are_searched_for(page, models):
    (models / "Lora").mkdir(exist_ok=True)
    for name in ("early bird", "late bird"):
        save_file({"lora_unet_mid_block_attentions_0_proj_in.alpha": np.ones((), np.float32)}, models / "Lora" / f"{name}.safetensors")
    page.get_by_role("button", name="Choose a checkpoint on the shelf").click()
    page.locator(".shelf-card").first.wait_for()
    waiting, is_slow = [], True
    page.route("**/page/shelf", lambda route: waiting.append(route) if is_slow else route.continue_())
    page.locator("#refresh").click()
    page.locator("#shelf-lora").click()
    page.get_by_role("searchbox", name="Find on the shelf").fill("EARLY")
    while not waiting:
        frame(page)
    is_slow = False  # whoever asks once more, as the files are seen on the disk, is answered at once
    for route in waiting:
        route.continue_()
    expect(page.locator(".shelf-card").filter(has_text="early bird")).to_be_visible()
    expect(page.locator(".shelf-card").filter(has_text="late bird")).to_have_count(0)
    page.get_by_role("button", name="Close the shelf").click()


def test_the_form_keeps_what_is_typed_before_it_is_filled_in(page):
    steps.prompt(page, "remembered words")
    steps.number(page, "steps", 9)
    page.locator("#fold-hires > button.label-wrap").click()
    page.wait_for_function(
        "localStorage['darkroom.folds']?.includes('hires') && localStorage['darkroom.form'].includes('remembered words')"
    )
    page.add_init_script(
        """const watch = new MutationObserver(() => {
            const box = document.querySelector('#negative_prompt textarea');
            if (!box?.offsetParent) return;
            watch.disconnect();
            requestAnimationFrame(() => {  // as a key press: in a turn of its own, never in the middle of one of Gradio's
                box.value = 'typed early';
                box.dispatchEvent(new Event('input', {bubbles: true}));
            });
        });
        watch.observe(document, {subtree: true, childList: true, attributes: true});"""
    )
    page.reload()
    expect(page.locator("#fold-hires > button.label-wrap")).to_contain_class("open")
    expect(page.locator("#prompt textarea")).to_have_value("remembered words")
    expect(page.locator("#steps input[type=number]")).to_have_value("9")
    expect(page.locator("#negative_prompt textarea")).to_have_value("typed early")
    expect(page.locator("#tokens")).to_contain_text("2 /")


def test_the_mask_that_is_sent_is_the_one_that_was_painted_then(page):
    page.locator("#tab-inpaint-button").click()
    sources = Held(page, "**/api/v1/images", "POST")
    for number, colour in enumerate(("red", "blue"), 1):
        page.locator("#source input[type=file]").set_input_files(plain(colour))
        sources.came(number)
    for number in (1, 0):
        sources.answer(number)
        expect(page.locator(".paint")).to_be_visible()
    page.wait_for_function(
        "document.querySelector('.sheet canvas').getContext('2d').getImageData(9, 9, 1, 1).data[2] === 255"
    )  # blue came last
    page.unroute_all()
    masks, sent = Held(page, "**/api/v1/images", "POST"), Held(page, "**/page/generate")
    steps.paint(page)
    page.locator("#generate").click()
    masks.came(1)
    page.keyboard.press("x")
    page.locator("#generate").click()
    masks.came(2)
    for number in (1, 0):
        masks.answer(number)
    for number in range(2):
        sent.came(number + 1)
        sent.answer(number)
    first, second = (json.loads(route.request.post_data)["values"] for route in sent.routes)
    assert first["init"] == second["init"] and first["mask"] != second["mask"]
    white = [np.asarray(Image.open(io.BytesIO(masks.routes[n].request.post_data_buffer)).convert("L")) > 127 for n in range(2)]
    assert (white[0] ^ white[1]).mean() > 0.9, "the second is the first one inverted"


def test_a_stroke_ends_where_a_key_comes_in(page):
    page.get_by_role("button", name="Send to inpaint").click()
    box = page.locator(".paint").bounding_box()
    at = [(box["x"] + box["width"] * part, box["y"] + box["height"] / 2) for part in (0.2, 0.5, 0.8)]
    page.mouse.move(*at[0])
    page.mouse.down()
    page.mouse.move(*at[1])
    page.keyboard.press("x")
    seen = steps.covered(page)
    page.mouse.move(*at[2])
    page.mouse.up()
    assert steps.covered(page) == pytest.approx(seen, abs=0.01)
    for key in ("Control+z", "Control+Shift+z"):
        page.keyboard.press(key)
    assert steps.covered(page) == pytest.approx(seen, abs=0.01)
    page.get_by_label("Mask file").set_input_files({"name": "mask.png", "mimeType": "image/png", "buffer": b"no picture"})
    told(page, "This file is not a picture we can read.")
    assert steps.covered(page) == pytest.approx(seen, abs=0.01)


def test_what_fails_is_told_and_changes_nothing(page):
    shown = page.locator(".strip button").first
    name = shown.get_attribute("data-id")
    acts = page.locator(".acts")
    sent = Held(page, "**/page/generate")
    page.evaluate("window.stays = true")
    with failing(page, "**/page/lists*"):
        page.locator("#refresh").click()
        told(page)
    with failing(page, "**/page/values"):
        for action in ("Reuse parameters", "Second pass"):
            acts.get_by_role("button", name=action).click()
            told(page)
    with failing(page, "**/api/v1/images/*"):
        acts.get_by_role("button", name="Delete").click()
        told(page)
    page.get_by_role("button", name="Choose a checkpoint on the shelf").click()
    page.locator(".shelf-card").first.wait_for()
    with failing(page, "**/page/shelf"):
        page.get_by_role("button", name="Look into the folders again").click()
        told(page)
        expect(page.locator(".shelf-card").first).to_be_visible()
    page.get_by_role("button", name="Close the shelf").click()
    with failing(page, "**/api/v1/images"):
        steps.go(page, "img2img")
        page.locator("#source input[type=file]").set_input_files(plain("red"))
        assert steps.error_at(page, "source") == NOT_CONNECTED
    box = page.locator("#checkpoint input")
    names = [box.input_value(), "another"]
    for name_in_box in reversed(names):
        with failing(page, "**/page/native*"):
            box.fill(name_in_box)
            box.press("Enter")
            told(page)
    assert page.evaluate("window.stays") and sent.routes == []
    expect(shown).to_have_attribute("data-id", name)


def test_what_fails_in_the_other_tabs_is_told(page):
    steps.go(page, "gallery")
    expect(page.locator("#gallery .thumb")).not_to_have_count(0)
    for tab, pattern in (("settings", "**/page/settings"), ("extensions", "**/page/extensions"), ("gallery", "**/api/v1/images?*")):
        with failing(page, pattern):
            steps.go(page, tab)
            if tab == "gallery":
                page.get_by_role("searchbox", name="Search prompts").fill("boat")
            expect(page.locator(f"#{tab} .notice")).to_contain_text(NOT_CONNECTED)
        page.locator(f"#{tab}").get_by_role("button", name="Try again").click()
        expect(page.locator(f"#{tab} .notice:visible")).to_have_count(0)
    page.locator("#gallery .thumb").first.dblclick()
    with failing(page, "**/api/v1/images/*/parameters"):
        page.locator("dialog.viewer").get_by_role("button", name="Copy parameters").click()
        page.locator("dialog .toast").filter(has_text=NOT_CONNECTED).wait_for()
        page.keyboard.press("Escape")
        told(page)  # in the dialog that is gone, and still there
    steps.go(page, "settings")
    with failing(page, "**/page/settings"):
        page.locator("#setting-picture_quality").fill("80")
        page.locator("#setting-picture_quality").press("Enter")
        expect(page.locator("[data-name=picture_quality] .field-error")).to_have_text(NOT_CONNECTED)
    steps.go(page, "extensions")
    switch = page.locator("[data-id=film_grain]").get_by_role("switch")
    with failing(page, "**/page/extensions/*"):
        switch.click()
        told(page)
        expect(switch).to_be_checked()
    steps.go(page, "queue")
    with failing(page, "**/api/v1/queue/*"):
        page.get_by_role("button", name="Pause").click()
        told(page)
    with failing(page, "**/api/v1/jobs?*"):
        page.get_by_role("searchbox", name="Search history").fill("boat")
        expect(page.get_by_text(f"This search failed. {NOT_CONNECTED}")).to_be_visible()
    with failing(page, "**/page/parameters/picture"):
        steps.go(page, "png-info")
        page.locator("#png-info input[type=file]").set_input_files(picture("a map"))
        expect(page.locator(".info-card .notice")).to_contain_text(NOT_CONNECTED)


def test_a_page_that_was_cut_off_goes_on_where_it_is_now(page):
    steps.number(page, "width", 4096)
    steps.number(page, "height", 4096)
    steps.number(page, "batch_size", 64)
    page.locator("#generate").click()
    steps.state(page, "failed")
    _cut_off(page)
    steps.state(page, "failed")
    page.get_by_role("button", name="Dismiss").click()
    steps.state(page, "idle")
    for name, value in {**SMALL, "steps": 20, "batch_size": 1}.items():
        steps.number(page, name, value)
    before = steps.pictures(page)
    page.get_by_role("button", name="More ways to generate").click()
    page.get_by_role("menuitemcheckbox", name="Generate forever").click()
    steps.state(page, "running")
    _cut_off(page)
    page.wait_for_function(steps.DRAWN, arg=before + 1)  # its end was not heard of, and the next one runs
    page.keyboard.press("Escape")
    steps.state(page, "idle", "stopped")


def test_a_hidden_page_goes_on_generating_forever(page, origin):
    def made():
        return httpx.get(f"{origin}/api/v1/images?limit=1", timeout=120).json()["total"]

    def hide(hidden):
        page.evaluate("on => { Object.defineProperty(document, 'hidden', {get: () => on, configurable: true}); }", hidden)
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    steps.prompt(page, "for ever")
    page.get_by_role("button", name="More ways to generate").click()
    page.get_by_role("menuitemcheckbox", name="Generate forever").click()
    steps.state(page, "running")
    hide(True)
    before, until = made(), time.monotonic() + 120
    while made() < before + 3:
        assert time.monotonic() < until
        frame(page)
    page.keyboard.press("Escape")
    steps.state(page, "idle", "stopped")
    with page.expect_request("**/api/v1/events"):
        hide(False)
    steps.state(page, "idle", "stopped")


def test_a_picture_that_could_not_be_fetched_comes_when_the_server_is_back(page):
    width = "() => document.querySelector('.picture img, img.picture').naturalWidth"
    with failing(page, "**/api/v1/images/*"):
        steps.prompt(page, "not seen at first")
        page.locator("#generate").click()
        expect(page.locator(".picture")).to_have_attribute("alt", "not seen at first")
        steps.state(page, "idle")
        assert page.evaluate(width) == 0
    _cut_off(page)
    page.wait_for_function(f"({width})() > 0")


def _cut_off(page):
    with failing(page, "**/api/v1/events"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # it asks for the stream anew
        steps.state(page, "offline")


def test_a_server_that_never_answers_is_given_up(page):
    steps.prompt(page, "no answer")
    page.evaluate("() => { const real = AbortSignal.timeout; AbortSignal.timeout = (ms) => real.call(AbortSignal, ms / 200); }")
    held = [Held(page, pattern) for pattern in ("**/page/generate", "**/page/values")]
    for press, asked in zip((page.locator("#generate"), page.get_by_role("button", name="Reuse parameters")), held, strict=True):
        press.click()
        asked.came(1)
        told(page, "The server does not answer. Your settings are kept.")
    page.reload()
    expect(page.locator("#steps input[type=number]")).to_have_value(str(SMALL["steps"]))


def test_a_network_that_went_away_without_a_word_is_noticed(chromium, origin):
    page = open_visit(chromium, origin).page
    page.clock.install()
    page.reload()
    steps.state(page, "idle")
    asked = Held(page, "**/api/v1/events")
    page.clock.fast_forward(60_000)
    steps.state(page, "offline")
    asked.came(1)
    page.clock.fast_forward(60_000)  # no answer to this one either
    asked.came(2)
    asked.routes[1].continue_()
    steps.state(page, "idle")
    page.context.close()


def test_resume_is_heard_while_the_answer_to_pause_is_on_its_way(page):
    late = []
    page.route("**/api/v1/queue/pause", lambda route: late.append((route, route.fetch())))
    steps.go(page, "queue")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    while not late:  # the server has done it, its answer may still be on its way to here
        frame(page)
    for route, response in late:
        route.fulfill(response=response)
    assert len(late) == 1


def test_somebody_in_a_hurry_on_a_slow_line(page):
    slow_down(page, 400)
    page.get_by_role("button", name="LoRA, embeddings and styles").dblclick()
    page.keyboard.type("soft")
    expect(page.get_by_role("searchbox", name="Find on the shelf")).to_have_value("soft")
    page.get_by_role("button", name="Close the shelf").click()
    before = steps.pictures(page)
    for words in ("hurry one", "hurry two"):
        steps.prompt(page, words)
        page.locator("#prompt textarea").press("Control+Enter")
    for tab in ("gallery", "png-info", "queue", "settings", "extensions", "img2img", "inpaint", "queue"):
        page.locator(f"#tab-{tab}-button").click()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("searchbox", name="Search history").clear()
    page.get_by_role("searchbox", name="Search history").press_sequentially("hurry one")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    steps.go(page, "extensions")
    switch = page.locator("[data-id=film_grain]").get_by_role("switch")
    switch.uncheck()
    switch.check()
    steps.go(page, "gallery")
    page.get_by_role("searchbox", name="Search prompts").clear()
    page.get_by_role("searchbox", name="Search prompts").press_sequentially("boat")
    page.locator(".thumb").first.dblclick()
    page.keyboard.press("ArrowRight")
    page.locator("dialog.viewer").get_by_role("button", name="Send to inpaint").dblclick()
    expect(page.locator(".paint")).to_be_visible()
    page.wait_for_function(steps.DRAWN, arg=before + 1)
    page.get_by_role("button", name="Result", exact=True).click()
    page.locator(".strip button").nth(1).click()
    for _ in range(2):
        page.locator(".acts").get_by_role("button", name="Delete").click()
    page.locator(".toast").get_by_role("button", name="Undo").first.click()
    page.mouse.move(5, 5)  # a message under the pointer stays, and the second deletion may be answered only now
    expect(page.locator(".toast").filter(has_text="bin")).to_have_count(0)
    steps.go(page, "queue")
    history = page.get_by_role("list", name="History").locator(".job")
    expect(history).to_have_count(1)
    expect(history).to_contain_text("hurry one")
    steps.go(page, "extensions")
    expect(switch).to_be_checked()
