"""The page's frame in a real browser: addresses and Back, the gallery's place, the viewer, messages, many windows, tall windows."""

import httpx
import pytest
from browser import steps
from browser.conftest import DESKTOP, PHONE, open_visit
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

SIZES = (DESKTOP, (2560, 1440), (1440, 1900), (1024, 768), PHONE)
TABS = ("img2img", "inpaint", "gallery", "png-info", "queue", "settings", "extensions")
TOAST = """async ([text, action]) => {
    const { toast } = (await import(document.querySelector('script[src$="/js/main.js"]').src)).need('toast.js');
    toast(text, action ? { action: { label: action, run: () => { window.undone = (window.undone ?? 0) + 1; } } } : {});
}"""
GAPS = """() => {
    const seen = (node) => node.checkVisibility({ visibilityProperty: true }) && node.getBoundingClientRect().height > 2;
    const filled = 'label, input, textarea, button, fieldset, [data-testid=block-info], .drop, .source-card, #first-visit p';
    const form = document.querySelector('#form-fields'), edge = form.getBoundingClientRect();
    const boxes = [...form.querySelectorAll(filled)].filter(seen).map((node) => node.getBoundingClientRect());
    const spans = boxes.map((box) => [box.top, box.bottom]);
    const scrolls = form.scrollHeight > form.clientHeight || innerWidth <= 760;
    let end = edge.top, most = 0;
    for (const [top, bottom] of spans.sort((a, b) => a[0] - b[0])) { most = Math.max(most, top - end); end = Math.max(end, bottom); }
    return Math.max(most, scrolls ? 0 : edge.bottom - end);
}"""
APART = """(others) => [...document.querySelectorAll('.toast')].every((toast) => others
    .flatMap((each) => [...document.querySelectorAll(each)])
    .filter((node) => node.checkVisibility({ visibilityProperty: true })).every((node) => {
        const [a, b] = [toast.getBoundingClientRect(), node.getBoundingClientRect()];
        return a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top; }))"""


def submit(origin: str, words: str, **values: object) -> None:
    """Make pictures without the page, and wait for them."""
    request = {"prompt": words, "steps": 1, "width": 64, "height": 64, "sampler": "Euler", **values}
    answer = httpx.post(f"{origin}/api/v1/jobs", json=request, headers={"Origin": origin}, timeout=120)
    answer.raise_for_status()
    with httpx.stream("GET", f"{origin}/api/v1/jobs/{answer.json()['id']}/events", timeout=120) as events:
        events.read()


@pytest.fixture(scope="module")
def crowd(origin):
    """Several screens of pictures."""
    submit(origin, "a crowd", batch_size=16, batch_count=5)


def fresh(visit, origin: str, address: str):
    """A second window that begins at an address."""
    page = visit().context.new_page()
    page.goto(f"{origin}/{address}")
    return page


def at(page, address: str) -> None:
    page.wait_for_function("address => location.hash === address", arg=address)


def shown(page) -> str:
    return page.evaluate("decodeURIComponent(location.hash.split('/')[1])")


# ---------------------------------------------------------------------------------------------------------- addresses
def test_back_and_forward_go_through_the_tabs(visit):
    page = visit()
    for tab in TABS:
        steps.go(page, tab)
        at(page, f"#{tab}")
    for tab in (*reversed(TABS[:-1]), "txt2img"):
        page.go_back()
        at(page, f"#{tab}")
        expect(page.locator(f"#tab-{tab}-button")).to_have_attribute("aria-selected", "true")
    page.go_forward()
    expect(page.locator("#tab-img2img-button")).to_have_attribute("aria-selected", "true")


@pytest.mark.parametrize("tab", ["queue", "inpaint"])
def test_an_address_opens_its_tab_in_a_fresh_window_and_when_typed(visit, origin, tab):
    page = fresh(visit, origin, f"#{tab}")
    expect(page.locator(f"#tab-{tab}-button")).to_have_attribute("aria-selected", "true")
    page.evaluate("location.hash = '#settings'")
    expect(page.locator("#tab-settings-button")).to_have_attribute("aria-selected", "true")
    page.evaluate("location.hash = '#no such%place'")
    at(page, "#settings")
    page.go_back()
    page.go_back()
    expect(page.locator(f"#tab-{tab}-button")).to_have_attribute("aria-selected", "true")


def test_every_tab_of_the_bar_has_an_address_of_its_own(visit):
    page = visit()
    for tab in page.locator("#nav > .tab-wrapper [role=tab]").all():
        name = tab.get_attribute("id").removeprefix("tab-").removesuffix("-button")
        page.evaluate("name => { location.hash = name; }", name)
        expect(tab).to_have_attribute("aria-selected", "true")


def test_back_closes_the_viewer_and_forward_opens_it(visit, crowd):
    page = visit()
    viewer = page.locator("dialog.viewer")
    steps.go(page, "gallery")
    page.locator(".thumb").nth(2).dblclick()
    expect(viewer).to_be_visible()
    page.keyboard.press("ArrowRight")
    looked_at = page.locator(".grid .tile").nth(3).get_attribute("data-id")
    page.wait_for_function("id => location.hash.includes(id)", arg=looked_at)
    page.go_back()
    expect(viewer).to_have_count(0)
    at(page, "#gallery")
    page.go_forward()
    expect(viewer.locator(f".pane img[src*='{looked_at}']:not(.small)")).to_be_visible()
    page.keyboard.press("Escape")
    expect(viewer).to_have_count(0)
    at(page, "#gallery")
    page.go_forward()
    viewer.get_by_role("button", name="Send to img2img").click()
    at(page, "#img2img")
    page.go_back()
    expect(viewer.locator(f".pane img[src*='{looked_at}']:not(.small)")).to_be_visible()
    page.keyboard.press("Escape")
    at(page, "#gallery")


def test_a_pictures_address_opens_it_in_a_fresh_window(visit, crowd, origin):
    far = httpx.get(f"{origin}/api/v1/images?limit=70", timeout=120).json()["images"][60]["id"]
    page = fresh(visit, origin, f"#picture/{far}")
    viewer = page.locator("dialog.viewer")
    expect(viewer.locator(f".pane img[src*='{far}']:not(.small)")).to_be_visible()
    expect(viewer.get_by_role("button", name="Older")).to_be_enabled()
    page.keyboard.press("Escape")
    expect(viewer).to_have_count(0)
    at(page, "#gallery")
    page.evaluate("location.hash = '#picture/gone'")
    expect(page.locator(".toast")).to_contain_text("not there any more")
    at(page, "#gallery")


# ---------------------------------------------------------------------------------------------------------- gallery, viewer
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_the_gallery_keeps_its_place(visit, crowd, origin, size):
    page = visit(size)
    steps.go(page, "gallery")
    expect(page.locator(".thumb").first).to_be_visible()
    page.mouse.move(300, 500)
    page.wait_for_function("() => { scrollBy(0, 300); return scrollY > 1100; }", polling=50)
    page.wait_for_function("document.querySelector('.tile') && !document.querySelector('.tile[data-id=\"\"]')")  # all in sight are read
    place = page.evaluate("scrollY")
    top = f"() => document.elementFromPoint({60 if size == PHONE else 360}, 300).closest('[data-id]')?.dataset.id"
    picture = page.evaluate(top)
    first = page.evaluate(
        """() => [...document.querySelectorAll('.grid .tile')].map((tile) => [tile.dataset.id, tile.getBoundingClientRect()])
            .filter(([, box]) => box.bottom > 60).map(([id, box]) => [id, box.top])[0]"""
    )
    same = "([top, place]) => Math.abs(scrollY - place) < 2"

    def stays() -> None:
        page.wait_for_function(same, arg=[picture, place])
        assert page.evaluate(top) == picture

    steps.go(page, "txt2img")
    page.wait_for_function("scrollY === 0")
    steps.go(page, "gallery")
    stays()
    steps.go(page, "queue")
    page.go_back()
    stays()
    page.locator(f"[data-id='{picture}'] .thumb").dblclick()
    page.keyboard.press("Escape")
    expect(page.locator("dialog.viewer")).to_have_count(0)
    stays()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # a new snapshot
    steps.go(page, "settings")
    count = page.locator("#gallery .tab-head [aria-live]")
    before = int(count.inner_text().split()[0])
    submit(origin, "in front", batch_size=2)
    expect(count).to_have_text(f"{before + 2} pictures")
    steps.go(page, "gallery")
    page.wait_for_function(
        "([id, top]) => Math.abs(document.querySelector(`[data-id='${id}']`)?.getBoundingClientRect().top - top) < 2", arg=first
    )
    page.evaluate("scrollTo(0, 0)")
    expect(page.locator(".grid .thumb").first).to_have_attribute("title", "in front")


def test_of_a_long_gallery_only_what_is_in_sight_is_in_the_page(visit, crowd):
    page = visit(PHONE)
    steps.go(page, "gallery")
    count = page.locator("#gallery .tab-head [aria-live]")
    expect(count).to_contain_text("pictures")
    page.wait_for_function("innerHeight * 4 < document.querySelector('.grid').offsetHeight")  # where all stand is known
    total = int(count.inner_text().split()[0])
    assert 0 < page.locator(".tile").count() < total / 2
    page.locator(".thumb").first.focus()
    last = f".tile[aria-posinset='{total}']"
    page.keyboard.press("End")
    expect(page.locator(f"{last} .thumb")).to_be_focused()
    expect(page.locator(f"{last} img")).to_be_visible()
    assert page.locator(".tile").count() < total / 2
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+Space")  # all but this one
    expect(page.get_by_role("toolbar", name="Chosen pictures")).to_contain_text(f"{total - 1} pictures chosen")
    expect(page.locator(f"{last}.chosen")).to_have_count(0)
    page.keyboard.press("Home")
    expect(page.locator(".tile[aria-posinset='1'] .thumb")).to_be_focused()
    expect(page.locator(".tile[aria-posinset='1'].chosen")).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("]")
    page.keyboard.press("PageDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("[")
    expect(page.locator(".tile:focus-within")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_delete_in_the_viewer_goes_on_to_the_next_and_closes_after_the_last(visit, origin):
    for words in ("keep", "cull one", "cull two", "cull three"):
        submit(origin, words)
    page = visit()
    steps.go(page, "gallery")
    page.get_by_role("searchbox", name="Search prompts").fill("cull")
    expect(page.locator(".thumb")).to_have_count(3)
    page.locator(".thumb").first.dblclick()
    viewer = page.locator("dialog.viewer")
    words = viewer.locator("p").first
    expect(words).to_have_text("cull three")
    page.keyboard.press("Delete")
    expect(words).to_have_text("cull two")
    page.keyboard.press("ArrowRight")
    viewer.get_by_role("button", name="Delete").click()
    expect(words).to_have_text("cull two")  # there is none behind the last
    toast = viewer.locator(".toast")
    expect(toast).to_have_count(1)
    expect(toast).to_contain_text("×2")
    assert page.evaluate(APART, [".viewer-picture", ".look-zoom, .look-acts, .viewer-side"])
    page.keyboard.press("Delete")
    expect(viewer).to_have_count(0)
    expect(page.locator(".thumb")).to_have_count(0)
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(".thumb")).to_have_count(3)
    for number, words in enumerate(("cull three", "cull two", "cull one")):
        expect(page.locator(".thumb").nth(number)).to_have_attribute("title", words)


# ---------------------------------------------------------------------------------------------------------- messages
@pytest.mark.parametrize("size", SIZES)
def test_messages_cover_nothing_and_equal_ones_are_counted(visit, size):
    page = visit(size)
    steps.generate(page, "a red apple", steps=2)
    page.get_by_role("button", name="Send to inpaint").click()
    expect(page.locator(".views")).to_be_visible()
    for _ in range(3):
        page.evaluate(TOAST, ["Moved to the bin", "Undo"])
    page.evaluate(TOAST, ["Parameters filled in. Left out: Stable Diffusion checkpoint: elsewhere (not here)", None])
    toasts = page.locator(".toast")
    bin_toast = toasts.filter(has_text="bin")
    expect(bin_toast).to_have_count(1)
    expect(bin_toast).to_contain_text("×3")
    bar = [] if size == PHONE else ["#nav [role=tab]", ".topbar *"]  # on a phone they stand over the bar
    covered = [".views", ".mask", ".picture", ".frame", "#action-bar button", ".progress", *bar]
    assert page.evaluate(APART, covered)
    page.get_by_role("button", name="Result", exact=True).click()
    assert page.evaluate(APART, covered)
    bin_toast.get_by_role("button", name="Undo").click()
    assert page.evaluate("window.undone") == 3
    expect(bin_toast).to_have_count(0)


def test_a_message_moves_nothing_in_a_form_that_fits(visit):
    page = visit((1440, 1900))
    where = "[...document.querySelectorAll('#form-fields > *')].map((node) => node.getBoundingClientRect().top)"
    before = page.evaluate(where)
    page.evaluate(TOAST, ["Saved", None])
    expect(page.locator(".toast")).to_be_visible()
    assert page.evaluate(where) == before


# ---------------------------------------------------------------------------------------------------------- form
@pytest.mark.parametrize("size", SIZES)
def test_the_form_has_no_holes(visit, size):
    page = visit(size)
    for mode in ("txt2img", "img2img", "inpaint"):
        steps.go(page, mode)
        steps.form(page)
        page.wait_for_function(f"({GAPS})() <= 40")  # a place that is kept for what is still to come may be one for a while


def test_aspect_is_one_group_with_arrow_keys(visit):
    page = visit()
    page.locator("#prompt textarea").fill("x")
    page.locator("#negative_prompt textarea").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.value") == "1:1"
    page.keyboard.press("ArrowRight")
    expect(page.locator("#ratio input[value='4:3']")).to_be_checked()
    expect(page.locator("#width input")).not_to_have_value(page.locator("#height input").input_value())
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#ratio input[value='1:1']")).to_be_checked()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#ratio input[value='9:16']")).to_be_checked()
    assert page.locator("#ratio input:checked").count() == 1
    page.keyboard.press("Tab")
    expect(page.locator("#width input")).to_be_focused()
    steps.number(page, "width", 200)  # no preset
    expect(page.locator("#ratio input:checked")).to_have_count(0)
    page.locator("#width input").press("Shift+Tab")
    assert page.evaluate("document.activeElement.closest('#ratio') !== null")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.closest('#ratio') === null")


@pytest.mark.parametrize("size", SIZES)
def test_generate_forever_is_on_the_button_with_a_count_and_off(visit, size):
    page = visit(size)
    steps.prompt(page, "again and again")
    steps.number(page, "steps", 2)
    page.locator("#more").click()
    page.get_by_role("menuitemcheckbox", name="Generate forever").click()
    button, off = page.locator("#generate"), page.locator("#forever-off")
    page.wait_for_function("Number(document.querySelector('#generate').innerText.match(/^Forever · (\\d+)$/)?.[1]) >= 2")
    boxes = [page.locator(each).bounding_box() for each in ("#generate", "#forever-off", "#stop", "#more")]
    for box, following in zip(boxes, [*boxes[1:], None], strict=True):
        assert box["x"] >= 0 and box["x"] + box["width"] <= (following["x"] if following else size[0])
    assert button.evaluate("node => node.scrollWidth <= node.clientWidth")
    off.click()
    expect(button).to_have_text("Generate")
    expect(off).to_be_hidden()
    steps.state(page, "idle")


# ---------------------------------------------------------------------------------------------------------- windows
STREAM = "/api/v1/events"


class Streams:
    """The event streams that a context's windows hold open."""

    def __init__(self, context) -> None:
        self.open: dict[object, object] = {}
        context.on("request", lambda request: self.open.update({request: request.frame.page}) if request.url.endswith(STREAM) else None)
        context.on("requestfinished", lambda request: self.open.pop(request, None))
        context.on("requestfailed", lambda request: self.open.pop(request, None))


def test_eight_windows_share_one_stream_and_all_answer(chromium, origin):
    first = open_visit(chromium, origin)
    context, pages = first.page.context, [first.page]
    streams = Streams(context)
    for _ in range(7):
        pages.append(context.new_page())
        pages[-1].goto(origin)
        pages[-1].locator("body[data-state]:not([data-state=joining])").wait_for()
        pages[-1].wait_for_function("document.querySelector('#prompt textarea') && document.querySelector('#checkpoint input')?.value")
    before = steps.pictures(pages[0])
    for number, page in enumerate(pages):
        steps.number(page, "steps", 2)
        steps.prompt(page, f"window {number}")
        page.locator("#generate").click()
    for page in pages:
        page.evaluate(steps.KNOW)
        page.wait_for_function(steps.DRAWN, arg=before + 7)
        steps.state(page, "idle")
    assert len(streams.open) == 1
    leader = next(iter(streams.open.values()))
    pages.remove(leader)
    leader.close()
    streams.open.clear()
    pages[0].locator("#generate").click()
    for page in pages:
        page.wait_for_function(steps.DRAWN, arg=before + 8)
    assert len(streams.open) == 1
    context.close()


def test_a_frozen_or_cut_off_leader_is_replaced(chromium, origin):
    first = open_visit(chromium, origin)
    context, follower = first.page.context, first.page
    leader = context.new_page()
    leader.goto(origin)
    leader.locator("body[data-state=idle], body[data-state=first]").wait_for()
    before = steps.pictures(follower)
    leader.on("dialog", lambda dialog: None)  # nobody answers it: the window stands still
    leader.evaluate("() => { setTimeout(() => alert('stand still'), 0); }")
    submit(origin, "while one stands still")
    follower.wait_for_function(steps.DRAWN, arg=before)
    assert follower.locator("body").get_attribute("data-state") != "offline"
    context.close()


def test_without_a_channel_a_window_has_a_stream_of_its_own(chromium, origin):
    context = chromium.new_context()
    context.add_init_script("delete window.BroadcastChannel; delete navigator.__proto__.locks; delete window.SharedWorker;")
    page = context.new_page()
    page.goto(origin)
    page.locator("body[data-state=idle], body[data-state=first]").wait_for()
    before = steps.pictures(page)
    submit(origin, "alone")
    page.wait_for_function(steps.DRAWN, arg=before)
    context.close()


def test_the_manifest_lies_in_the_pages_folder_and_leads_back_to_it(visit):
    page = visit()
    link = page.evaluate("document.querySelector('link[rel=manifest]').href")
    told = page.request.get(link).json()
    assert link == page.evaluate("new URL('manifest.json', document.querySelector('link[rel=icon]').href).href")
    assert page.evaluate("([start, link]) => new URL(start, link).pathname", [told["start_url"], link]) == "/"
    for icon in told["icons"]:
        assert page.request.get(page.evaluate("([src, link]) => new URL(src, link).href", [icon["src"], link])).ok
