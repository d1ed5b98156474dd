"""What the extensions of the web process registered: panels with typed values inside the form, and tabs."""

import traceback
from dataclasses import dataclass

from pydantic import BaseModel

from webui.core.registry import Registry
from webui.plugins.manager import Extensions
from webui.plugins.types import Panel, Tab


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
