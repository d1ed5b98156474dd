"""Components made of a field's look, and the form that collects them."""

import os

import pytest

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr
from pydantic import BaseModel, Field

from webui.ui.components import Form, component, host, icon_button
from webui.ui.fields import FieldView, field_view

SCRIPT = "import('./main.js')"


@pytest.fixture
def form():
    with gr.Blocks():
        yield Form(SCRIPT)


def made(name, **changes):
    return component(SCRIPT, field_view(name), **changes)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("tiling", gr.Checkbox), ("prompt", gr.Textbox), ("fill", gr.Dropdown), ("steps", gr.HTML), ("seed", gr.HTML)]
    + [("sampler_options.sigmas", gr.Textbox), ("strength", gr.HTML)],
)
def test_each_kind_of_field_has_its_component(form, name, kind):
    box = made(name)
    assert type(box) is kind and box.elem_id == name.replace(".", "-") and box.label == field_view(name).label


def test_a_slider_has_ends_and_a_number_has_none(form):
    steps, seed = made("steps").props["field"], made("seed").props["field"]
    assert steps["ends"] == [1, 150] and (steps["low"], steps["high"], steps["step"]) == (1, 1000, 1)
    assert seed["ends"] is None and seed["high"] is None, "a browser's numbers are not exact up there"


def test_an_empty_number_says_what_it_means(form):
    assert made("hires.steps").props["field"]["placeholder"] == "0"
    assert made("hires.guidance", placeholder="The same").props["field"]["placeholder"] == "The same"


def test_a_list_of_names_makes_any_field_a_drop_down(form):
    box = made("sampler", choices=["Euler", "Heun"])
    assert isinstance(box, gr.Dropdown) and [name for name, _ in box.choices] == ["Euler", "Heun"] and box.allow_custom_value


def test_what_is_said_beside_a_field_is_its_help(form):
    assert made("prompt", info=None).info is None
    assert made("comma_backtrack").props["field"]["info"] == field_view("comma_backtrack").info


def test_the_form_knows_its_fields_labels_and_folds(form):
    before = set(form.fields)
    with form.fold("more", "More"):
        form.add("steps", label="Steps here")
        form.switch("hires", "Second pass")
    form.fold_ends("more", before)
    form.add("seed")
    assert list(form.fields) == ["steps", "hires.enabled", "seed"] and form.folds == {"more": ["steps", "hires.enabled"]}
    assert form.labels == {"steps": "Steps here", "hires.enabled": "Second pass", "seed": field_view("seed").label}


def test_a_panel_has_every_field_of_its_model(form):
    class Grain(BaseModel):
        amount: float = Field(0.5, ge=0, le=1, title="Amount")
        coarse: bool = False

    form.panel("grain", Grain)
    assert list(form.fields) == ["extras.grain.amount", "extras.grain.coarse"]
    assert form.fields["extras.grain.amount"].elem_id == "extras-grain-amount" and form.labels["extras.grain.coarse"] == "Coarse"


def test_an_empty_box_is_filled_by_the_pages_script(form):
    box = host(SCRIPT, "gallery")
    assert box.elem_id == "gallery" and 'data-host="gallery"' in box.html_template
    assert box.js_on_load == f"{SCRIPT}.then(page => page.mount('gallery', element, props, trigger, watch))"


def test_an_icon_button_keeps_its_words(form):
    button = icon_button("Roll the dice", "dice", "dice")
    assert button.value == "Roll the dice" and button.elem_classes == ["icon-button", "icon-dice"]


def test_a_look_of_its_own_needs_no_field(form):
    box = form.put(FieldView("own", "check", "Own", "", True))
    assert isinstance(box, gr.Checkbox) and box.value is True and form.labels["own"] == "Own"
