"""What is told to who looks elsewhere, in a real browser: the tab's title, a notification on request; and a start picture's factor."""

import pytest
from browser import steps
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e
TITLES = """() => { window.titles = [document.title];
    const icon = document.querySelector('link[rel=icon]');
    window.icons = [];
    const watcher = new MutationObserver(() => { titles.push(document.title); icons.push(icon.href); });
    watcher.observe(document.head, { subtree: true, childList: true, characterData: true, attributes: true }); }"""
NOTIFICATIONS = """() => { window.told = [];
    window.Notification = class {
        static requestPermission = async () => 'granted';
        constructor(title, { body }) { told.push([title, body]); } }; }"""
HIDDEN = """hidden => { Object.defineProperty(document, 'hidden', { get: () => hidden, configurable: true });
    document.dispatchEvent(new Event('visibilitychange')); }"""


def choose(page, item: str) -> None:
    page.locator("#more").click()
    page.get_by_role("menuitemcheckbox", name=item).click()


def test_the_title_says_how_far_it_is(visit):
    page = visit()
    page.evaluate(TITLES)
    steps.generate(page, "a lamp", steps=12)
    page.wait_for_function("document.title === 'Darkroom'")
    titles = page.evaluate("titles")
    assert any(title.endswith("/12) Darkroom") for title in titles), titles
    icons = page.evaluate("icons")
    assert any(icon.startswith("data:image/svg") for icon in icons), icons
    page.wait_for_function("document.querySelector('link[rel=icon]').href.endsWith('/icon.svg')")


def test_a_hidden_page_tells_when_it_is_done_where_that_was_asked_for(visit):
    page = visit()
    page.evaluate(NOTIFICATIONS)
    choose(page, "Tell me when it is done")
    page.locator("#more").click()
    expect(page.get_by_role("menuitemcheckbox", name="Tell me when it is done")).to_have_attribute("aria-checked", "true")
    page.keyboard.press("Escape")
    steps.prompt(page, "a lamp that tells")
    steps.number(page, "steps", 8)
    page.locator("#generate").click()
    page.wait_for_function("document.body.dataset.state !== 'idle' && document.body.dataset.state !== 'first'")
    page.evaluate(HIDDEN, True)
    page.wait_for_function("told.length === 1", timeout=steps.PATIENCE)
    assert page.evaluate("told[0]") == ["1 picture", "a lamp that tells"]
    page.wait_for_function("document.title === '(✓) Darkroom'")
    page.evaluate(HIDDEN, False)
    page.wait_for_function("document.title === 'Darkroom'")
    steps.state(page, "idle")


def test_a_start_picture_is_resized_by_a_factor(visit):
    page = visit()
    steps.generate(page, "a lamp to enlarge", steps=2)
    page.get_by_role("button", name="Send to img2img").click()
    factor = page.get_by_role("textbox", name="Resize by")
    expect(factor).to_have_value("1")
    width = int(page.locator("#width input").input_value())
    factor.fill("1,5")
    factor.press("Enter")
    expect(page.locator("#width input")).to_have_value(str(width * 3 // 2))
    expect(page.locator(".resize-by")).to_contain_text(f"→ {width * 3 // 2} × ")
    factor.press("ArrowUp")
    expect(factor).to_have_value("1.55")
    factor.fill("nine")
    factor.press("Enter")
    expect(page.locator(".source-card [role=alert]")).to_have_text("Resize by takes a number from 0.25 to 4.")
