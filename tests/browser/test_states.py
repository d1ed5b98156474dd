"""What the page says when things go wrong: an engine dies, a folder cannot be written, web goes away, extensions are broken."""

import datetime
import socket

import pytest
from browser import steps
from playwright.sync_api import expect

from webui.bench.faults import AppProcess

pytestmark = pytest.mark.e2e

HOOK = "from webui import Sampler, Tab, hookimpl\n\n\n@hookimpl\ndef "
EXTENSIONS = {
    "no_module": f"import no_such_module\n{HOOK}register_tabs(register): ...\n",
    "wants_torch": f"import torch\n{HOOK}register_tabs(register): ...\n",
    "half_a_tab": (
        "def build():\n    import gradio as gr\n    gr.Markdown('half')\n"
        "    with gr.Blocks():\n        raise ValueError('the tab broke')\n\n\n"
        f"{HOOK}register_tabs(register):\n    register(Tab('Half a tab', build))\n"
    ),
    "no_sampler": f"{HOOK}register_samplers(register):\n    raise RuntimeError('no samplers today')\n",
    "spoils_pictures": f"{HOOK}process_image(image, request, index):\n    raise KeyError('pixel')\n",
}
REASONS = {
    "no_module": "No module named 'no_such_module'",
    "wants_torch": "Imports torch in the web process",
    "half_a_tab": "the tab broke",
    "no_sampler": "no samplers today",
}


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("states")
    (folder / "extensions").mkdir()
    for name, source in EXTENSIONS.items():
        (folder / "extensions" / f"{name}.py").write_text(source)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = AppProcess(folder, ["--port", str(port)])
    app.start()
    yield app
    app.stop()


@pytest.fixture
def page(contexts, app):
    """Errors in the console are expected here: refused connections and forms."""
    visit = contexts.visit(str(app.http.base_url).rstrip("/"))
    yield visit.page
    contexts.give_back(visit.page.context)
    assert visit.foreign == [] and not [problem for problem in visit.problems if problem.startswith("error: ")]


def test_broken_extensions_are_named_and_the_picture_is_made_without_them(page):
    steps.generate(page, "a red apple")
    expect(page.locator(".notes")).to_have_text("Made without Spoils pictures: it failed. See Extensions.")
    steps.go(page, "extensions")
    for name, reason in REASONS.items():
        card = page.locator(f".extension-card[data-id={name}]")
        expect(card.locator(".danger")).to_contain_text(reason)
        card.locator("summary").click()
        expect(card.locator("pre")).to_be_visible()
    spoils = page.locator(".extension-card[data-id=spoils_pictures]")
    expect(spoils.locator(".danger")).to_contain_text("KeyError: 'pixel'")
    assert page.get_by_role("tab", name="Half a tab").count() == 0
    spoils.get_by_role("switch").uncheck()
    expect(spoils.locator(".danger")).to_have_count(0)
    steps.go(page, "txt2img")
    steps.generate(page, "a red apple")
    expect(page.locator(".notes")).to_have_text("")


def test_a_killed_engine_is_told_and_the_job_runs_again(page, app):
    steps.prompt(page, "a pear")
    steps.number(page, "steps", 150)
    steps.number(page, "batch_count", 40)
    page.locator("#generate").click()
    steps.state(page, "running")
    app.kill("engine")
    steps.state(page, "restarting")
    expect(page.locator(".notice h2")).to_have_text("The engine stopped and is starting again")
    steps.state(page, "running")
    page.keyboard.press("Escape")
    steps.state(page, "stopped")
    expect(page.locator(".what")).to_contain_text("Stopped")


def test_a_failed_job_says_why_and_can_be_tried_again(page, app):
    today = app.data_dir / "outputs" / datetime.date.today().isoformat()
    kept = today.rename(today.with_name("kept"))
    today.write_text("a file in the way")
    steps.prompt(page, "a lemon")
    steps.number(page, "steps", 3)
    page.locator("#generate").click()
    steps.state(page, "failed")
    expect(page.locator(".notice h2")).to_contain_text("cannot be written")
    today.unlink()
    kept.rename(today)
    before = steps.pictures(page)
    page.get_by_role("button", name="Try again").click()
    steps.more(page, before)


def test_a_picture_too_large_for_the_memory_is_refused_with_a_size_that_fits(page):
    for side in ("width", "height"):
        steps.number(page, side, 4096)
    steps.number(page, "batch_size", 64)
    page.locator("#generate").click()
    steps.state(page, "failed")
    expect(page.locator(".notice h2")).to_contain_text("4096×4096 in batches of 64 needs about")
    page.get_by_role("button", name="Dismiss").click()
    steps.state(page, "idle")


def test_a_page_whose_server_is_away_keeps_everything_and_comes_back(page, app):
    app.stop()
    steps.state(page, "offline")
    steps.prompt(page, "typed meanwhile")
    page.locator("#generate").click()
    expect(page.locator(".toast")).to_contain_text("Not connected. Your settings are kept.")
    app.start()
    steps.state(page, "idle")
    steps.generate(page, "typed meanwhile", steps=3)
