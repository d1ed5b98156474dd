"""Extensions whose panel or tab raises while the page is built: nothing of them stays, everything else works."""

import gradio as gr
import pytest
from ui.conftest import GRAIN

from webui.ui.page import build

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
BAD_PANEL = """
from webui import Panel, hookimpl

@hookimpl
def register_panels(register):
    register(Panel("Not a model", int))
"""


@pytest.mark.parametrize("source", [HALF_BUILT_TAB, OWN_BLOCKS, BAD_PANEL])
def test_a_builder_that_raises_leaves_nothing_behind(make_page, source):
    page = make_page(bad=source, grain=GRAIN)
    blocks = build(page.services, "/look/x")
    ids = {block.elem_id for block in blocks.blocks.values()}
    assert "leaked" not in ids and "fold-ext-bad" not in ids and "tab-ext-bad" not in ids
    assert {"fold-ext-grain", "tab-ext-grain"} <= ids
    assert len([function for function in blocks.fns.values() if function.fn is not None]) == 0
    assert page.extensions.failed() == ("bad",)
    assert page.client().get("/").status_code == 200


def test_events_of_a_good_tab_stay(make_page):
    good = HALF_BUILT_TAB.replace('    raise ValueError("halfway")\n', "")
    blocks = build(make_page(good=good).services, "/look/x")
    assert any(block.elem_id == "leaked" for block in blocks.blocks.values())
    assert len([function for function in blocks.fns.values() if function.fn is not None]) == 1


def test_two_panels_of_one_extension_are_refused(make_page):
    two = GRAIN.replace('register(Panel("Grain", Grain))', 'register(Panel("Grain", Grain)); register(Panel("More", Grain))')
    page = make_page(two=two)
    assert "one panel" in page.extensions.states[0].error
    assert list(page.parts.panels) == [] and list(page.parts.tabs) == []
    assert isinstance(build(page.services, "/look/x"), gr.Blocks)
