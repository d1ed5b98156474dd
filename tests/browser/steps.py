"""What a person does on the page, in the words of the tests."""

from playwright.sync_api import Page, expect

PATIENCE = 180_000
KNOW = """async () => { window.known = (await import(document.querySelector('script[src$="/js/main.js"]').src)).state;
    return known.total; }"""
DRAWN = "n => known.total > n && document.querySelector('.strip button')?.dataset.id === known.images[0].id"


def state(page: Page, *names: str) -> None:
    """Wait until the page is in one of these states."""
    page.wait_for_function("names => names.includes(document.body.dataset.state)", arg=list(names), timeout=PATIENCE)


def go(page: Page, tab: str) -> None:
    shut(page)
    page.locator(f"#tab-{tab}-button").click()
    expect(page.locator(f"#tab-{tab}-button")).to_have_attribute("aria-selected", "true")


def form(page: Page) -> None:
    """See the form: on a phone it is a sheet that the line beside Generate opens."""
    line = page.locator(".dock-prompt")
    if line.is_visible():
        line.click()
        expect(page.locator(".sheet-close")).to_be_visible()


def shut(page: Page) -> None:
    """See the picture again: the form's sheet on a phone is closed."""
    edge = page.locator(".sheet-close")
    if edge.is_visible():
        edge.click()
        expect(edge).to_be_hidden()


def prompt(page: Page, text: str) -> None:
    form(page)
    page.locator("#prompt textarea").fill(text)


def number(page: Page, element: str, value: float) -> None:
    """Type into a number box or the number of a slider."""
    form(page)
    box = page.locator(f"#{element} input[type=number]")
    box.fill(str(value))
    box.press("Tab")


def pictures(page: Page) -> int:
    """How many pictures the page knows of; its strip shows the newest only."""
    return page.evaluate(KNOW)


def generate(page: Page, text: str, *, steps: int | None = 4) -> None:
    """Make a picture and wait until it is there."""
    before = pictures(page)
    prompt(page, text)
    if steps is not None:
        number(page, "steps", steps)
    page.locator("#generate").click()
    more(page, before)


def more(page: Page, before: int) -> None:
    """Wait for one more picture than `before`, and for the job's end."""
    page.evaluate(KNOW)  # what is waited for has no promise in it: Playwright would take that for a yes
    page.wait_for_function(DRAWN, arg=before, timeout=PATIENCE)
    state(page, "idle")


def error_at(page: Page, element: str) -> str:
    """The sentence beside a field."""
    note = page.locator(f"#{element}-error")
    note.wait_for()
    return note.inner_text()


def paint(page: Page) -> None:
    """A stroke over the middle of the mask."""
    box = page.locator(".paint").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    for part in range(1, 11):
        page.mouse.move(box["x"] + box["width"] * (0.3 + 0.04 * part), box["y"] + box["height"] * 0.5)
    page.mouse.up()


def zoom(page: Page) -> int:
    """How large the canvas is looked at, in per cent of the picture's pixels."""
    return int(page.locator(".tool.zoom").inner_text().rstrip("% "))


def touch(page: Page, *fingers: list[tuple[float, float]]) -> None:
    """Move fingers over the screen, each along its points, all at once."""
    session = page.context.new_cdp_session(page)

    def send(kind: str, points: list[dict[str, float]]) -> None:
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    for count in range(1, len(fingers) + 1):
        send("touchStart", [{"x": path[0][0], "y": path[0][1], "id": number} for number, path in enumerate(fingers[:count])])
    for step in zip(*fingers, strict=True):
        send("touchMove", [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(step)])
    send("touchEnd", [])


def covered(page: Page) -> float:
    """The part of the mask that is painted."""
    return page.evaluate(
        """() => { const canvas = document.querySelector('.paint');
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        let painted = 0; for (let i = 3; i < data.length; i += 4) painted += data[i] > 127;
        return painted / (data.length / 4); }"""
    )
