"""txt2img, img2img and inpaint: one form and one stage that all three share; the mode only says which parts show."""

from collections.abc import Callable
from dataclasses import replace

from webui.core.request import Fill, ResizeMode
from webui.plugins.types import ALL_MODES, Panel
from webui.ui.fields import field_view
from webui.ui.form import Form
from webui.ui.tabs import accordions

AUTO = "Auto"
RATIOS = ("1:1", "4:3", "3:2", "16:9", "3:4", "2:3", "9:16")


def write(form: Form, panels: list[tuple[str, Panel]], failed: Callable[[str], None]) -> None:
    """Write form and stage. `failed(owner)` is told of a panel that raises."""
    page = form.page
    with page.within("div", id="studio", role="tabpanel", aria_labelledby="tab-txt2img-button"):
        with page.within("div", id="form", role="form", aria_label=page.words("Parameters")):
            with page.within("div", id="form-fields"):
                _first_fields(form)
                _image_fields(form)
                _size(form)
                _sampling(form)
                accordions.write(form)
                for owner, panel in panels:
                    _panel(form, owner, panel, failed)
            with form.row(id="action-bar"):
                form.host("dock")
                page.add("button", "Generate", type="button", id="generate", class_="primary")
                form.host("run")
        with page.within("div", id="stage-column"):
            form.host("stage")


def _first_fields(form: Form) -> None:
    form.add("where", info=None)
    form.host("elsewhere")
    with form.row("with-button"):
        form.add("checkpoint", info=None)
        form.host("checkpoint-shelf")
        form.button("Look for model files again", "refresh", "refresh")
    form.host("first-visit")
    form.host("source")
    with form.column(id="prompts"):
        form.host("prompt-tools")
        form.add("prompt", lines=3, most_lines=12, placeholder="What should the picture show?")
        form.host("prompt-tray")
        form.add("negative_prompt", lines=2, most_lines=8, placeholder="What to keep out of it")


def _image_fields(form: Form) -> None:
    with form.column("only-img2img only-inpaint", id="img2img-fields"):
        form.add("strength")
        form.add("resize_mode", choices=tuple(mode.value for mode in ResizeMode), value=ResizeMode.CROP.value)
    with form.column("only-inpaint", id="inpaint-fields"):
        with form.row():
            form.add("fill", choices=tuple(fill.value for fill in Fill))
            form.put(replace(field_view("padding"), kind="number"), label="Only masked padding", info=None)
        with form.row():
            form.put(replace(field_view("mask_blur"), kind="number"), info=None)
            with form.column("checks"):
                form.add("only_masked", info=None, value=True)
                form.add("invert_mask", info=None)


def _size(form: Form) -> None:
    with form.column(id="size"):
        form.radio("ratio", "Aspect", RATIOS, "1:1")
        with form.row("with-button"):
            form.add("width", info=None, placeholder="Native")
            form.button("Swap width and height", "swap", "swap")
            form.add("height", info=None, placeholder="Native")


def _sampling(form: Form) -> None:
    with form.row():
        form.add("sampler", info=None)
        form.add("schedule", info=None)
    with form.row():
        form.add("steps", info=None, placeholder=AUTO)
        form.add("guidance", info=None, placeholder=AUTO)
    with form.row("with-button"):
        form.add("seed", label="Seed (-1 is random)", info=None)
        form.button("Random seed", "dice", "dice")
        form.button("Reuse the shown picture's seed", "reuse", "reuse-seed")
    with form.row():
        form.add("batch_count", info=None)
        form.put(replace(field_view("batch_size"), kind="number"), info=None)


def _panel(form: Form, owner: str, panel: Panel, failed: Callable[[str], None]) -> None:
    """One extension's fold. If its model cannot be shown, nothing of it stays behind."""
    classes = "extension" if set(panel.modes) == set(ALL_MODES) else "extension " + " ".join(f"only-{mode}" for mode in panel.modes)

    def fold() -> None:
        with form.fold(f"ext-{owner}", panel.title, classes):
            form.panel(owner, panel.model)

    form.tried(fold, lambda: failed(owner))
