"""What the extensions of the web process registered: panels with typed values inside the form, tabs, steps of the finish chain."""

import traceback
from dataclasses import dataclass

from pydantic import BaseModel

from webui.core.registry import Registry
from webui.plugins.manager import Extensions
from webui.plugins.types import Detector, Finisher, Panel, Tab


@dataclass(frozen=True)
class Contributions:
    """What the extensions registered for the page."""

    panels: Registry[Panel]
    tabs: Registry[Tab]
    finishers: Registry[Finisher]
    detectors: Registry[Detector]

    def models(self) -> dict[str, type[BaseModel]]:
        """Each extension's model of its values in `request.extras`."""
        return {self.panels.owner(panel.name): panel.model for panel in self.panels}

    def steps(self) -> dict[str, type[BaseModel]]:
        """The model of each step of the finish chain, by its name."""
        return {finisher.name: finisher.model for finisher in self.finishers}


def collect(extensions: Extensions) -> Contributions:
    """Ask the extensions once what they add. One that registers what cannot be shown is named and left out."""
    finishers: Registry[Finisher] = Registry("finisher", "finish")
    detectors: Registry[Detector] = Registry("detector", "detector")
    parts = Contributions(Registry("panel", "extras"), Registry("tab", "extras"), finishers, detectors)
    extensions.fill("register_finishers", parts.finishers)
    extensions.fill("register_detectors", parts.detectors)
    for _ in extensions.call("register_panels", register=parts.panels.register):
        pass
    for _ in extensions.call("register_tabs", register=parts.tabs.register):
        pass
    for owner in _several([parts.panels.owner(panel.name) for panel in parts.panels]):
        parts.panels.forget(owner)
        extensions.fail(owner, "register_panels", "An extension has one panel: put the fields of both into one model.")
    for owner in extensions.failed():
        _forget(parts, owner)
    return parts


def refuse(parts: Contributions, extensions: Extensions, owner: str, hook: str) -> None:
    """Take an extension off the page whose panel or tab raised while it was built; call inside `except`."""
    _forget(parts, owner)
    extensions.fail(owner, hook, traceback.format_exc())


def _forget(parts: Contributions, owner: str) -> None:
    for registry in (parts.panels, parts.tabs, parts.finishers, parts.detectors):
        registry.forget(owner)


def _several(owners: list[str]) -> set[str]:
    return {owner for owner in owners if owners.count(owner) > 1}
