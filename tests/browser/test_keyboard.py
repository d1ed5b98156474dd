"""The page without a mouse: no list stays open behind the focus, the focus is never lost, what was done can be undone."""

import json

import pytest
from browser import steps
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e
BIG = "18446744073709551557"
OPEN_LISTS = "[...document.querySelectorAll('[role=combobox]')].filter(field => field.getAttribute('aria-expanded') === 'true').length"
LABELLED = 'document.querySelector(`label[for="${document.activeElement.id}"]`)?.textContent'
NAMED = "document.activeElement.getAttribute('aria-label') || document.activeElement.id || document.activeElement.tagName"
FOCUSED = f"(document.activeElement.role === 'combobox' ? {LABELLED} : {NAMED})"


def test_tab_goes_from_field_to_field_and_leaves_no_list_open(visit):
    page = visit()
    page.get_by_role("combobox", name="Sampling method").first.focus()
    for field in ("Sampling method", "Schedule type"):
        page.wait_for_function(f"{FOCUSED} === {field!r} && {OPEN_LISTS} === 0")
        page.keyboard.press("ArrowDown")
        page.wait_for_function(f"{OPEN_LISTS} === 1")
        page.keyboard.press("Tab")
    page.wait_for_function(f"{FOCUSED} === 'steps-number' && {OPEN_LISTS} === 0")
    page.keyboard.press("Shift+Tab")
    page.wait_for_function(f"{FOCUSED} === 'Schedule type' && {OPEN_LISTS} === 0")


def test_a_choice_by_keyboard_leaves_the_focus_on_its_field(visit):
    page = visit()
    field = page.get_by_role("combobox", name="Schedule type").first
    field.focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("expon")
    page.wait_for_function(f"{OPEN_LISTS} === 1")
    page.keyboard.press("Enter")
    expect(field).to_have_value("Exponential")
    page.wait_for_function(f"{FOCUSED} === 'Schedule type' && {OPEN_LISTS} === 0")
    page.keyboard.type("zz")
    page.keyboard.press("Escape")
    expect(field).to_have_value("Exponential")
    assert "Exponential" in page.evaluate("localStorage.getItem('darkroom.form')")


def test_the_focus_goes_on_when_what_was_pressed_is_gone(visit):
    page = visit()
    for words in ("one", "two", "three"):
        steps.generate(page, words, steps=1)
    steps.go(page, "gallery")
    first = page.get_by_role("button", name="three", exact=True).first
    first.focus()
    page.keyboard.press("Delete")
    first.wait_for(state="detached")
    page.wait_for_function("document.activeElement.matches('.thumb')")
    steps.go(page, "txt2img")
    steps.number(page, "steps", 150)
    page.locator("#generate").focus()
    page.keyboard.press("Enter")
    stop = page.locator("#stop")
    expect(stop).to_be_visible()
    stop.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.id === 'generate'")
    steps.state(page, "stopped", "idle")


def test_control_z_takes_back_what_filled_the_form_also_later(visit):
    page = visit()
    steps.generate(page, "kept in the picture", steps=1)
    steps.prompt(page, "typed by hand")
    reuse = page.get_by_role("button", name="Reuse parameters").first
    reuse.focus()
    page.keyboard.press("Enter")
    prompt = page.locator("#prompt textarea")
    expect(prompt).to_have_value("kept in the picture")
    page.locator(".toast").wait_for(state="detached")
    prompt.focus()
    page.keyboard.press("Control+z")
    expect(prompt).to_have_value("typed by hand")
    page.keyboard.press("End")
    page.keyboard.type(" and more")
    page.keyboard.press("Control+z")
    expect(prompt).not_to_have_value("typed by hand and more")


def test_every_digit_of_a_number_in_a_chain_is_sent(visit):
    page = visit()
    page.locator("#fold-finish > button, #fold-finish summary, #fold-finish .label-wrap").first.click()
    page.locator("#fold-finish select.add, #fold-finish select").first.select_option(label="Film grain")
    page.get_by_label("Seed", exact=True).last.fill(BIG)
    before = steps.pictures(page)
    with page.expect_request("**/page/generate") as asked:
        page.locator("#generate").click()
    assert f'\\"seed\\":\\"{BIG}\\"' in asked.value.post_data or BIG in json.dumps(asked.value.post_data_json)
    steps.more(page, before)  # those who come next find an empty queue


def test_everything_is_found_by_our_word_or_a1111s(visit):
    page = visit()
    find = page.get_by_role("dialog", name="Find")
    box, found = find.get_by_role("combobox"), find.get_by_role("option")
    page.keyboard.press("Control+k")
    expect(found.first).to_have_attribute("aria-selected", "true")
    page.keyboard.type("ensd")
    expect(found.first).to_contain_text("Eta noise seed delta")
    page.keyboard.press("Enter")
    page.wait_for_function(f"{FOCUSED} === 'sampler_options-ensd-number'")
    page.keyboard.press("Control+k")
    page.keyboard.type("preview interval")
    expect(found.first).to_contain_text("Previews · Setting")
    page.keyboard.press("Enter")
    page.wait_for_function(f"{FOCUSED} === 'setting-preview_period'")
    page.get_by_role("button", name="Find (Ctrl+K)").click()
    box.fill("mask blur")
    expect(found.first).to_contain_text("Mask blur")
    found.first.click()
    page.wait_for_function(f"location.hash === '#inpaint' && {FOCUSED} === 'mask_blur-number'")
    page.keyboard.press("Control+k")
    box.fill("zzzz")
    expect(find).to_contain_text("Nothing here is named so.")
    page.keyboard.press("Enter")
    expect(page.get_by_role("searchbox", name="Search prompts")).to_have_value("zzzz")
    page.keyboard.press("Control+k")
    page.keyboard.press("Escape")
    expect(find).to_have_count(0)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys").locator("h3").first).to_have_text("Gallery")


def test_the_queue_opens_beside_the_work(visit):
    page = visit()
    drawer, shelf = page.get_by_role("complementary", name="Queue"), page.get_by_role("complementary", name="Shelf")
    page.locator(".pill.status").click()
    expect(drawer).to_contain_text("Nothing is waiting")
    page.wait_for_function(f"{FOCUSED} === 'Pause'")
    drawer.get_by_role("button", name="Pause").click()
    expect(drawer.get_by_role("button", name="Resume")).to_be_visible()
    steps.prompt(page, "an owl")
    page.locator("#generate").click()
    expect(drawer.get_by_role("listitem")).to_contain_text("an owl")
    drawer.get_by_role("button", name="Remove").click()
    expect(drawer.get_by_role("listitem")).to_have_count(0)
    drawer.get_by_role("button", name="Resume").click()
    expect(drawer.get_by_role("button", name="Pause")).to_be_visible()
    steps.go(page, "gallery")
    expect(drawer).to_be_visible()
    drawer.get_by_role("checkbox", name="Sound when it is done").check()
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    assert page.evaluate("localStorage.getItem('darkroom.chime')") == "true"
    page.keyboard.press("Alt+q")
    page.keyboard.press("Alt+s")
    expect(drawer).to_be_hidden()
    expect(shelf).to_be_visible()
    page.keyboard.press("Alt+q")
    expect(shelf).to_be_hidden()
    drawer.get_by_role("button", name="History and the machine").click()
    page.wait_for_function("location.hash === '#queue'")
    expect(drawer).to_be_hidden()


def test_a_picture_is_made_rated_compared_deleted_and_brought_back_by_keys_and_names_alone(visit):
    """As somebody who hears the page does it: every element is found by the name that the accessibility tree has."""
    page = visit()
    for words in ("a plum by keys", "a pear by keys"):
        page.get_by_role("textbox", name="Prompt", exact=True).focus()
        page.keyboard.press("Control+a")
        page.keyboard.type(words)
        before = steps.pictures(page)
        page.keyboard.press("Control+Enter")
        steps.more(page, before)
    expect(page.locator("#announcer p").last).to_have_text("Picture finished")
    page.get_by_role("tab", name="Gallery").focus()
    page.keyboard.press("Enter")
    pear = page.get_by_role("button", name="a pear by keys", exact=True).first
    pear.focus()
    page.keyboard.press("4")
    rated = page.get_by_role("button", name="a pear by keys, 4 stars").first
    expect(rated).to_be_visible()
    rated.focus()
    page.keyboard.press("c")
    expect(page.get_by_role("dialog", name="Compare")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Compare")).to_have_count(0)
    rated.focus()
    page.keyboard.press("Delete")
    expect(rated).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(rated).to_be_visible()
