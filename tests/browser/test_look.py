"""Large pictures in a real browser: zoomed where the pointer is, marked by keys, compared, and what differs taken into the form."""

import httpx
import pytest
from browser import steps
from browser.conftest import DESKTOP, PHONE
from browser.test_frame import fresh, shown, submit
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e
UNDER = """([x, y]) => { const box = document.querySelector('.viewer-picture > .pane .zoomed:not(.small)').getBoundingClientRect();
    return [(x - box.left) / box.width, (y - box.top) / box.height]; }"""


@pytest.fixture(scope="module")
def album(origin):
    """Three of one size, and one that was made otherwise; their ids, the newest first."""
    submit(origin, "an album, a red kite", guidance=3, steps=2, seed=5)
    submit(origin, "an album, a blue kite", guidance=6, steps=2, seed=5)
    submit(origin, "an album, a pond", batch_size=2, steps=3, seed=8)
    return [each["id"] for each in httpx.get(f"{origin}/api/v1/images?q=album&limit=10", timeout=120).json()["images"]]


def opened(visit, album, n=0, size=DESKTOP):
    """The viewer at one of them."""
    page = visit(size)
    steps.go(page, "gallery")
    page.get_by_role("searchbox", name="Search prompts").fill("album")
    expect(page.locator(".tile")).to_have_count(len(album))
    page.locator(".thumb").nth(n).dblclick()
    expect(page.locator("dialog.viewer .pane .zoomed:not(.small)")).to_be_visible()
    expect(page.locator(".look-where")).to_have_text(f"{n + 1} of {len(album)}")
    return page


def test_the_wheel_zooms_where_the_pointer_is_and_the_next_picture_keeps_the_place(visit, album):
    page = opened(visit, album)
    told = page.get_by_role("button", name="Fit or real pixels")
    expect(told).to_contain_text("Fit ·")
    box = page.locator(".viewer-picture").bounding_box()
    point = [box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.35]
    before = page.evaluate(UNDER, point)
    page.mouse.move(*point)
    for _ in range(4):
        page.mouse.wheel(0, -100)
    expect(told).not_to_contain_text("Fit")
    assert page.evaluate(UNDER, point) == pytest.approx(before, abs=0.004)
    expect(page.locator(".look-map")).to_be_visible()
    page.mouse.down()
    page.mouse.move(point[0] + 60, point[1] + 40, steps=4)
    page.mouse.up()
    assert page.evaluate(UNDER, [point[0] + 60, point[1] + 40]) == pytest.approx(before, abs=0.004)
    percent = told.inner_text()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".look-where")).to_have_text(f"2 of {len(album)}")
    expect(told).to_have_text(percent)
    page.keyboard.press("z")
    expect(told).to_contain_text("Fit ·")
    expect(page.locator(".look-map")).to_be_hidden()
    page.keyboard.press("z")
    expect(told).to_have_text("100 %")


def test_marks_by_keys_go_on_and_are_taken_back(visit, album):
    page = opened(visit, album)
    viewer = page.get_by_role("dialog")
    page.keyboard.press("4")
    expect(page.locator(".look-where")).to_have_text(f"2 of {len(album)}")
    page.keyboard.press("x")
    expect(page.locator(".look-where")).to_have_text(f"3 of {len(album)}")
    viewer.get_by_role("button", name="Keep (P)").click()
    expect(viewer.get_by_role("button", name="Keep (P)")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".look-where")).to_have_text(f"3 of {len(album)}")
    page.keyboard.press("Control+z")
    expect(viewer.get_by_role("button", name="Keep (P)")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("ArrowLeft")
    expect(viewer.get_by_role("button", name="Reject (X)")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("dialog").get_by_role("button", name="4 stars")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(page.locator(".tile .marks").first).to_have_text("★★★★")
    expect(page.locator(".tile").nth(1)).to_have_attribute("data-flag", "-1")


def test_keys_go_on_when_a_picture_comes_in_front(visit, origin, album):
    page = visit()
    steps.go(page, "gallery")
    page.locator(".thumb").first.dblclick()
    expect(page.locator("dialog.viewer[open]")).to_be_visible()
    before = steps.pictures(page)
    first = shown(page)
    submit(origin, "in front of the viewer")
    page.wait_for_function("n => known.total > n", arg=before)
    expect(page.get_by_role("button", name="Newer")).to_be_enabled()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("dialog.viewer p").first).to_have_text("in front of the viewer")
    page.wait_for_function("id => !location.hash.includes(id)", arg=first)


def test_two_are_compared_in_four_ways_and_what_differs_is_taken(visit, album):
    page = opened(visit, album, 2)
    page.keyboard.press("c")
    compare = page.get_by_role("dialog", name="Compare")
    table = compare.get_by_role("table")
    expect(table.locator("tbody th")).to_have_text(["Prompt", "CFG Scale"])
    expect(table.locator("mark")).to_have_text(["blue", "red"])
    expect(compare.locator(".pane")).to_have_count(2)
    page.keyboard.press("2")
    slider = compare.get_by_role("slider", name="Wipe")
    slider.press("ArrowLeft")
    expect(slider).to_have_attribute("aria-valuenow", "48")
    page.keyboard.press("3")
    page.keyboard.down(" ")
    expect(compare.locator(".letter")).to_have_text("B")
    page.keyboard.up(" ")
    expect(compare.locator(".letter")).to_have_text("A")
    page.keyboard.press("4")
    expect(compare.locator(".apart")).to_contain_text("PSNR")
    compare.get_by_role("button", name="Take CFG Scale of B").click()
    expect(compare.locator(".toast")).to_contain_text("CFG Scale taken: 3")
    page.go_back()
    expect(compare).to_have_count(0)
    expect(page.locator("dialog.viewer[open]")).to_be_visible()
    page.keyboard.press("Escape")
    steps.go(page, "txt2img")
    guidance = page.locator("#guidance input[type=number]")
    expect(guidance).to_have_value("3")
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(guidance).not_to_have_value("3")


def test_a_comparison_has_an_address(visit, origin, album):
    page = fresh(visit, origin, f"#compare/{album[2]}/{album[3]}")
    compare = page.get_by_role("dialog", name="Compare")
    expect(compare.get_by_role("table")).to_contain_text("2 of")
    compare.get_by_role("button", name="Back").click()
    expect(compare).to_have_count(0)
    page.wait_for_function("location.hash === '#gallery'")


def test_chosen_pictures_are_compared(visit, album):
    page = visit()
    steps.go(page, "gallery")
    with page.expect_response("**/api/v1/images?*q=album*"):  # a search of other words lets go of what is chosen
        page.get_by_role("searchbox", name="Search prompts").fill("album")
    expect(page.locator(".tile")).to_have_count(len(album))
    for n in range(3):
        page.locator(".tile").nth(n).click(modifiers=["Control"])
    page.get_by_role("toolbar", name="Chosen pictures").get_by_role("button", name="Compare").click()
    expect(page.get_by_role("dialog", name="Compare").locator(".pane")).to_have_count(3)


def test_a_finger_swipes_to_the_next_and_everything_is_large_enough(visit, album):
    page = opened(visit, album, 0, PHONE)
    steps.touch(page, [(300 - 25 * n, 250) for n in range(8)])
    expect(page.locator(".look-where")).to_have_text(f"2 of {len(album)}")
    steps.touch(page, [(150 - 6 * n, 250) for n in range(8)], [(240 + 6 * n, 250) for n in range(8)])
    expect(page.get_by_role("button", name="Fit or real pixels")).not_to_contain_text("Fit")
    small = page.evaluate(
        """() => [...document.querySelectorAll('.look-bar button, .rate button, .film button')].filter((each) => each.checkVisibility())
            .map((each) => each.getBoundingClientRect()).filter((box) => Math.min(box.width, box.height) < 44).length"""
    )
    assert small == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_another_picture_is_added_to_a_comparison_and_taken_out(visit, origin, album):
    page = fresh(visit, origin, f"#compare/{album[2]}/{album[3]}")
    compare = page.get_by_role("dialog", name="Compare")
    compare.get_by_role("button", name="Add a picture").click()
    chooser = page.get_by_role("dialog", name="Add a picture")
    expect(chooser.get_by_role("button", name="album").first).to_be_visible()
    chooser.get_by_role("searchbox").fill("album -red")
    chooser.locator(".chooser-picture").first.click()
    expect(chooser).to_have_count(0)
    expect(compare.locator(".pane")).to_have_count(3)
    page.wait_for_function("location.hash.split('/').length === 4")
    expect(compare.get_by_role("table").get_by_role("columnheader")).to_have_count(3)
    compare.get_by_role("button", name="Take B out").click()
    expect(compare.locator(".pane")).to_have_count(2)
    expect(compare.get_by_role("button", name="Take A out")).to_have_count(0)
