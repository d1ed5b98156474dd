"""The form while it is written: its fields by request name, their values, and which fold holds which of them."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from webui.ui.controls import Control, write, write_radio
from webui.ui.fields import CHAIN, SWITCH, FieldView, field_view
from webui.ui.markup import Markup


class Form:
    """Writes fields, rows and folds into a page.

    `defaults` are values of the checkpoint's own; `listed` names the fields whose choices change.
    """

    def __init__(self, page: Markup, defaults: Mapping[str, Any], listed: Collection[str]) -> None:
        self.page = page
        self.shown: dict[str, Any] = {}
        self.labels: dict[str, str] = {}
        self.folds: dict[str, list[str]] = {}
        self.choices: dict[str, list[tuple[str, str]]] = {}
        self._defaults = defaults
        self._listed = listed

    def add(self, name: str, **changes: Any) -> None:
        """Show one field of the request. `changes` (of `Control`) override what its pydantic field says."""
        self.put(field_view(name), **changes)

    def put(self, view: FieldView, **changes: Any) -> None:
        """Show a field of any model."""
        name = view.name
        is_listed = name in self._listed
        own = {"label": view.label, "info": view.info, "value": view.value, "choices": () if is_listed else None, **changes}
        control = Control(view=view, **{**own, "info": own["info"] or ""})
        self._note(name, control.label, control.value)
        if control.kind in ("choice", "choices") and not is_listed:
            self.choices[name] = [(self.page.words(each), each) for each in control.names]
        shown = self._defaults.get(name, control.value)
        write(self.page, replace(control, value=shown))

    def switch(self, part: str, label: str) -> None:
        """The check box that says whether an optional part of the request is there."""
        self.put(FieldView(f"{part}.{SWITCH}", "check", label, "", False))

    def panel(self, owner: str, model: type[BaseModel]) -> None:
        """All fields of an extension's model."""
        for name in model.model_fields:
            self.put(field_view(name, model, f"extras.{owner}."))

    def radio(self, name: str, label: str, values: tuple[str, ...], value: str) -> None:
        """A group of radio buttons that is no field of the request."""
        self.shown[name] = value
        write_radio(self.page, name, label, values, value)

    def chain(self) -> None:
        """The finish chain, whose editor is `static/js/finish-chain.js`."""
        view = field_view(CHAIN)
        self._note(CHAIN, view.label, view.value)
        with self.page.within("div", id=CHAIN, class_="finish-chain", data_field=CHAIN, data_kind="chain"):
            self.page.add("div", class_="host")

    def host(self, name: str) -> None:
        """An empty box: what is in it is drawn by `static/js`."""
        host(self.page, name)

    def button(self, label: str, icon: str, element: str) -> None:
        """A button that shows an icon; its label stays in the page as the accessible name, and is the tooltip."""
        self.page.add("button", label, type="button", id=element, class_=f"icon-button icon-{icon}", title=self.page.words(label))

    def row(self, classes: str = "", **attributes: str) -> AbstractContextManager[None]:
        """Fields beside one another."""
        return self.page.within("div", class_=f"row {classes}".rstrip(), **attributes)

    def column(self, classes: str = "", **attributes: str) -> AbstractContextManager[None]:
        """Fields below one another."""
        return self.page.within("div", class_=f"column {classes}".rstrip(), **attributes)

    @contextmanager
    def fold(self, name: str, title: str, classes: str = "") -> Iterator[None]:
        """A folded group; the browser remembers whether it is open and says in its title what differs from the default."""
        before = set(self.shown)
        with self.group(f"fold-{name}", title, classes):
            yield
        self.folds[name] = [each for each in self.shown if each not in before]

    @contextmanager
    def group(self, element: str, title: str, classes: str = "") -> Iterator[None]:
        """The same, where nothing is remembered or said."""
        with self.page.within("div", id=element, class_=classes or None):
            with self.page.within("button", type="button", class_="label-wrap", aria_expanded="false", aria_controls=f"inside-{element}"):
                self.page.add("span", title)
            with self.page.within("div", id=f"inside-{element}", class_="column inside", hidden=True):
                yield

    def tried(self, write_part: Callable[[], None], failed: Callable[[], None]) -> None:
        """Write a part that is somebody else's; if it raises, nothing of it stays, and `failed` is called within the `except`."""
        mark, kept = self.page.length, (dict(self.shown), dict(self.labels), dict(self.folds), dict(self.choices))
        try:
            write_part()
        except (Exception, SystemExit):  # the boundary around foreign models, like the hook caller's
            self.page.undo_to(mark)
            self.shown, self.labels, self.folds, self.choices = kept
            failed()

    def _note(self, name: str, label: str, value: Any) -> None:
        self.shown[name] = value
        self.labels[name] = label


def host(page: Markup, name: str) -> None:
    """An empty box that `static/js` fills."""
    with page.within("div", id=name):
        page.add("div", class_="host", data_host=name)
