"""How a field of a request stands in the page: HTML that works before a script has run, and that `static/js/fields.js` brings to life."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from webui.ui.fields import FieldView
from webui.ui.markup import Markup, plain


@dataclass(frozen=True)
class Control:
    """One field and how it is shown: `FieldView` says what the request knows, the rest what its place in the form changes.

    `choices` makes a drop-down of any kind of field.
    """

    view: FieldView
    label: str
    info: str = ""
    placeholder: str = ""
    value: Any = None
    choices: tuple[str, ...] | None = None
    multiple: bool = False
    lines: int = 1
    most_lines: int = 20

    @property
    def kind(self) -> str:
        """What the page's script makes of it."""
        if self.choices is not None or self.view.kind == "choice":
            return "choices" if self.multiple else "choice"
        return {"check": "check", "slider": "number", "number": "number"}.get(self.view.kind, "text")

    @property
    def names(self) -> tuple[str, ...]:
        return self.view.choices if self.choices is None else self.choices


def write(page: Markup, control: Control) -> None:
    """Put the control into the page."""
    kinds = {"check": _check, "number": _number, "text": _text, "choice": _choice, "choices": _choice}
    classes = {"number": "block number-field"}.get(control.kind, "block")
    with page.within("div", id=control.view.element, class_=classes, data_field=control.view.name, data_kind=control.kind):
        kinds[control.kind](page, control)


def write_radio(page: Markup, name: str, label: str, values: Sequence[str], value: str) -> None:
    """A group of radio buttons: one stop of the Tab key, arrows go through them."""
    with page.within(
        "fieldset", id=name, class_="block", data_field=name, data_kind="radio", role="radiogroup", aria_label=page.words(label)
    ):
        page.add("span", label, data_testid="block-info")
        with page.within("div", class_="wrap"):
            for each in values:
                with page.within("label"):
                    page.add("input", type="radio", name=name, value=each, checked=each == value)
                    page.add("span", each)


def _text(page: Markup, control: Control) -> None:
    element = control.view.element
    _label(page, control, f"{element}-text")
    with page.within(
        "textarea",
        id=f"{element}-text",
        rows=control.lines,
        placeholder=page.words(control.placeholder) if control.placeholder else None,
        aria_describedby=_described(control),
        style=f"--rows:{control.lines};--most:{control.most_lines}",
        autocomplete="off",
        dir="auto",
    ):
        page.literal(_text_of(control))


def _number(page: Markup, control: Control) -> None:
    view, number = control.view, f"{control.view.element}-number"
    is_slider = view.kind == "slider"

    def box() -> None:
        page.add(
            "input",
            id=number,
            type="number",
            step=view.step or "any",
            min=view.low,
            max=view.high,
            value=_text_of(control),
            placeholder=page.words(_meaning(control)) or None,
            aria_describedby=_described(control),
            autocomplete="off",
        )

    if is_slider:
        with page.within("div", class_="head"):
            page.add("label", control.label, for_=number, data_testid="block-info")
            box()
        _info(page, control)
        at = control.value if control.value not in (None, "") else view.minimum
        page.add(
            "input",
            type="range",
            step=view.step or "any",
            aria_label=page.words(control.label),
            value=at,
            autocomplete="off",
            min=view.minimum,
            max=view.maximum,
        )
    else:
        _label(page, control, number)
        box()


def _meaning(control: Control) -> str:
    """What an empty box means."""
    return control.placeholder or ("" if control.view.empty is None else f"{control.view.empty:g}")


def _check(page: Markup, control: Control) -> None:
    with page.within("label", class_="check"):
        page.add("input", type="checkbox", checked=bool(control.value), aria_describedby=_described(control), autocomplete="off")
        page.add("span", control.label)
    _info(page, control)


def _choice(page: Markup, control: Control) -> None:
    element = control.view.element
    _label(page, control, f"{element}-choice")
    with page.within("div", class_="wrap"):
        with page.within("div", class_="wrap-inner"):
            page.add(
                "input",
                id=f"{element}-choice",
                type="text",
                role="combobox",
                value="" if control.multiple else page.words(_text_of(control)),
                placeholder=page.words(control.placeholder) if control.placeholder else None,
                aria_expanded="false",
                aria_controls=f"{element}-options",
                aria_autocomplete="list",
                aria_describedby=_described(control),
                autocomplete="off",
                spellcheck="false",
            )
            page.add("span", class_="icon-wrap", aria_hidden="true")
    page.add("ul", id=f"{element}-options", class_="options", role="listbox", popover="manual", aria_label=page.words(control.label))


def _label(page: Markup, control: Control, target: str) -> None:
    page.add("label", control.label, for_=target, data_testid="block-info")
    _info(page, control)


def _info(page: Markup, control: Control) -> None:
    if control.info:
        page.add("p", control.info, id=f"{control.view.element}-info", class_="info")


def _described(control: Control) -> str | None:
    return f"{control.view.element}-info" if control.info else None


def _text_of(control: Control) -> str:
    """The value as its box shows it; several are chips that the page's script makes."""
    return "" if isinstance(control.value, (list, tuple)) else plain(control.value)
