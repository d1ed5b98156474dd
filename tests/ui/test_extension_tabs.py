"""Extensions whose panel or tab raises while the page is built: nothing of them stays, everything else works."""

import pytest
from ui.conftest import GRAIN

from webui.ui.document import document
from webui.ui.languages import Catalogue
from webui.ui.page import page_parts

HALF_BUILT_TAB = """
import gradio as gr
from webui import Tab, hookimpl

def build():
    box = gr.Textbox(elem_id="leaked")
    box.change(lambda x: x, box, box)
    raise ValueError("halfway")

@hookimpl
def register_tabs(register):
    register(Tab("Half", build))
"""
OWN_BLOCKS = """
import gradio as gr
from webui import Tab, hookimpl

def build():
    with gr.Blocks():
        gr.Textbox(elem_id="leaked")
        raise ValueError("inside own blocks")

@hookimpl
def register_tabs(register):
    register(Tab("Own blocks", build))
"""
GOOD_TAB = HALF_BUILT_TAB.replace('    raise ValueError("halfway")\n', "")
BAD_PANEL = """
from webui import Panel, hookimpl

@hookimpl
def register_panels(register):
    register(Panel("Not a model", int))
"""


def events(pages):
    return [function for function in pages.fns.values() if function.fn is not None]


@pytest.mark.parametrize("source", [HALF_BUILT_TAB, OWN_BLOCKS, BAD_PANEL])
def test_a_builder_that_raises_leaves_nothing_behind(make_page, source):
    page = make_page(bad=source, grain=GRAIN)
    pages, parts = page_parts(page.services, "/look/x")
    html = document(parts, page.services, Catalogue("en"), True)
    assert "leaked" not in {block.elem_id for block in pages.blocks.values()}
    assert "ext-bad" not in html and "ext-bad" not in [path for path, *_ in pages.pages]
    assert 'id="fold-ext-grain"' in html and 'id="tab-ext-grain"' in html
    assert events(pages) == []
    assert page.extensions.failed() == ("bad",)
    client = page.client()
    assert client.get("/").status_code == client.get("/ext-grain").status_code == 200
    assert client.get("/ext-bad").status_code == 404


def test_each_tab_is_a_page_of_its_own_and_loads_no_other(make_page):
    client = make_page(good=GOOD_TAB, grain=GRAIN).client()
    good, grain = (client.get(f"/ext-{name}").text for name in ("good", "grain"))
    assert "leaked" in good and "hello from grain" not in good
    assert "hello from grain" in grain and "leaked" not in grain
    assert "gradio" not in client.get("/").text, "our own page loads nothing of it"


def test_events_of_a_good_tab_stay(make_page):
    pages, _ = page_parts(make_page(good=GOOD_TAB).services, "/look/x")
    assert any(block.elem_id == "leaked" for block in pages.blocks.values())
    assert len(events(pages)) == 1


def test_two_panels_of_one_extension_are_refused(make_page):
    two = GRAIN.replace('register(Panel("Grain", Grain))', 'register(Panel("Grain", Grain)); register(Panel("More", Grain))')
    page = make_page(two=two)
    assert "one panel" in page.extensions.states[0].error
    assert list(page.parts.panels) == [] and list(page.parts.tabs) == []
    assert page_parts(page.services, "/look/x")[1].tabs == ()
