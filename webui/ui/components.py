"""Gradio components made of a field's look, and the empty boxes that the page's own JavaScript fills."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from pydantic import BaseModel

from webui.ui.bodies import StepKind
from webui.ui.fields import CHAIN, SWITCH, FieldView, field_view


@dataclass(frozen=True)
class Form:
    """The form while it is built: its fields by request name, and which fold holds which of them."""

    script: str
    fields: dict[str, gr.components.Component] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    folds: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, **changes: Any) -> gr.components.Component:
        """Show one field of the request. `changes` overrides what its pydantic field says."""
        return self.put(field_view(name), **changes)

    def put(self, appearance: FieldView, **changes: Any) -> gr.components.Component:
        """Show a field of any model."""
        self.fields[appearance.name] = component(self.script, appearance, **changes)
        self.labels[appearance.name] = str(changes.get("label", appearance.label))
        return self.fields[appearance.name]

    def switch(self, part: str, label: str) -> None:
        """The check box that says whether an optional part of the request is there."""
        name = f"{part}.{SWITCH}"
        self.put(FieldView(name, "check", label, "", False))

    def panel(self, owner: str, model: type[BaseModel]) -> None:
        """All fields of an extension's model."""
        for name in model.model_fields:
            self.put(field_view(name, model, f"extras.{owner}."))

    def host(self, name: str, **more: Any) -> gr.HTML:
        """An empty box: markup, drawing and events of our own components live in `static/js`."""
        return host(self.script, name, **more)

    def chain(self, kinds: list[StepKind]) -> None:
        """The finish chain, whose editor is `static/js/finish-chain.js`."""
        view = field_view(CHAIN)
        steps = [kind.model_dump(mode="json") for kind in kinds]
        mount = f"{self.script}.then(page => page.mountChain(element, props, trigger, watch))"
        self.labels[CHAIN] = view.label
        self.fields[CHAIN] = gr.HTML(
            view.value,
            label=view.label,
            html_template='<div class="host"></div>',
            js_on_load=mount,
            elem_id=CHAIN,
            elem_classes=["finish-chain"],
            apply_default_css=False,
            kinds=steps,
        )

    def fold(self, name: str, title: str, classes: str = "") -> gr.Accordion:
        """A folded group; the browser remembers whether it is open and says in its title what differs from the default."""
        self.folds[name] = []
        return gr.Accordion(title, open=False, elem_id=f"fold-{name}", elem_classes=classes)

    def fold_ends(self, name: str, before: set[str]) -> None:
        """Note which fields the fold holds: those added since `before`."""
        self.folds[name] = [each for each in self.fields if each not in before]


def host(script: str, name: str, **more: Any) -> gr.HTML:
    """An empty box that `static/js` fills once Gradio has put it into the page."""
    mount = f"{script}.then(page => page.mount('{name}', element, props, trigger, watch))"
    template = f'<div class="host" data-host="{name}"></div>'
    return gr.HTML(more.pop("value", None), html_template=template, js_on_load=mount, elem_id=name, apply_default_css=False, **more)


def icon_button(label: str, icon: str, element: str) -> gr.Button:
    """The label stays in the page as the accessible name; the stylesheet shows the icon instead."""
    return gr.Button(label, elem_id=element, elem_classes=["icon-button", f"icon-{icon}"], min_width=40, scale=0)


def component(script: str, appearance: FieldView, **changes: Any) -> gr.components.Component:
    """The component for a field; `script` loads the page's own, as JavaScript."""
    common: dict[str, Any] = {"label": appearance.label, "elem_id": appearance.element, "value": appearance.value}
    if appearance.info:
        common["info"] = appearance.info
    made = {"text": _text, "list": _text, "choice": _choice, "check": _check}.get(appearance.kind, _choice)
    if appearance.kind in ("slider", "number") and "choices" not in changes:
        return _number(script, appearance, {**common, **changes})
    if "choices" in changes:
        made = _choice
    return made(appearance, {**common, "min_width": 120, "interactive": True, **changes})


def _number(script: str, appearance: FieldView, options: Mapping[str, Any]) -> gr.components.Component:
    """Our own box, `static/js/number-field.js`: Gradio's makes 0 of an empty number, rounds large ones and clamps what is typed."""
    ends = [appearance.minimum, appearance.maximum] if appearance.kind == "slider" else None
    empty = options.get("placeholder") or ("" if appearance.empty is None else f"{appearance.empty:g}")
    shown = {
        "label": options["label"],
        "info": options.get("info") or "",
        "placeholder": empty,
        "ends": ends,
        "low": appearance.low,
        "high": appearance.high,
        "step": appearance.step,
    }
    return gr.HTML(
        options["value"],
        label=options["label"],
        html_template='<div class="host"></div>',
        js_on_load=f"{script}.then(page => page.mountNumber(element, props, trigger, watch))",
        elem_id=options["elem_id"],
        elem_classes=["number-field"],
        apply_default_css=False,
        field=shown,
    )


def _text(appearance: FieldView, options: Mapping[str, Any]) -> gr.components.Component:
    return gr.Textbox(**{"lines": 1, **options})


def _choice(appearance: FieldView, options: Mapping[str, Any]) -> gr.components.Component:
    return gr.Dropdown(**{"choices": list(appearance.choices), "allow_custom_value": True, **options})


def _check(appearance: FieldView, options: Mapping[str, Any]) -> gr.components.Component:
    return gr.Checkbox(**{key: value for key, value in options.items() if key != "min_width"})
