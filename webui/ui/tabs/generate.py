"""txt2img, img2img and inpaint: one form and one stage that all three share; the mode only says which parts show."""

from collections.abc import Callable
from dataclasses import replace

import gradio as gr

from webui.core.request import Fill, ResizeMode
from webui.plugins.types import ALL_MODES, Panel
from webui.ui.bodies import StepKind
from webui.ui.choices import Choices
from webui.ui.components import Form, host, icon_button
from webui.ui.fields import field_view
from webui.ui.isolated import isolated
from webui.ui.tabs import accordions

AUTO = "Auto"
RATIOS = ("1:1", "4:3", "3:2", "16:9", "3:4", "2:3", "9:16")


def build(
    form: Form, choices: Choices, panels: list[tuple[str, Panel]], kinds: list[StepKind], failed: Callable[[str], None]
) -> dict[str, gr.Button]:
    """Put form and stage below the tab bar and give the form's buttons. `failed(owner)` is told of a panel that raises."""
    with gr.Row(elem_id="studio", equal_height=False):
        with gr.Column(elem_id="form"):
            with gr.Column(elem_id="form-fields"):
                buttons = _first_fields(form, choices)
                _image_fields(form)
                buttons |= _size(form)
                buttons |= _sampling(form, choices)
                accordions.build(form, choices, kinds)
                for owner, panel in panels:
                    _panel(form, owner, panel, failed)
            with gr.Row(elem_id="action-bar"):
                buttons["generate"] = gr.Button("Generate", variant="primary", elem_id="generate")
                form.host("run")
        with gr.Column(elem_id="stage-column"):
            host(form.script, "stage")
    return buttons


def _first_fields(form: Form, choices: Choices) -> dict[str, gr.Button]:
    form.add("where", choices=list(choices.places), info=None)
    form.host("elsewhere")
    with gr.Row(elem_classes="with-button"):
        form.add("checkpoint", choices=choices.checkpoints, value=choices.checkpoint, info=None, min_width=200)
        form.host("checkpoint-shelf")
        refresh = icon_button("Look for model files again", "refresh", "refresh")
    form.host("first-visit")
    form.host("source", value={})
    with gr.Column(elem_id="prompts"):
        form.host("prompt-tools")
        form.add("prompt", lines=3, max_lines=12, placeholder="What should the picture show?")
        form.host("prompt-tray")
        form.add("negative_prompt", lines=2, max_lines=8, placeholder="What to keep out of it")
    return {"refresh": refresh}


def _image_fields(form: Form) -> None:
    with gr.Column(elem_id="img2img-fields", elem_classes="only-img2img only-inpaint"):
        form.add("strength")
        form.add("resize_mode", choices=[mode.value for mode in ResizeMode], value=ResizeMode.CROP.value)
    with gr.Column(elem_id="inpaint-fields", elem_classes="only-inpaint"):
        with gr.Row():
            form.add("fill", choices=[fill.value for fill in Fill])
            form.put(replace(field_view("padding"), kind="number"), label="Only masked padding", info=None)
        with gr.Row():
            form.put(replace(field_view("mask_blur"), kind="number"), info=None)
            with gr.Column(min_width=120, elem_classes="checks"):
                form.add("only_masked", info=None, value=True)
                form.add("invert_mask", info=None)


def _size(form: Form) -> dict[str, gr.Button]:
    with gr.Column(elem_id="size"):
        form.fields["ratio"] = gr.Radio(list(RATIOS), value="1:1", label="Aspect", elem_id="ratio", interactive=True)
        with gr.Row(elem_classes="with-button"):
            form.add("width", info=None, placeholder="Native")
            swap = icon_button("Swap width and height", "swap", "swap")
            form.add("height", info=None, placeholder="Native")
    return {"swap": swap}


def _sampling(form: Form, choices: Choices) -> dict[str, gr.Button]:
    with gr.Row():
        form.add("sampler", choices=choices.samplers, info=None)
        form.add("schedule", choices=choices.schedules, info=None)
    with gr.Row():
        form.add("steps", info=None, placeholder=AUTO)
        form.add("guidance", info=None, placeholder=AUTO)
    with gr.Row(elem_classes="with-button"):
        form.add("seed", label="Seed (-1 is random)", info=None)
        dice, reuse = icon_button("Random seed", "dice", "dice"), icon_button("Reuse the shown picture's seed", "reuse", "reuse-seed")
    with gr.Row():
        form.add("batch_count", info=None)
        form.put(replace(field_view("batch_size"), kind="number"), info=None)
    return {"dice": dice, "reuse": reuse}


def _panel(form: Form, owner: str, panel: Panel, failed: Callable[[str], None]) -> None:
    """One extension's fold. If its model cannot be shown, nothing of it stays behind."""
    before, labels = dict(form.fields), dict(form.labels)

    def forget() -> None:
        form.fields.clear()
        form.fields.update(before)
        form.labels.clear()
        form.labels.update(labels)
        form.folds.pop(f"ext-{owner}", None)
        failed(owner)

    classes = "extension" if set(panel.modes) == set(ALL_MODES) else "extension " + " ".join(f"only-{mode}" for mode in panel.modes)
    with isolated(forget):
        with form.fold(f"ext-{owner}", panel.title, classes):
            form.panel(owner, panel.model)
        form.fold_ends(f"ext-{owner}", set(before))
