"""`models`: the model files that are found, by kind; `models get` fetches more, `search` finds them, `convert` saves them anew."""

import argparse
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from webui.cli import housekeeping
from webui.cli.offers import card
from webui.core.names import printable
from webui.errors import Conflict, NotFound, WebUIError
from webui.library import KINDS, Library, ModelFile
from webui.library.families import families_of
from webui.settings import Settings

GET, SEARCH, CONVERT = "get", "search", "convert"
NUMBER_TYPES = ("keep", "float32", "float16", "bfloat16", "float8")


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `models`."""
    choices = [*sorted(KINDS), GET, SEARCH, CONVERT, *housekeeping.ACTIONS]
    parser.add_argument("kind", nargs="?", choices=choices, help="only this kind; or what to do")
    parser.add_argument(
        "sources",
        nargs="*",
        metavar="SOURCE",
        help="get: hf:owner/repository[:file], civitai:VERSION, or an address; search: words; convert, bin, export: models' names",
    )
    parser.add_argument("--hash", action="store_true", help="also print each file's sha256 (reads it once)")
    parser.add_argument("--as", dest="as_kind", choices=sorted(KINDS), default="", help="the kind, where it is not clear, or to search for")
    parser.add_argument("--to", choices=NUMBER_TYPES, default="keep", help="convert: the numbers' type (default: as they are)")
    parser.add_argument("--site", choices=("hf", "civitai"), default="civitai", help="search: where (default: civitai)")
    parser.add_argument("--days", type=int, default=365, help="unused: by no job for so many days (default: 365)")
    parser.add_argument("--look", action="store_true", help="get: only say what there is")
    parser.add_argument("--offline", action="store_true", default=None, help="fetch nothing")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print one line a file, a broken one with its reason; or fetch. 1 when a fetch has failed."""
    library = Library(settings.all_models_dirs, settings.cache / "library.json", families_of(settings))
    if arguments.kind == GET:
        return _get(arguments, settings, library)
    if arguments.kind in housekeeping.ACTIONS:
        return housekeeping.run(arguments, settings, library, lambda name: _named(library, name, arguments.as_kind))
    if arguments.kind == SEARCH:
        return _search(arguments, settings, library)
    if arguments.kind == CONVERT:
        return _convert(arguments, library)
    print("Looked into " + ", ".join(library.looked_at or ("no folder",)), file=sys.stderr)
    for kind in [arguments.kind] if arguments.kind else KINDS:
        for model in library.models(kind):
            digest = f"  {library.sha256(model)}" if arguments.hash and not model.error else ""
            known = model.family if model.family != "unknown" else library.said(model).family or "unknown"
            family = " ".join(part for part in (known, model.variant) if part)
            said = model.error or "  ".join(part for part in (printable(str(model.path)), model.note) if part)
            print(f"{kind:<14}{model.name}  {family}  {model.size / 1e6:.0f} MB{digest}  {said}")
    return 0


def _get(arguments: argparse.Namespace, settings: Settings, library: Library) -> int:
    from webui.downloads.offers import HOW
    from webui.downloads.service import KIND_WANTED, Downloads
    from webui.downloads.staging import Download

    if not arguments.sources:
        print(f"Say what to get. {HOW}", file=sys.stderr)
        return 2
    told = 0.0

    def tell(download: Download) -> None:
        nonlocal told
        if download.state == "running" and download.received and time.monotonic() - told > 1:
            told = time.monotonic()
            print(_line(download), file=sys.stderr)

    downloads, failed = Downloads(library, lambda: settings, tell), 0
    for source in arguments.sources:
        try:
            offer = downloads.catalogue.look(source)
            header = downloads.catalogue.header(offer) if arguments.look else None
            print(card(offer, library, settings, header), file=sys.stderr)
            if arguments.look:
                continue
            begun = downloads.add(source, kind=arguments.as_kind)
            if begun.note:
                print(f"  {begun.note}", file=sys.stderr)
            ended = downloads.run_now(begun)
        except Conflict as error:
            print(f"{source}: {error}", file=sys.stderr)  # what was asked for is here
            continue
        except WebUIError as error:
            print(f"{source}: {error}", file=sys.stderr)
            failed += 1
            continue
        failed += ended.state != "done"
        hint = " Here: the same with --as KIND." if KIND_WANTED in ended.error else ""
        print(
            ended.target if ended.state == "done" else f"{source}: {ended.error}{hint}",
            file=sys.stdout if ended.state == "done" else sys.stderr,
        )
    return 1 if failed else 0


def _search(arguments: argparse.Namespace, settings: Settings, library: Library) -> int:
    from webui.downloads.catalogue import Catalogue
    from webui.downloads.search import Search

    if not arguments.sources:
        print("Say what to search for, in a few words.", file=sys.stderr)
        return 2
    try:
        found = Catalogue(lambda: settings).search(Search(site=arguments.site, q=" ".join(arguments.sources), kind=arguments.as_kind))
    except WebUIError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Asked {found.asked}." + ("" if found.offers else " It has nothing like that."), file=sys.stderr)
    for offer in found.offers:
        print(f"{offer.source.site}:{offer.source.model}\n{card(offer, library, settings)}")
    return 0


def _convert(arguments: argparse.Namespace, library: Library) -> int:
    from webui.models.convert import convert

    if not arguments.sources:
        print("Say which models to convert, by their names as `models` lists them.", file=sys.stderr)
        return 2
    told, failed = 0.0, 0

    def tell(done: int, total: int) -> None:
        nonlocal told
        if time.monotonic() - told > 1:
            told = time.monotonic()
            print(f"  {done / 1e6:.0f} of {total / 1e6:.0f} MB", file=sys.stderr)

    with _ended_in_order():
        for name in arguments.sources:
            try:
                print(printable(str(convert(_named(library, name, arguments.as_kind), arguments.to, tell))))
            except WebUIError as error:
                print(f"{name}: {error}", file=sys.stderr)
                failed += 1
    return 1 if failed else 0


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """SIGTERM, with which the server stops a conversion, ends this as Ctrl+C does: what is half-written is taken away."""
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _named(library: Library, name: str, kind: str) -> ModelFile:
    """The one model of that name, file name or path. Raises `NotFound`."""
    found = [model for model in library.all_models if name in (model.name, model.file_name, str(model.path)) and kind in ("", model.kind)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFound("there is no such model. `models` lists what there is.")
    raise NotFound(f"{len(found)} models are called so. Say --as {found[0].kind}, or write the whole path.")


def _line(download: object) -> str:
    received, size, speed, left = (getattr(download, name) for name in ("received", "size", "speed", "left_s"))
    share = f" of {size / 1e6:.0f} MB ({100 * received // size} %)" if size else " MB"
    return f"  {received / 1e6:.0f}{share}, {speed / 1e6:.1f} MB/s" + (f", {left:.0f} s left" if left is not None else "")
