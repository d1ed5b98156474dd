"""The Extensions tab's content: what web and the engines know of each extension, as one card."""

import re

from webui.core.protocol import OWNERS_TO_SEE, ExtensionState
from webui.services import Services
from webui.ui.bodies import ExtensionCard

ADDS = {
    "register_samplers": "samplers",
    "register_schedules": "schedules",
    "register_lora_loaders": "a LoRA loader",
    "register_panels": "a panel",
    "register_tabs": "a tab",
    "denoiser_wrapper": "a change of sampling",
    "process_image": "a change of pictures",
}


def cards(services: Services, *, fixed: bool = False) -> list[ExtensionCard]:
    """One card per extension, in the order they were found; `fixed` for who may not switch them, and sees neither folder nor traceback."""
    in_engine = {state.id: state for state in services.capabilities.current().extensions}
    off = set(services.settings.current().extensions_off)
    found = [_card(state, in_engine.get(state.id), services, off) for state in services.extensions.states]
    return [_without_places(card) for card in found] if fixed else found


def _without_places(card: ExtensionCard) -> ExtensionCard:
    """A card that tells nothing of the machine's folders."""
    hidden = OWNERS_TO_SEE if card.error else ""
    return card.model_copy(update={"fixed": True, "path": "", "error": hidden, "reason": hidden})


def _card(state: ExtensionState, engine: ExtensionState | None, services: Services, off: set[str]) -> ExtensionCard:
    error = state.error or (engine.error if engine else "")
    return ExtensionCard(
        id=state.id,
        title=state.title or state.id,
        version=state.version,
        path=state.path,
        adds=_adds(services, state),
        on=state.id not in off,
        error=error,
        reason=_reason(error),
        restart=_needs_restart(services, state, off),
    )


def _adds(services: Services, state: ExtensionState) -> list[str]:
    """What it adds, by name where a name is known."""
    named = _named(services, state.id)
    kept = [named.get(hook) or [ADDS.get(hook, hook)] for hook in state.hooks]
    return list(dict.fromkeys(word for words in kept for word in words))


def _named(services: Services, owner: str) -> dict[str, list[str]]:
    parts, known = services.contributions, services.capabilities.current()
    return {
        "register_panels": [f"panel {panel.title}" for panel in parts.panels if parts.panels.owner(panel.name) == owner],
        "register_tabs": [f"tab {tab.title}" for tab in parts.tabs if parts.tabs.owner(tab.name) == owner],
        "register_samplers": [f"sampler {option.name}" for option in known.samplers if option.owner == owner],
        "register_schedules": [f"schedule {option.name}" for option in known.schedules if option.owner == owner],
    }


def _reason(error: str) -> str:
    """The last line of a traceback says what happened; our own errors say it without their class and where."""
    lines = [line for line in error.strip().splitlines() if line.strip()]
    last = re.sub(r"^[\w.]*ExtensionError: \w+: \w+: ", "", lines[-1].strip()) if lines else ""
    return last and f"{last[0].upper()}{last[1:].rstrip('.')}."


def _needs_restart(services: Services, state: ExtensionState, off: set[str]) -> bool:
    """Panels and tabs are built once: switching such an extension shows after the next start."""
    on_page = any(hook in ("register_panels", "register_tabs") for hook in state.hooks)
    return on_page and services.extensions.is_loaded(state.id) == (state.id in off) and not state.error
