"""What an extension may add to the page: a panel with typed values inside the form, or a tab of its own. Loads neither Gradio nor torch."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel

from webui.core.registry import Registry
from webui.core.request import Mode
from webui.plugins import Extensions

ALL_MODES: tuple[Mode, ...] = ("txt2img", "img2img", "inpaint")


@dataclass(frozen=True)
class Panel:
    """A fold in the form, made of `model`: labels, ranges and help from its fields. The values travel in `request.extras[extension]`."""

    title: str
    model: type[BaseModel]
    modes: tuple[Mode, ...] = ALL_MODES

    @property
    def name(self) -> str:
        return self.title

    @property
    def aliases(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class Tab:
    """A tab after ours. `build` runs inside it when the page is built and may use Gradio freely."""

    title: str
    build: Callable[[], object]

    @property
    def name(self) -> str:
        return self.title

    @property
    def aliases(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class Contributions:
    """What the extensions registered for the page."""

    panels: Registry[Panel]
    tabs: Registry[Tab]

    def models(self) -> dict[str, type[BaseModel]]:
        """Each extension's model of its values in `request.extras`."""
        return {self.panels.owner(panel.name): panel.model for panel in self.panels}


def collect(extensions: Extensions) -> Contributions:
    """Ask the extensions once what they add. One that registers what cannot be shown is named and left out."""
    parts = Contributions(Registry("panel", "extras"), Registry("tab", "extras"))
    for _ in extensions.call("register_panels", register=parts.panels.register):
        pass
    for _ in extensions.call("register_tabs", register=parts.tabs.register):
        pass
    for owner in _several([parts.panels.owner(panel.name) for panel in parts.panels]):
        parts.panels.forget(owner)
        extensions.fail(owner, "register_panels", "An extension has one panel: put the fields of both into one model.")
    for owner in extensions.failed():
        parts.panels.forget(owner)
        parts.tabs.forget(owner)
    return parts


def refuse(parts: Contributions, extensions: Extensions, owner: str, hook: str) -> None:
    """Take an extension off the page whose panel or tab raised while it was built; call inside `except`."""
    parts.panels.forget(owner)
    parts.tabs.forget(owner)
    extensions.fail(owner, hook, traceback.format_exc())


def _several(owners: list[str]) -> set[str]:
    return {owner for owner in owners if owners.count(owner) > 1}
