"""The contact sheet in a real browser: found by a query, chosen, marked, binned and brought back, by mouse, key and finger."""

import re

import httpx
import pytest
from browser import steps
from browser.conftest import DESKTOP, PHONE
from browser.test_frame import submit
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def sheet(origin):
    """Two sessions of pictures in two formats, and something else."""
    submit(origin, "a lighthouse, storm", batch_size=2, steps=2)
    submit(origin, "a lighthouse, calm", width=96, steps=3)
    submit(origin, "a fox in the snow", height=96)
    return origin


def find(page, query, count):
    steps.go(page, "gallery")
    page.get_by_role("searchbox", name="Search prompts").fill(query)
    expect(page.locator(".tile")).to_have_count(count)


def tiles(page):
    return page.locator(".tile")


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_pictures_stand_in_their_formats_below_what_changed(visit, sheet, size, tmp_path):
    page = visit(size)
    find(page, "lighthouse", 3)
    head = page.locator(".session-head").first
    expect(head).to_contain_text("a lighthouse")
    expect(head).to_contain_text("3 pictures")
    expect(head.locator(".chip")).to_contain_text(["storm → calm", "steps 2 → 3", "size", "seed"])
    ratios = page.evaluate("[...document.querySelectorAll('.tile')].map((tile) => tile.offsetWidth / tile.offsetHeight)")
    assert ratios[0] == pytest.approx(1.5, abs=0.05) and ratios[1] == pytest.approx(1, abs=0.05)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_is_no_query_is_said_and_what_finds_nothing_is_explained(visit, sheet):
    page = visit()
    find(page, "lighthouse steps>2", 1)
    search = page.get_by_role("searchbox", name="Search prompts")
    search.fill("lighthouse stops>2")
    expect(page.locator(".search-fault")).to_contain_text("There is no field named stops. Did you mean steps:?")
    expect(tiles(page)).to_have_count(1)
    search.fill("lighthouse steps>900")
    page.get_by_text("Without steps>900 there are 3 pictures.").wait_for()
    expect(page.locator(".search-fault")).to_be_hidden()
    page.get_by_role("button", name="Show them").click()
    expect(tiles(page)).to_have_count(3)


def test_what_may_follow_is_offered(visit, sheet):
    page = visit()
    find(page, "lighthouse", 3)
    page.get_by_role("searchbox", name="Search prompts").press_sequentially(" ste")
    page.get_by_role("group", name="Suggestions").get_by_role("button", name="steps:").click()
    search = page.get_by_role("searchbox", name="Search prompts")
    expect(search).to_have_value("lighthouse steps:")
    search.press_sequentially("3")
    expect(tiles(page)).to_have_count(1)


def test_pictures_are_chosen_rated_kept_and_set_back(visit, sheet):
    page = visit()
    find(page, "lighthouse", 3)
    tiles(page).first.click(modifiers=["Control"])
    tiles(page).last.click(modifiers=["Shift"])
    bar = page.get_by_role("toolbar", name="Chosen pictures")
    expect(bar).to_contain_text("3 pictures chosen")
    bar.get_by_role("button", name="4 stars").click()
    expect(page.locator(".tile .marks", has_text="★★★★")).to_have_count(3)
    expect(bar).to_be_hidden()
    page.get_by_role("toolbar", name="Places").get_by_role("button", name="4 stars").click()
    expect(page.get_by_role("searchbox", name="Search prompts")).to_have_value("lighthouse rated>=4")
    expect(tiles(page)).to_have_count(3)
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(tiles(page)).to_have_count(0)


def test_keys_mark_and_go_on(visit, sheet):
    page = visit()
    find(page, "lighthouse", 3)
    page.locator(".thumb").first.focus()
    page.keyboard.press("p")
    expect(page.locator(".tile[data-flag='1']")).to_have_count(1)
    expect(page.locator(".thumb").nth(1)).to_be_focused()
    page.keyboard.press("x")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".tile[data-flag='-1']")).to_have_count(1)
    page.locator(".thumb").nth(0).focus()
    page.keyboard.press("u")
    page.locator(".thumb").nth(1).focus()
    page.keyboard.press("u")
    expect(page.locator(".tile:not([data-flag='0'])")).to_have_count(0)
    page.locator(".thumb").first.focus()
    page.keyboard.press("Control+Space")
    expect(page.locator(".tile.chosen")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(".tile.chosen")).to_have_count(0)


def test_undo_takes_a_mark_back_where_nothing_is_searched_for(visit, sheet):
    page = visit()
    steps.go(page, "gallery")
    tiles(page).first.wait_for()
    for number in (0, 1, 2):
        tiles(page).nth(number).locator(".tick").click()
    page.get_by_role("toolbar", name="Chosen pictures").get_by_role("button", name="5 stars").click()
    expect(page.locator(".tile .marks", has_text="★★★★★")).to_have_count(3)
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(".tile .marks", has_text="★★★★★")).to_have_count(0)


def test_the_bin_gives_back_and_deletes_for_good(visit, sheet):
    submit(sheet, "to be binned", batch_size=2)
    page = visit()
    find(page, "binned", 2)
    page.locator(".thumb").first.focus()
    page.keyboard.press("Control+a")
    page.get_by_role("toolbar", name="Chosen pictures").get_by_role("button", name="Delete").click()
    expect(tiles(page)).to_have_count(0)
    page.get_by_role("toolbar", name="Places").get_by_role("button", name=re.compile("^Bin")).click()
    expect(page.locator(".tile[data-id] img")).not_to_have_count(0)
    page.wait_for_function("[...document.querySelectorAll('.tile img')].every((image) => image.complete && image.naturalWidth > 0)")
    with page.expect_response("**/api/v1/images?*q=binned*"):  # a search of other words lets go of what is chosen
        page.get_by_role("searchbox", name="Search prompts").fill("binned")
    expect(tiles(page)).to_have_count(2)
    tiles(page).first.click()
    bar = page.get_by_role("toolbar", name="Chosen pictures")
    bar.get_by_role("button", name="Restore").click()
    expect(tiles(page)).to_have_count(1)
    tiles(page).first.click()
    bar.get_by_role("button", name="Delete for good").click()
    bar.get_by_role("button", name="Delete 1 picture for good? They cannot be brought back.").click()
    expect(tiles(page)).to_have_count(0)
    page.get_by_role("toolbar", name="Places").get_by_role("button", name=re.compile("^All")).click()
    find(page, "binned", 1)


def test_collections_and_saved_searches_are_places(visit, sheet):
    page = visit()
    find(page, "lighthouse", 3)
    tiles(page).first.locator(".tick").click()
    bar = page.get_by_role("toolbar", name="Chosen pictures")
    bar.get_by_role("button", name="Add to collection").click()
    bar.get_by_label("Collection").fill("Sea")
    page.keyboard.press("Enter")
    places = page.get_by_role("toolbar", name="Places")
    places.get_by_role("button", name="Sea 1").click()
    expect(tiles(page)).to_have_count(1)
    places.get_by_role("button", name="Remove the collection Sea").click()
    expect(places.get_by_role("button", name="Sea 1")).to_have_count(0)
    find(page, "fox height>64", 1)
    places.get_by_role("button", name="Save this search").click()
    places.get_by_label("Name of this search").fill("tall foxes")
    page.keyboard.press("Enter")
    places.get_by_role("button", name=re.compile("^All")).click()
    places.get_by_role("button", name="tall foxes").click()
    expect(tiles(page)).to_have_count(1)
    listed = httpx.get(f"{sheet}/api/v1/collections", timeout=120).json()["collections"]
    assert [(each["name"], each["query"]) for each in listed] == [("tall foxes", "fox height>64")]


def test_chosen_pictures_come_as_an_archive(visit, sheet):
    page = visit()
    find(page, "fox", 1)
    tiles(page).first.locator(".tick").click()
    with page.expect_download() as download:
        page.get_by_role("toolbar", name="Chosen pictures").get_by_role("button", name="ZIP").click()
    assert download.value.suggested_filename == "pictures.zip"


def test_what_comes_in_above_is_said_and_moves_nothing(visit, sheet):
    page = visit((1440, 500))
    steps.go(page, "gallery")
    expect(tiles(page).first).to_be_visible()
    page.get_by_role("slider", name="Thumbnail size").evaluate("input => { input.value = 320; input.oninput(); }")
    page.evaluate("scrollTo({ top: 500, behavior: 'instant' })")  # a wheel's scrolling goes on for a while
    page.wait_for_function("scrollY > 300")
    middle = "[...document.querySelectorAll('.tile')].find((tile) => tile.getBoundingClientRect().top > 80)"
    page.evaluate(f"window.looked = {middle}; window.stood = looked.getBoundingClientRect().top")
    submit(sheet, "a picture that comes in above")
    fresh = page.get_by_role("button", name="1 new picture")
    expect(fresh).to_be_visible()
    page.wait_for_function("Math.abs(looked.getBoundingClientRect().top - stood) < 2")
    fresh.click()
    page.wait_for_function("scrollY === 0")
    expect(fresh).to_be_hidden()
    expect(page.locator(".session-head").first).to_contain_text("a picture that comes in above")


def test_a_click_tells_of_a_picture_beside_the_sheet_and_space_opens_it(visit, sheet):
    page = visit()
    find(page, "lighthouse", 3)
    side = page.get_by_role("complementary", name="Parameters")
    page.locator(".thumb").first.click()
    expect(page.locator(".tile.current")).to_have_count(1)
    expect(side).to_contain_text("a lighthouse, calm")
    expect(page.locator("dialog.viewer")).to_have_count(0)
    page.keyboard.press("ArrowRight")
    expect(side).to_contain_text("a lighthouse, storm")
    page.locator(".thumb").nth(2).click(modifiers=["Control"])
    expect(side.get_by_role("heading", name="2 pictures chosen")).to_be_visible()
    page.locator(".thumb").first.focus()
    page.keyboard.press("Shift+ArrowRight")
    expect(side.get_by_role("heading", name="3 pictures chosen")).to_be_visible()
    expect(side.locator(".different")).to_contain_text("3 · 2")
    page.keyboard.press("Escape")
    page.locator(".thumb").first.focus()
    page.keyboard.press("i")
    expect(side).to_be_hidden()
    page.keyboard.press("i")
    page.keyboard.press("Space")
    expect(page.locator("dialog.viewer")).to_be_visible()


def test_a_session_is_folded_to_its_head_and_stays_so(visit, sheet):
    page = visit()
    find(page, "lighthouse", 3)
    page.locator(".session-head .fold").click()
    expect(tiles(page)).to_have_count(0)
    expect(page.locator(".peeks img")).to_have_count(3)
    page.reload()
    steps.go(page, "gallery")
    page.get_by_role("searchbox", name="Search prompts").fill("lighthouse")
    expect(page.locator(".peeks img")).to_have_count(3)
    head = page.locator(".session-head", has=page.locator(".peeks"))
    head.locator(".fold").click()
    expect(page.locator(".peeks")).to_have_count(0)


def test_a_finger_opens_with_a_tap_and_chooses_by_staying(visit, sheet):
    page = visit(PHONE)
    find(page, "lighthouse", 3)
    box = page.locator(".thumb").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = page.context.new_cdp_session(page)
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    expect(page.locator(".tile.chosen")).to_have_count(1)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.locator(".thumb").nth(1).tap()
    expect(page.locator(".tile.chosen")).to_have_count(2)
    page.get_by_role("button", name="Choose none (Esc)").tap()
    page.locator(".thumb").nth(1).tap()
    expect(page.locator("dialog.viewer")).to_be_visible()
