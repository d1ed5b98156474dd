"""The real app in its own process, and a real browser that notes every foreign request and every error.

The app runs on the shipped model when there is one, else on a tiny checkpoint with random weights: the walk is the same.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.downloads.fakes import Site

ROOT = Path(__file__).resolve().parent.parent.parent
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
).split()
BROWSER = shutil.which("chromium-headless-shell") or shutil.which("chromium")
"""The shell has no window of its own around the page, which takes seven times the processor time of opening one."""
PATIENCE = 120_000
DESKTOP, PHONE = (1440, 900), (390, 844)


@dataclass
class Visit:
    """A page in a browser of its own, and what went wrong in it."""

    page: object
    origin: str
    foreign: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("request", lambda request: self._note(request.url))
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("console", lambda message: self._hear(message.type, message.text))

    def _hear(self, kind: str, text: str) -> None:
        """Chromium logs every 422; a refused form is an answer, not a fault."""
        if kind == "error" and "status of 422" not in text:
            self.problems.append(text)

    def _note(self, url: str) -> None:
        if not url.startswith((self.origin, "data:", "blob:")):
            self.foreign.append(url)


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> Path:
    """A models folder of the running app, beside the project's own."""
    return tmp_path_factory.mktemp("more-models")


@pytest.fixture(scope="session")
def hugging_face() -> Iterator[Site]:
    """What the running app takes for Hugging Face; it has nothing until a test puts something there."""
    site = Site()
    yield site
    site.close()


@pytest.fixture(scope="session")
def origin(tmp_path_factory, models, hugging_face) -> Iterator[str]:
    """Start `serve` on a scratch folder; gives its address without the last slash."""
    data = tmp_path_factory.mktemp("studio")
    if not list((ROOT / "models" / "Stable-diffusion").glob("*.safetensors")):
        from tests import tiny

        tiny.write(models / "Stable-diffusion" / "tiny.safetensors", seed=1)
    command = [sys.executable, "-m", "webui", "serve", "--port", "0", "--no-browser", "--data-dir", str(data), "--models-dir", str(models)]
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive", "HF_ENDPOINT": hugging_face.url}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said: list[str] = []
    yield _address(process, said).rstrip("/")
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    finally:
        process.kill()
    assert "Traceback" not in "".join(said), "".join(said)


def _address(process: subprocess.Popen[str], said: list[str]) -> str:
    for line in process.stdout:
        said.append(line)
        if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
            threading.Thread(target=lambda: said.extend(process.stdout), daemon=True).start()
            return found.group()
    raise AssertionError("The app did not start:\n" + "".join(said))


@pytest.fixture(scope="package")
def chromium():
    """Ended with the tests of this folder: as long as Playwright's synchronous API is open, the thread has an event loop running."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE // 2)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield browser
        browser.close()


def new_context(browser, touch: bool = False):
    """Another person, whose browser has never seen the page."""
    width, height = PHONE if touch else DESKTOP
    viewport = {"width": width, "height": height}
    context = browser.new_context(
        viewport=viewport, color_scheme="dark", has_touch=touch, permissions=["clipboard-read", "clipboard-write"]
    )
    context.set_default_timeout(PATIENCE)
    return context


def open_visit(browser, origin: str, size: tuple[int, int] = DESKTOP, theme: str = "dark", at: str = "/") -> Visit:
    """A new person opens the page, in a context of the test's own."""
    return _arrive(_window(new_context(browser, size == PHONE), size, theme), origin, at)


def _window(context, size: tuple[int, int], theme: str):
    page = context.new_page()
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=theme)
    return page


def _arrive(page, origin: str, at: str) -> Visit:
    visit = Visit(page, origin)
    visit.watch()
    page.goto(origin + at)
    page.locator("#generate").wait_for(state="visible")
    page.locator("body[data-state]:not([data-state=joining])").wait_for()
    page.wait_for_function("document.querySelector('#prompt textarea') && document.querySelector('#checkpoint input')?.value")
    return visit


class ContextPool:
    """Browser contexts used one after another by several tests: what the page keeps is emptied in between, its scripts stay in the cache.

    To fetch and compile them anew is half of what opening the page takes.
    """

    def __init__(self, browser) -> None:
        self._browser, self._free = browser, {False: [], True: []}

    def close_others(self) -> None:
        """Close what a test that failed has left open."""
        kept = [*self._free[False], *self._free[True]]
        for context in self._browser.contexts:
            if context not in kept:
                context.close()

    def take(self, touch: bool):
        """A context without a window, with or without a touch screen."""
        return self._free[touch].pop() if self._free[touch] else new_context(self._browser, touch)

    def visit(self, origin: str, size: tuple[int, int] = DESKTOP, theme: str = "dark", at: str = "/") -> Visit:
        """Open the page as a new person whose browser has its scripts in the cache; `give_back` or close the context afterwards."""
        window = _window(self.take(size == PHONE), size, theme)
        forget(window, origin)
        return _arrive(window, origin, at)

    def give_back(self, context, touch: bool = False) -> None:
        """Close its windows; the next who takes it is somebody else."""
        for page in context.pages:
            page.close()
        self._free[touch].append(context)


def forget(page, origin: str) -> None:
    """Empty everything that the page has kept in this context, but not the cache."""
    page.context.clear_cookies()
    session = page.context.new_cdp_session(page)
    session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
    session.detach()


@pytest.fixture(scope="package")
def contexts(chromium) -> ContextPool:
    return ContextPool(chromium)


@pytest.fixture(scope="module", autouse=True)
def no_windows_left(contexts) -> Iterator[None]:
    """The next file finds only the pool's contexts, without windows, so that it measures and counts its own."""
    yield
    contexts.close_others()


@pytest.fixture
def visit(contexts, origin):
    """Open the page as a new person: `visit(size, theme=…)`. At the end nothing may have gone wrong or elsewhere.

    The context is for others afterwards: what a test changes (routes, scripts, a clock) must be the page's, not the context's.
    """
    visits: list[tuple[Visit, bool]] = []

    def open_page(size: tuple[int, int] = DESKTOP, theme: str = "dark", at: str = "/"):
        visit = contexts.visit(origin, size, theme, at)
        visits.append((visit, size == PHONE))
        return visit.page

    yield open_page
    for each, touch in visits:
        contexts.give_back(each.page.context, touch)
    assert [url for each, _ in visits for url in each.foreign] == []
    assert [text for each, _ in visits for text in each.problems] == []
