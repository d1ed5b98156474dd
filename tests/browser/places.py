"""Every place of the page with everything in it open, one after the other, in any language: found by ids and classes, not by words."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import Page, expect

from tests.api.conftest import Server, finished
from tests.browser import steps
from tests.library.test_scan import LORA, SD1, write

OPEN_FOLDS = """() => {
    const closed = () => [...document.querySelectorAll('#form button.label-wrap[aria-expanded=false], details:not([open]) > summary')]
        .filter((each) => each.checkVisibility() && !each.closest('dialog'));
    for (let all = closed(); all.length; all = closed()) for (const each of all) each.click(); }"""
"""One fold may hold others."""
CLOSE_FOLDS = "() => { for (const each of document.querySelectorAll('#form .label-wrap[aria-expanded=true]')) each.click(); }"
"""What was looked at once is not looked at again at every place that follows."""
TOASTS = """async (texts) => {
    const { toast } = (await import(document.querySelector('script[src$="/js/main.js"]').src)).need('toast.js');
    toast(texts[0], { action: { label: texts[0], run() {} } }); toast(texts[1], { kind: 'error' }); }"""


@dataclass(frozen=True)
class Place:
    """Something that the page can show, and how to get there from the place before it."""

    name: str
    go: Callable[[Page], object]
    stays: bool = False
    """What lies over the page is left open: the next one begins in it."""


OVER = "dialog[open], .menu, .shelf, .queue-drawer, :popover-open, .completions"
"""What lies over the page or beside it."""
IS_OVER = "selector => [...document.querySelectorAll(selector)].some((each) => each.checkVisibility())"


def furnish(data_dir: Path, **settings: object) -> Server:
    """A Darkroom with something in every place: models, styles, wildcards, jobs in each state, pictures, a grid, a collection, a bin."""
    models = data_dir / "models"
    write(models / "Lora" / "glaze.safetensors", LORA, {"ss_tag_frequency": '{"a": {"glazed ceramic": 9}}'})
    write(models / "Lora" / "torn.safetensors", LORA, cut=9)
    write(models / "embeddings" / "bad-hands.safetensors", {"emb_params": (1, 8)})
    write(models / "Stable-diffusion" / "other.safetensors", SD1)
    (data_dir / "wildcards").mkdir(parents=True)
    (data_dir / "wildcards" / "colour.txt").write_text("red\nblue\n")
    server = Server(data_dir, **settings)
    key = {"Authorization": f"Bearer {settings['admin_key']}"} if "admin_key" in settings else {}
    with server.client(**key) as client:
        _fill(client)
    return server


def _fill(client: httpx.Client) -> None:
    request = {"prompt": "a lighthouse, storm", "negative_prompt": "people", "steps": 2, "width": 64, "height": 64, "sampler": "Euler"}
    for change in (
        {"batch_size": 3},
        {"prompt": "a lighthouse, calm", "width": 96, "guidance": 4},
        {"prompt": "binned"},
        {"prompt": "fail"},
    ):
        job = client.post("/api/v1/jobs", json=request | change)
        job.raise_for_status()
        finished(client, job.json()["id"])
    binned, marked, *_ = client.get("/api/v1/images").json()["images"]
    for change in ({"ids": [binned["id"]], "trashed": True}, {"ids": [marked["id"]], "rating": 4, "flag": 1, "collection": "Sea"}):
        client.patch("/api/v1/images", json=change).raise_for_status()
    client.put("/api/v1/styles", json={"name": "Ink", "prompt": "ink drawing, monochrome", "negative_prompt": ""}).raise_for_status()
    client.put("/api/v1/presets", json={"name": "Small", "request": request}).raise_for_status()


def picture(width: int = 96, height: int = 64, name: str = "blue.png") -> dict[str, object]:
    """A picture as a file input takes it."""
    data = io.BytesIO()
    Image.new("RGB", (width, height), (20, 40, 200)).save(data, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": data.getvalue()}


def close(page: Page) -> None:
    """Close what lies over the page, by Escape as far as that goes."""
    for _ in range(4):
        if not page.evaluate(IS_OVER, OVER):
            return
        page.keyboard.press("Escape")
    for way in ("#shelf .shelf-head button:last-child", ".queue-drawer:not([hidden]) .tab-head button:last-child"):
        if page.locator(way).is_visible():
            page.locator(way).click()


def press(page: Page, selector: str) -> None:
    page.locator(selector).first.click()


# ---------------------------------------------------------------------------------------------------------- the form
def folds(page: Page) -> None:
    steps.go(page, "txt2img")
    page.evaluate(OPEN_FOLDS)
    steps.prompt(page, "an owl (on a branch <lora:glaze:0.8> bad-hands <lora:nobody:1>")
    expect(page.locator(".prompt-row")).to_have_count(3)
    expect(page.locator(".bracket-line")).to_be_visible()
    add = page.locator("#finish select").last
    for kind in range(add.locator("option").count() - 1):
        add.select_option(str(kind))
    expect(page.locator("#finish .step")).not_to_have_count(0)
    page.evaluate(OPEN_FOLDS)


def tools(page: Page, place: int, shown: str) -> None:
    """One of the buttons above the prompt."""
    steps.form(page)
    page.locator(".prompt-tools button").nth(place).click()
    page.locator(shown).first.wait_for()


def unmatched(page: Page) -> None:
    tools(page, 0, "dialog.picker .pick")
    page.locator("dialog.picker .search").fill("nothing like it")
    expect(page.locator("dialog.picker .pick")).to_have_count(0)


def saved(page: Page) -> None:
    steps.form(page)
    press(page, "#words button:has(.icon-save)")
    page.locator("dialog.picker input").wait_for()


def listed(page: Page) -> None:
    steps.form(page)
    press(page, "#sampler-choice")
    page.locator("#sampler-options:popover-open").wait_for()


def chips(page: Page) -> None:
    steps.form(page)
    page.locator("#styles-choice").click()
    page.locator("#styles-options li").first.click()
    expect(page.locator("#styles .chip")).to_have_count(1)


def completions(page: Page) -> None:
    steps.form(page)
    page.locator("#prompt textarea").fill("")
    page.locator("#prompt textarea").press_sequentially("<gla")
    page.locator(".completions li").first.wait_for()


def refused(page: Page) -> None:
    for _ in range(page.locator("#finish .step").count()):
        page.locator("#finish .step-head button:last-child").first.click()
    page.evaluate(CLOSE_FOLDS)
    steps.prompt(page, "an owl")
    page.locator("#checkpoint-choice").fill("nowhere")
    page.locator("#checkpoint-choice").press("Enter")
    steps.number(page, "width", 513)
    press(page, "#generate")
    page.locator(".field-error").first.wait_for()


def mended(page: Page) -> None:
    steps.form(page)
    page.locator("#checkpoint-choice").fill("tiny")
    page.locator("#checkpoint-choice").press("Enter")
    steps.number(page, "width", 64)
    steps.number(page, "height", 64)


def axis(page: Page) -> None:
    mended(page)
    press(page, "#more")
    press(page, ".menu [role=menuitem]")
    page.locator("dialog.picker select").select_option("sampler")


def varied(page: Page) -> None:
    press(page, "dialog.picker .row-of-buttons button")
    page.locator(".vary-axis .vary-choices button").first.click()
    page.locator(".vary-axis input").fill("Euler, Nothing")
    page.locator(".vary-axis [role=alert]:not([hidden])").wait_for()


def gridded(page: Page) -> None:
    page.locator(".vary-axis input").fill("Euler, DPM++ 2M")
    expect(page.locator(".vary-axis [role=alert]")).to_be_hidden()
    steps.prompt(page, "a kite")
    press(page, "#generate")
    expect(page.locator(".vary-grid .cell[data-state=done]")).to_have_count(2, timeout=steps.PATIENCE)


def ungridded(page: Page) -> None:
    steps.form(page)
    press(page, ".vary-axis .vary-line .tool")
    expect(page.locator(".vary-axis")).to_have_count(0)
    steps.shut(page)
    press(page, ".vary [role=toolbar] button:last-child")


def messages(page: Page) -> None:
    ungridded(page)
    page.evaluate(TOASTS, ["Words of a message", "Words of an error"])


def running(page: Page) -> None:
    steps.prompt(page, "never ends")
    steps.number(page, "batch_count", 2)
    press(page, "#generate")
    steps.state(page, "running")
    page.locator("#stop").wait_for()
    press(page, "#more")


def failed(page: Page) -> None:
    close(page)
    press(page, "#stop")
    steps.state(page, "stopped")
    steps.number(page, "batch_count", 1)
    steps.prompt(page, "to fail here")
    press(page, "#generate")
    steps.state(page, "failed")


def several(page: Page) -> None:
    """A batch, shown as a grid."""
    press(page, ".notice .row-of-buttons button:last-child")
    steps.number(page, "batch_size", 3)
    steps.prompt(page, "a batch")
    press(page, "#generate")
    steps.state(page, "idle")
    press(page, ".views [data-view=grid]")
    expect(page.locator(".batch button")).to_have_count(3)


# ---------------------------------------------------------------------------------------------------------- the canvas
def img2img(page: Page) -> None:
    steps.number(page, "batch_size", 1)
    steps.go(page, "img2img")
    page.locator("#source input[type=file]").first.set_input_files(picture())
    page.locator(".source-card").wait_for(state="attached")
    press(page, ".views [data-view=mask]")
    page.locator(".paint").wait_for()


def inpaint(page: Page) -> None:
    steps.go(page, "inpaint")
    page.evaluate(OPEN_FOLDS)
    page.locator(".paint").scroll_into_view_if_needed()
    steps.paint(page)
    page.locator(".mask-tools button:has(.icon-layers)").click()
    page.locator(".layers-panel .layer-name").first.wait_for()
    page.locator(".layers-panel input[type=file]").set_input_files(picture(name="over.png"))
    expect(page.locator(".layers-panel .layer-name")).to_have_count(2)


def inpainted(page: Page) -> None:
    """A result of the canvas, to be accepted or discarded."""
    page.evaluate(CLOSE_FOLDS)
    steps.number(page, "steps", 2)
    steps.prompt(page, "a boat")
    press(page, "#generate")
    page.locator(".canvas-results").wait_for()


# ---------------------------------------------------------------------------------------------------------- other places
def extras(page: Page) -> None:
    steps.go(page, "extras")
    page.locator(".extras input[type=file]").first.set_input_files([picture(), picture(64, 64, "other.png")])
    expect(page.locator(".tray-picture")).to_have_count(2)
    page.evaluate(OPEN_FOLDS)


def enlarged(page: Page) -> None:
    page.locator(".extras .step select").first.select_option("Lanczos")
    press(page, "#extras-go")
    expect(page.locator(".extras-result")).to_have_count(2)


def gallery(page: Page) -> None:
    steps.go(page, "gallery")
    page.locator(".tile[data-id] img").first.wait_for()


def chosen(page: Page) -> None:
    for place in (0, 1):
        page.locator(".tile .tick").nth(place).dispatch_event("click")
    page.locator(".bulk").wait_for()


def collected(page: Page) -> None:
    press(page, ".bulk button:has(.icon-layers)")
    page.locator(".bulk form input").wait_for()


def compared(page: Page) -> None:
    press(page, ".bulk button:has(.icon-compare)")
    page.locator("dialog.viewer table").wait_for()


def way(number: str) -> Callable[[Page], object]:
    """One of the ways to compare."""
    return lambda page: page.keyboard.press(number)


def searched(page: Page) -> None:
    page.keyboard.press("Escape")  # nothing is chosen any more
    page.locator("#tab-gallery .search").fill("lighthouse ste")
    page.locator(".hints button").first.wait_for()


def nothing(page: Page) -> None:
    page.locator("#tab-gallery .search").fill("lighthouse stops>2")
    page.locator(".search-fault:not([hidden])").wait_for()
    page.locator("#tab-gallery .search").fill("lighthouse steps>900")
    page.locator(".search-fault").wait_for(state="hidden")
    page.locator("#tab-gallery .notice").wait_for()


def binned(page: Page) -> None:
    press(page, ".places button.place:has(.icon-trash)")
    expect(page.locator(".tile")).to_have_count(1)


def viewer(page: Page) -> None:
    page.locator(".places button").first.click()
    page.locator("#tab-gallery .search").fill("")
    page.locator(".thumb").nth(1).wait_for()
    page.locator(".thumb").first.focus()
    page.keyboard.press("Space")
    expect(page.locator("dialog.viewer .pane .zoomed:not(.small)")).to_be_visible()


def zoomed(page: Page) -> None:
    for _ in range(9):
        page.keyboard.press("+")
    page.locator(".look-map:not([hidden])").wait_for()


def grid(page: Page) -> None:
    steps.go(page, "grid")
    page.locator(".grid-axis select").first.select_option("steps")
    page.locator(".grid-axis textarea").first.fill("1, 2")
    expect(page.locator(".grid-form [role=status]")).not_to_be_empty()
    page.evaluate(OPEN_FOLDS)


def models(page: Page) -> None:
    steps.go(page, "models")
    page.locator("details.model").first.wait_for()
    page.evaluate(OPEN_FOLDS)
    expect(page.locator(".model-more")).to_have_count(page.locator("details.model").count())


def png_info(page: Page) -> None:
    steps.go(page, "png-info")
    page.locator("#tab-png-info input[type=file]").first.set_input_files(picture())


def queue(page: Page) -> None:
    steps.go(page, "queue")
    page.locator("#queue .job").first.wait_for()


def settings(page: Page) -> None:
    steps.go(page, "settings")
    page.locator("#setting-picture_quality").wait_for()
    page.evaluate(OPEN_FOLDS)


def keyed(page: Page) -> None:
    """A new key, shown once, and a refused setting."""
    page.locator("#key-name").fill("For Krita")
    page.locator("section:has(#key-name)").locator("button:has(.icon-plus)").click()
    page.locator("section:has(#key-name) code").wait_for()
    page.locator("#setting-picture_quality").fill("500")
    page.locator("#setting-picture_quality").press("Tab")
    page.locator(".setting .field-error").wait_for()


def extensions(page: Page) -> None:
    steps.go(page, "extensions")
    page.locator("#extensions .tab-head").wait_for()


def drawer(page: Page) -> None:
    press(page, ".pill.status")


def shelf(page: Page, kind: str = "lora", name: str = "glaze") -> None:
    steps.go(page, "txt2img")
    steps.form(page)
    page.locator(".prompt-tools button").nth(2).click()
    page.locator("#shelf").wait_for()
    page.locator(f"#shelf-{kind}").click()
    page.locator(".shelf-main").filter(has_text=name).first.click()
    page.locator(".shelf-foot:not([hidden])").wait_for()


def found(page: Page) -> None:
    steps.shut(page)
    press(page, ".find-button")
    page.locator("dialog.find [role=option]").first.wait_for()


def keys(page: Page) -> None:
    page.evaluate("document.activeElement?.blur()")
    page.keyboard.press("?")
    page.locator("dialog.key-list").wait_for()


PLACES = (
    Place("a list of choices", listed),
    Place("completions", completions),
    Place("presets", lambda page: tools(page, 0, "dialog.picker .pick")),
    Place("no such preset", unmatched),
    Place("earlier prompts", lambda page: tools(page, 1, "dialog.picker .pick")),
    Place("the form with every fold open", folds),
    Place("chosen styles", chips),
    Place("saving a style", saved),
    Place("refused fields", refused),
    Place("vary a field", axis, stays=True),
    Place("an axis that is wrong", varied),
    Place("a grid in the stage", gridded),
    Place("messages", messages),
    Place("a running job and its menu", running, stays=True),
    Place("a failed job", failed),
    Place("a batch", several),
    Place("img2img", img2img),
    Place("inpaint", inpaint),
    Place("a result of inpaint", inpainted),
    Place("extras", extras),
    Place("extras, finished", enlarged),
    Place("the gallery", gallery),
    Place("chosen pictures", chosen),
    Place("a collection's name", collected, stays=True),
    Place("compare", compared, stays=True),
    Place("compare: wipe", way("2"), stays=True),
    Place("compare: blink", way("3"), stays=True),
    Place("compare: difference", way("4")),
    Place("suggestions", searched),
    Place("nothing found", nothing),
    Place("a picture", viewer, stays=True),
    Place("a picture, enlarged", zoomed),
    Place("the bin", binned),
    Place("the grid tab", grid),
    Place("models", models),
    Place("PNG info", png_info),
    Place("the queue", queue),
    Place("settings", settings),
    Place("a new key, and a refused setting", keyed),
    Place("extensions", extensions),
    Place("the queue beside the work", drawer),
    Place("the shelf", shelf),
    Place("find", found),
    Place("keys", keys),
)
"""In this order: each begins where the one before it has left the page."""


def walk(page: Page) -> Iterator[str]:
    """Go to one place after another; gives what each is called, while the page shows it."""
    for place in PLACES:
        place.go(page)
        yield place.name
        if not place.stays:
            close(page)
