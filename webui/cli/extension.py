"""`extension`: list extensions, switch them on and off."""

import argparse

from webui.errors import SettingsError
from webui.plugins.discovery import extension_folders
from webui.plugins.manager import Extensions
from webui.preferences import change_settings
from webui.settings import Settings


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `extension`."""
    parser.add_argument("action", nargs="?", choices=["list", "on", "off"], default="list")
    parser.add_argument("id", nargs="?", help="the extension's id, as `extension list` prints it")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print the extensions, or switch one; a running app takes it at its next start."""
    found = Extensions("web")
    found.load(extension_folders(settings), settings.extensions_off)
    states = {state.id: state for state in found.states}
    if arguments.action == "list":
        for state in states.values():
            word = "broken" if state.error else "on" if state.enabled else "off"
            print(f"{word:<8}{state.id:<24}{', '.join(state.hooks)}  {state.error.strip().splitlines()[-1] if state.error else ''}")
        return 0
    if arguments.id not in states:
        raise SettingsError(f"There is no extension {arguments.id!r}. There are: {', '.join(states)}.")
    off = set(settings.extensions_off) - {arguments.id} | ({arguments.id} if arguments.action == "off" else set())
    change_settings(settings, {"extensions_off": tuple(sorted(off))})
    return 0
