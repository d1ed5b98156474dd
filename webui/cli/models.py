"""`models`: the model files that are found, by kind."""

import argparse
import sys

from webui.core.names import printable
from webui.library import KINDS, Library
from webui.library.families import families_of
from webui.settings import Settings


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `models`."""
    parser.add_argument("kind", nargs="?", choices=sorted(KINDS), help="only this kind")
    parser.add_argument("--hash", action="store_true", help="also print each file's sha256 (reads it once)")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print one line a file; a broken one with its reason."""
    library = Library(settings.all_models_dirs, settings.cache / "library.json", families_of(settings))
    print("Looked into " + ", ".join(library.looked_at or ("no folder",)), file=sys.stderr)
    for kind in [arguments.kind] if arguments.kind else KINDS:
        for model in library.models(kind):
            digest = f"  {library.sha256(model)}" if arguments.hash and not model.error else ""
            family = " ".join(part for part in (model.family, model.variant) if part)
            said = model.error or "  ".join(part for part in (printable(str(model.path)), model.note) if part)
            print(f"{kind:<14}{model.name}  {family}  {model.size / 1e6:.0f} MB{digest}  {said}")
    return 0
