"""`models`: the model files that are found, by kind; `models get` fetches more."""

import argparse
import sys
import time

from webui.core.names import printable
from webui.errors import WebUIError
from webui.library import KINDS, Library
from webui.library.families import families_of
from webui.settings import Settings

GET = "get"


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `models`."""
    parser.add_argument("kind", nargs="?", choices=[*sorted(KINDS), GET], help="only this kind; or get, to fetch models")
    parser.add_argument("sources", nargs="*", metavar="SOURCE", help="get: hf:owner/repository[:file], civitai:VERSION, or an address")
    parser.add_argument("--hash", action="store_true", help="also print each file's sha256 (reads it once)")
    parser.add_argument("--as", dest="as_kind", choices=sorted(KINDS), default="", help="get: the kind, where the site does not say it")
    parser.add_argument("--look", action="store_true", help="get: only say what there is")
    parser.add_argument("--offline", action="store_true", default=None, help="fetch nothing")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print one line a file, a broken one with its reason; or fetch. 1 when a fetch has failed."""
    library = Library(settings.all_models_dirs, settings.cache / "library.json", families_of(settings))
    if arguments.kind == GET:
        return _get(arguments, settings, library)
    print("Looked into " + ", ".join(library.looked_at or ("no folder",)), file=sys.stderr)
    for kind in [arguments.kind] if arguments.kind else KINDS:
        for model in library.models(kind):
            digest = f"  {library.sha256(model)}" if arguments.hash and not model.error else ""
            family = " ".join(part for part in (model.family, model.variant) if part)
            said = model.error or "  ".join(part for part in (printable(str(model.path)), model.note) if part)
            print(f"{kind:<14}{model.name}  {family}  {model.size / 1e6:.0f} MB{digest}  {said}")
    return 0


def _get(arguments: argparse.Namespace, settings: Settings, library: Library) -> int:
    from webui.downloads.offers import HOW
    from webui.downloads.service import Downloads
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
            offer = downloads.look(source)
            print(
                _card(offer.title, offer.base, offer.licence, offer.size, offer.needs, [file.path for file in offer.files]), file=sys.stderr
            )
            if arguments.look:
                continue
            ended = downloads.run_now(downloads.add(source, kind=arguments.as_kind))
        except WebUIError as error:
            print(f"{source}: {error}", file=sys.stderr)
            failed += 1
            continue
        failed += ended.state != "done"
        print(
            ended.target if ended.state == "done" else f"{source}: {ended.error}", file=sys.stdout if ended.state == "done" else sys.stderr
        )
    return 1 if failed else 0


def _card(title: str, base: str, licence: str, size: int, needs: str, files: list[str]) -> str:
    about = ", ".join(part for part in (base, licence, f"{size / 1e6:.0f} MB" if size else "") if part)
    return "\n".join(
        part for part in (f"{title} ({about})" if about else title, "  " + ", ".join(files)[:300], needs and f"  {needs}") if part
    )


def _line(download: object) -> str:
    received, size, speed, left = (getattr(download, name) for name in ("received", "size", "speed", "left_s"))
    share = f" of {size / 1e6:.0f} MB ({100 * received // size} %)" if size else " MB"
    return f"  {received / 1e6:.0f}{share}, {speed / 1e6:.1f} MB/s" + (f", {left:.0f} s left" if left is not None else "")
