"""The command line: `serve` (the default), `generate`, `extras`, `compare`, `models`, `key`, `mcp`, `extension` and others, see `COMMANDS`.

Each command is a module with `add(parser)` and `run(arguments, settings)`, imported only when it is asked for, so that `--help` is quick.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from webui.errors import RequestError, WebUIError
from webui.settings import Settings, load_settings
from webui.surroundings import mend_proxies, prepare_streams

COMMANDS = {
    "serve": "Open the studio in the browser (the default).",
    "generate": "Make pictures from the command line.",
    "grid": "Make a request for every combination of values: X/Y/Z grids.",
    "batch": "Make one request over many start pictures: files and folders.",
    "extras": "Enlarge and finish pictures that exist: files and folders.",
    "compare": "Compare two pictures: PSNR, differences, and what differs in how they were made.",
    "models": "List the model files that are found.",
    "key": "Make, list and take back API keys.",
    "people": "Invite people, list them, take invitations back; who did what.",
    "mcp": "Serve language models' tools on stdin and stdout, in front of a running studio.",
    "extension": "List extensions, switch them on and off.",
    "bench": "Measure: start, overhead, parity, queue, faults, …",
    "doctor": "Print what this machine has and what is wrong.",
    "train": "Train the default model, or an upscaler.",
}
PASS_THROUGH = {"bench", "train"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 is success, 1 a failure, 2 wrong usage, 130 Ctrl+C."""
    prepare_streams()
    for sentence in mend_proxies():
        print(sentence, file=sys.stderr)
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or (words[0] not in COMMANDS and words[0] not in ("-h", "--help", "--version")):
        words.insert(0, "serve")
    try:
        code = _run(words)
        sys.stdout.flush()
        return code
    except RequestError as error:
        print(f"{error.field}: {error.message}", file=sys.stderr)
        return 2
    except WebUIError as error:
        print(str(error), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # who read along has gone (`… | head`): what is still to be written goes nowhere, in silence
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(words: list[str]) -> int:
    if words[0] in PASS_THROUGH:
        module = import_module(f"webui.cli.{words[0]}")
        return int(module.run(words[1:]))
    arguments = _parser(words[0]).parse_args(words)
    module = import_module(f"webui.cli.{arguments.command}")
    return int(module.run(arguments, settings_of(arguments)))


def _parser(command: str) -> argparse.ArgumentParser:
    from webui import __version__

    parser = argparse.ArgumentParser(prog="python -m webui", description="Darkroom: a private Stable Diffusion studio.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"Darkroom {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        sub = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        if name == command:
            add_folders(sub)
            import_module(f"webui.cli.{name}").add(sub)
    return parser


def add_folders(parser: argparse.ArgumentParser) -> None:
    """The flags that every command takes."""
    parser.add_argument("--data-dir", metavar="DIR", help="database, settings, outputs, caches (default: the project's folder)")
    parser.add_argument(
        "--models-dir",
        metavar="DIR",
        action="append",
        dest="models_dirs",
        help="a folder with models (A1111, Forge or ComfyUI layout); repeatable",
    )


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Settings from file, environment and the flags that are settings' names."""
    flags: dict[str, Any] = {name: getattr(arguments, name) for name in Settings.model_fields if getattr(arguments, name, None) is not None}
    return load_settings(flags)
