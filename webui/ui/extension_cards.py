"""The Extensions tab's content: what web and the engines know of each extension, as one card."""

from typing import Any

from webui.core.protocol import ExtensionState
from webui.ui.services import Services

ADDS = {
    "register_samplers": "samplers",
    "register_schedules": "schedules",
    "register_lora_loaders": "LoRA loaders",
    "register_panels": "a panel",
    "register_tabs": "a tab",
    "denoiser_wrapper": "a change of sampling",
    "process_image": "a change of pictures",
}


def cards(services: Services) -> list[dict[str, Any]]:
    """One card per extension, in the order they were found."""
    in_engine = {state.id: state for state in services.capabilities().extensions}
    off = set(services.settings().extensions_off)
    return [_card(state, in_engine.get(state.id), services, off) for state in services.extensions.states]


def _card(state: ExtensionState, engine: ExtensionState | None, services: Services, off: set[str]) -> dict[str, Any]:
    error = state.error or (engine.error if engine else "")
    return {
        "id": state.id,
        "title": state.title or state.id,
        "version": state.version,
        "path": state.path,
        "adds": list(dict.fromkeys(ADDS.get(hook, hook) for hook in state.hooks)),
        "registers": list((engine.registers if engine else ()) or state.registers) + _parts(services, state.id),
        "on": state.id not in off,
        "error": error,
        "reason": _reason(error),
        "restart": _needs_restart(state, off),
    }


def _parts(services: Services, owner: str) -> list[str]:
    parts = services.parts
    panels = [f"panel {panel.title}" for panel in parts.panels if parts.panels.owner(panel.name) == owner]
    return panels + [f"tab {tab.title}" for tab in parts.tabs if parts.tabs.owner(tab.name) == owner]


def _reason(error: str) -> str:
    """The last line of a traceback says what happened."""
    lines = [line for line in error.strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def _needs_restart(state: ExtensionState, off: set[str]) -> bool:
    """Panels and tabs are built once: switching such an extension shows after the next start."""
    on_page = any(hook in ("register_panels", "register_tabs") for hook in state.hooks)
    return on_page and state.enabled == (state.id in off) and not state.error
