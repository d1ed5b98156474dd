"""The shelf: models as cards beside the form, thousands of them, by mouse, keyboard and on a phone."""

import json

import pytest
from browser import steps
from browser.conftest import PHONE
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e
MANY = 2000
CARD = {
    "alias": "",
    "title": "",
    "family": "sd1",
    "family_title": "",
    "size": 9_000_000,
    "added": 1,
    "preview": "",
    "notes": "",
    "error": "",
}
CARD |= {"kind": "lora", "triggers": [], "favourite": False, "weight": None}


def card(name, **more):
    return CARD | {"id": f"id-{name}", "name": name, **more}


CARDS = [
    card("photon", kind="checkpoint"),
    card("bad-hands", kind="embedding"),
    card("alpine", family="sdxl"),
    card("cut off", error="Cut off: 19.7 MB are missing."),
    card("materials/glaze", triggers=["glazed ceramic"], weight=0.8),
    *(card(f"style-{number:04}") for number in range(MANY - 3)),
]


def shelf(page, cards=CARDS):
    """The page hears of these models, with `photon` as the checkpoint."""
    page.route("**/page/shelf", lambda route: route.fulfill(json=cards))
    page.route("**/api/v1/models/id-*", lambda route: route.fulfill(json={"kept": {"notes": ""}, "fits": []}))
    page.route("**/page/native*", lambda route: route.fulfill(json=None))
    steps.form(page)
    page.locator("#checkpoint input").fill("photon")
    page.locator("#checkpoint input").press("Enter")
    with page.expect_response("**/page/shelf"):
        page.locator("#refresh").click()


def test_thousands_of_models_by_mouse_and_keyboard(visit):
    page = visit()
    shelf(page)
    prompt, negative = (page.locator(f"#{name} textarea") for name in ("prompt", "negative_prompt"))
    search = page.get_by_role("searchbox", name="Find on the shelf")
    main = page.locator(".shelf-main")
    steps.prompt(page, "an owl")
    page.get_by_role("button", name="LoRA, embeddings and styles").click()
    expect(page.locator("#shelf-lora")).to_have_text(f"LoRA{MANY}")
    expect(search).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    expect(main.filter(has_text=f"style-{MANY - 4:04}")).to_be_focused()
    assert page.locator(".shelf-card").count() < 60

    search.fill("ceramic")
    expect(page.locator(".shelf-card")).to_have_count(1)
    search.press("Enter")
    expect(prompt).to_have_value("an owl <lora:glaze:0.8>")
    expect(page.locator(".shelf-mark")).to_have_text("0.8")
    page.get_by_role("button", name="glazed ceramic").click()
    expect(prompt).to_have_value("an owl <lora:glaze:0.8>, glazed ceramic")
    main.click()
    expect(prompt).to_have_value("an owl, glazed ceramic")

    search.fill("alpine")
    main.click()
    expect(page.locator(".shelf-foot")).to_contain_text("For SDXL, the checkpoint is SD 1.5")
    expect(prompt).to_have_value("an owl, glazed ceramic")
    page.get_by_role("button", name="Put it in anyway").click()
    expect(prompt).to_have_value("an owl, glazed ceramic <lora:alpine:1>")
    search.fill("cut off")
    main.click()
    expect(page.locator(".shelf-foot")).to_contain_text("19.7 MB are missing")
    expect(prompt).to_have_value("an owl, glazed ceramic <lora:alpine:1>")

    negative.fill("blurry")
    search.fill("")
    page.locator("#shelf-embedding").click()
    main.filter(has_text="bad-hands").click()
    expect(negative).to_have_value("blurry, bad-hands")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.locator("#shelf")).to_be_hidden()


def test_names_are_completed_and_each_has_a_row_under_the_prompt(visit):
    page = visit()
    shelf(page)
    prompt, listed, rows = page.locator("#prompt textarea"), page.locator(".completions li"), page.locator(".prompt-row")
    prompt.click()
    page.keyboard.type("an owl <gla")
    expect(listed.first).to_contain_text("glaze")
    page.keyboard.press("Enter")
    expect(prompt).to_have_value("an owl <lora:glaze:0.8>")
    page.keyboard.type(", bad")
    expect(listed.first).to_contain_text("bad-hands")
    page.keyboard.press("Enter")  # a word is being typed, and no arrow has chosen: it is a new line
    expect(prompt).to_have_value("an owl <lora:glaze:0.8>, bad\n")
    expect(listed.first).to_be_hidden()
    page.keyboard.type("(bad")
    page.keyboard.press("Tab")
    expect(prompt).to_have_value("an owl <lora:glaze:0.8>, bad\n(bad-hands")
    expect(prompt).to_be_focused()
    expect(page.locator(".bracket-line")).to_have_text("A bracket is open: (")
    page.keyboard.type(") <lora:nobody:1>")
    expect(page.locator(".bracket-line")).to_be_hidden()
    expect(page.locator(".prompt-row-name")).to_have_text(["glaze", "bad-hands", "nobody"])
    expect(rows.last).to_contain_text("not found")
    rows.last.get_by_role("button", name="Take nobody out of the prompt").click()
    rows.nth(1).get_by_role("button", name="Take bad-hands out of the prompt").click()
    expect(prompt).to_have_value("an owl <lora:glaze:0.8>, bad\n")

    slider = page.get_by_role("slider", name="Weight of glaze")
    slider.press("ArrowRight")
    expect(prompt).to_have_value("an owl <lora:glaze:0.85>, bad\n")
    expect(slider).to_be_focused()
    rows.first.get_by_role("button", name="Switch glaze off").click()
    expect(prompt).to_have_value("an owl <lora:glaze:0>, bad\n")
    rows.first.get_by_role("button", name="Switch glaze on").click()
    expect(prompt).to_have_value("an owl <lora:glaze:0.85>, bad\n")
    page.wait_for_function("JSON.parse(localStorage['darkroom.form']).prompt.includes('glaze:0.85')")
    prompt.focus()
    page.keyboard.press("Control+z")
    expect(prompt).to_have_value("an owl <lora:glaze:0>, bad\n")


def test_a_sheet_on_a_phone_which_back_closes(visit):
    page = visit(PHONE)
    shelf(page, [*CARDS[:5], card("hillside", kind="checkpoint")])
    steps.form(page)
    page.get_by_role("button", name="Choose a checkpoint on the shelf").click()
    page.locator(".shelf-main").filter(has_text="hillside").click()
    expect(page.locator("#checkpoint input")).to_have_value("hillside")
    page.locator("#shelf-lora").click()
    page.locator(".shelf-main").filter(has_text="glaze").click()
    expect(page.locator(".shelf-card[data-used]")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.go_back()
    expect(page.locator("#shelf")).to_be_hidden()
    expect(page.locator("#prompt textarea")).to_have_value("<lora:glaze:0.8>")
    assert json.loads(page.evaluate("localStorage['darkroom.form']"))["checkpoint"] == "hillside"
