"""The form as HTML: what each kind of field is, and what the form knows of what was written."""

import re
from html.parser import HTMLParser

import pytest
from pydantic import BaseModel, Field

from webui.ui.fields import FieldView, field_view
from webui.ui.form import Form
from webui.ui.markup import Markup


class Elements(HTMLParser):
    """All elements with their attributes, in their order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def by(self, tag, **wanted):
        return [given for name, given in self.found if name == tag and wanted.items() <= given.items()]


@pytest.fixture
def form():
    return Form(Markup(str), {}, ())


def written(form):
    return Elements(form.page.html)


@pytest.mark.parametrize(
    ("name", "kind", "tag"),
    [("tiling", "check", "input"), ("prompt", "text", "textarea"), ("fill", "choice", "ul"), ("steps", "number", "input")]
    + [("sampler_options.sigmas", "text", "textarea"), ("strength", "number", "input"), ("seed", "number", "input")],
)
def test_each_kind_of_field_has_its_control(form, name, kind, tag):
    form.add(name)
    (box,) = written(form).by("div", **{"data-field": name})
    assert box["id"] == name.replace(".", "-") and box["data-kind"] == kind
    assert written(form).by(tag) and field_view(name).label in form.page.html


def test_a_slider_has_ends_and_a_number_has_none(form):
    form.add("steps")
    form.add("seed")
    found = written(form)
    (slider,) = found.by("input", type="range")
    steps, seed = found.by("input", type="number")
    assert (slider["min"], slider["max"]) == ("1", "150") and (steps["min"], steps["max"], steps["step"]) == ("1", "1000", "1")
    assert "max" not in seed, "a browser's numbers are not exact up there"


def test_an_empty_number_says_what_it_means(form):
    form.add("hires.steps")
    form.add("hires.guidance", placeholder="The same")
    assert [box["placeholder"] for box in written(form).by("input", type="number")] == ["0", "The same"]


def test_a_list_of_names_makes_any_field_a_drop_down(form):
    form.add("sampler", choices=("Euler", "Heun"))
    assert written(form).by("input", role="combobox")
    assert form.choices == {"sampler": [("Euler", "Euler"), ("Heun", "Heun")]}


def test_what_the_server_lists_later_is_not_in_the_page():
    form = Form(Markup(str), {"sampler": "Euler"}, {"sampler"})
    form.add("sampler")
    (box,) = written(form).by("input", role="combobox")
    assert form.choices == {} and box["value"] == "Euler"


def test_what_is_said_beside_a_field_describes_it(form):
    form.add("prompt", info=None)
    form.add("comma_backtrack")
    (prompt,), (comma,) = written(form).by("textarea"), written(form).by("input", type="number")
    assert "aria-describedby" not in prompt
    assert re.search(rf'id="{comma["aria-describedby"]}" class="info">([^<]+)', form.page.html)[1] == field_view("comma_backtrack").info


def test_each_label_names_its_control(form):
    for name in ("prompt", "steps", "seed", "fill"):
        form.add(name)
    found = written(form)
    ids = {given["id"] for _, given in found.found if "id" in given}
    assert len(found.by("label")) == 4 and {label["for"] for label in found.by("label")} <= ids


def test_the_form_knows_its_fields_labels_and_folds(form):
    with form.fold("more", "More"):
        form.add("steps", label="Steps here")
        form.switch("hires", "Second pass")
    form.add("seed")
    assert list(form.shown) == ["steps", "hires.enabled", "seed"] and form.folds == {"more": ["steps", "hires.enabled"]}
    assert form.labels == {"steps": "Steps here", "hires.enabled": "Second pass", "seed": field_view("seed").label}
    (head,) = written(form).by("button", **{"class": "label-wrap"})
    (inside,) = written(form).by("div", id=head["aria-controls"])
    assert head["aria-expanded"] == "false" and "hidden" in inside


def test_a_checkpoints_own_value_is_shown_and_the_untouched_one_known():
    form = Form(Markup(str), {"width": 128}, ())
    form.add("width")
    (box,) = written(form).by("input", type="number")
    assert box["value"] == "128" and form.shown == {"width": None}


def test_a_panel_has_every_field_of_its_model(form):
    class Grain(BaseModel):
        amount: float = Field(0.5, ge=0, le=1, title="Amount")
        coarse: bool = False

    form.panel("grain", Grain)
    assert form.shown == {"extras.grain.amount": 0.5, "extras.grain.coarse": False}
    assert written(form).by("div", id="extras-grain-amount") and form.labels["extras.grain.coarse"] == "Coarse"


def test_of_a_part_that_raises_nothing_stays(form):
    told = []

    def part():
        with form.fold("bad", "Bad"):
            form.add("steps")
            raise SystemExit

    form.add("seed")
    before = form.page.html
    form.tried(part, lambda: told.append("failed"))
    assert (form.page.html, list(form.shown), form.folds, told) == (before, ["seed"], {}, ["failed"])


def test_an_icon_button_keeps_its_words(form):
    form.button("Roll the dice", "dice", "dice")
    (button,) = written(form).by("button")
    assert button["title"] == "Roll the dice" and ">Roll the dice</button>" in form.page.html
    assert "icon-dice" in button["class"]


def test_no_text_becomes_markup():
    form = Form(Markup(lambda text: text), {"own": '"><script>1</script>'}, ())
    form.put(FieldView("own", "text", "<b>Own</b>", "<i>", '"><script>1</script>'), placeholder='"<u>')
    tags = [tag for tag, _ in written(form).found]
    assert tags == ["div", "label", "p", "textarea"]
