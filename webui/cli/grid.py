"""`grid`: a request made for every combination of values, as one labelled picture; alone with an engine of its own or through a server."""

import argparse
import json
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from webui.cli import generate
from webui.cli.generate import Progress, build_request
from webui.cli.output import FORMATS, names, prepare
from webui.core.grid import AXIS_NAMES, GridPlan, GridWish
from webui.core.request import GenerationRequest
from webui.errors import RequestError, StorageError
from webui.settings import Settings

if TYPE_CHECKING:
    from webui.grids.animation import Motion
    from webui.local import LocalRunner

PLAN = "grid.json"
Place = tuple[int, int, int]


def add(parser: argparse.ArgumentParser) -> None:
    """The axes, where to write, and what `generate` takes."""
    for name in AXIS_NAMES:
        parser.add_argument(f"--{name.lower()}", metavar="KIND=VALUES", help=f'what the {name} axis varies, such as "Steps=10-30 (+10)"')
    parser.add_argument("--title", default="", help="what stands above the picture")
    parser.add_argument("--new-seeds", action="store_true", help="a seed of its own for each cell")
    parser.add_argument("--cells", type=Path, metavar="DIR", help="folder for the cells' pictures; what is there of the same grid is kept")
    parser.add_argument("--side", type=int, metavar="N", help="pixels of a cell's longest side in the labelled picture")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write axes and cells as JSON (with --server)")
    parser.add_argument("--animation", type=Path, metavar="FILE", help="also the pictures one after another: .webp, .gif, or .mp4 (ffmpeg)")
    parser.add_argument("--seconds", type=float, default=0.1, metavar="N", help="that each stands in the animation (default: 0.1)")
    generate.add(parser)


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Make the grid; 0 when its picture is written, 1 when a cell failed."""
    prepare(arguments.output)
    if not axes_of(arguments):
        raise RequestError("x", 'Say what varies: --x "Steps=10-30 (+10)".')
    motion_of(arguments)
    progress = Progress(quiet=arguments.quiet)
    try:
        return (_remote if arguments.server else _local)(arguments, settings, progress)
    finally:
        progress.close()


def axes_of(arguments: argparse.Namespace) -> list[dict[str, str]]:
    """The axes that the flags name; `LoRA weight:name=0-1` is about one LoRA. Raises `RequestError` for one without values."""
    found = []
    for name in AXIS_NAMES:
        if not (text := getattr(arguments, name.lower())):
            continue
        kind, mark, values = text.partition("=")
        if not mark:
            raise RequestError(name.lower(), f"{text!r} has no values. Write {kind}=VALUES.")
        kind, _, of = kind.partition(":")
        found.append({"kind": kind.strip(), "of": of.strip(), "values": values})
    return found


def motion_of(arguments: argparse.Namespace) -> "Motion | None":
    """How the animation moves that the flags ask for. Raises `RequestError` for a file of another kind, and for MP4 without ffmpeg."""
    from webui.grids.animation import SUFFIXES, Motion, ffmpeg

    if arguments.animation is None:
        return None
    kind = SUFFIXES.get(arguments.animation.suffix.lower())
    if kind is None or not 0.02 <= arguments.seconds <= 10:
        raise RequestError("animation", "Name a file that ends with .webp, .gif or .mp4, with 0.02 to 10 --seconds for each picture.")
    if kind == "mp4" and not arguments.server:
        ffmpeg()
    return Motion(kind, arguments.seconds, arguments.side)


def wish_of(arguments: argparse.Namespace, request: GenerationRequest) -> GridWish:
    """The grid that the flags ask for. Raises `RequestError`."""
    from webui.grids.plan import parse_wish

    fields = request.model_dump(mode="json", exclude_unset=True)
    return parse_wish({"request": fields, "axes": axes_of(arguments), "title": arguments.title, "new_seeds": arguments.new_seeds})


def _local(arguments: argparse.Namespace, settings: Settings, progress: Progress) -> int:
    from webui.grids.plan import make_plan, places
    from webui.local import LocalRunner
    from webui.ui.known import NameMatcher

    suffix = arguments.output.suffix.lower()
    folder: Path = arguments.cells or arguments.output.with_name(f"{arguments.output.stem}-cells")
    alone = LocalRunner(settings.model_copy(update={"picture_format": FORMATS[suffix]}))
    try:
        request = build_request(arguments, alone.keep, lambda: NameMatcher.here(alone.context.library, alone.capabilities))
        wish = wish_of(arguments, request)
        plan = _kept(folder, wish) or make_plan(wish, alone.resolve)
        _keep(folder, wish, plan)
        order = list(places(plan))
        files: dict[Place, Path] = {at: folder / f"{number:05}{suffix}" for number, at in enumerate(order)}
        for number, at in enumerate(order):
            if not _made(files[at]):
                print(f"{number + 1} of {len(order)}", file=sys.stderr)
                _make_cell(alone, plan, at, number, files, progress)
        _draw(arguments, plan, {at: path if _made(path) else None for at, path in files.items()}, folder)
    finally:
        alone.close()
    print(arguments.output)
    if arguments.animation:
        print(arguments.animation)
    if progress.error:
        print(progress.error, file=sys.stderr)
    return 1 if progress.error else 0


def _make_cell(alone: "LocalRunner", plan: GridPlan, at: Place, number: int, files: dict[Place, Path], progress: Progress) -> None:
    """Make one cell, unless it starts from the picture of a cell that has none."""
    from webui.grids.plan import before, cell_request

    one = before(plan, at)
    if one is not None and not files[one].is_file():
        progress.error = progress.error or "A loop starts from the picture before it, which was not made."
        return
    start = alone.keep(files[one]) if one is not None else ""
    _move(alone.run(alone.resolve(cell_request(plan, at, number, start)), progress), files[at])


def _draw(arguments: argparse.Namespace, plan: GridPlan, shown: dict[Place, Path | None], folder: Path) -> None:
    """The labelled picture, and the animation where one is asked for. Raises `StorageError`, `RequestError`."""
    from webui.grids.animation import animated
    from webui.grids.sheet import Sheet, draw_sheet

    try:
        draw_sheet(Sheet(plan, arguments.title, shown, {}, arguments.side)).save(arguments.output)
        if (motion := motion_of(arguments)) is not None:
            order = sorted(shown, key=lambda at: at[::-1])
            arguments.animation.write_bytes(animated([path for at in order if (path := shown[at]) is not None], motion))
    except OSError as error:
        said = f"{error.filename or arguments.output} cannot be written: {error.strerror or error}."
        raise StorageError(f"{said} The cells are kept in {folder}.") from None


def _made(path: Path | None) -> bool:
    return path is not None and (path.is_file() or names(path, 2)[0].is_file())


def _move(saved: list[Path], target: Path) -> None:
    """A cell's pictures to their place; of several the first one stands for the cell."""
    for path, to in zip(saved, names(target, len(saved)), strict=True):
        shutil.move(path, to)
    if len(saved) > 1:
        shutil.copyfile(names(target, len(saved))[0], target)


def _kept(folder: Path, wish: GridWish) -> GridPlan | None:
    """The plan of the same grid, begun before: its cells stay, its seeds too."""
    try:
        kept = json.loads((folder / PLAN).read_text(encoding="utf-8"))
        return GridPlan.model_validate(kept["plan"]) if kept["wish"] == wish.model_dump(mode="json") else None
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return None


def _keep(folder: Path, wish: GridWish, plan: GridPlan) -> None:
    """Write what the folder's cells are. Raises `RequestError` for a folder with another grid's."""
    text = json.dumps({"wish": wish.model_dump(mode="json"), "plan": plan.model_dump(mode="json")}, ensure_ascii=False, indent=1)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / PLAN
        if path.is_file() and path.read_text(encoding="utf-8") != text:
            raise RequestError("cells", f"{folder} has the cells of another grid. Name another folder with --cells, or empty it.")
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{folder} cannot be written: {error.strerror}. Choose another folder with --cells.") from None


def _remote(arguments: argparse.Namespace, settings: Settings, progress: Progress) -> int:
    from webui.cli.client import Client
    from webui.ui.known import NameMatcher

    with Client(arguments.server, arguments.key) as client:
        request = build_request(arguments, client.upload, lambda: NameMatcher.told(client.capabilities()))
        grid = client.call("POST", "/api/v1/grids", json=wish_of(arguments, request).model_dump(mode="json"))
        address, said = f"/api/v1/grids/{grid['id']}", ""
        while grid["state"] == "active":
            time.sleep(1)
            grid = client.call("GET", address)
            if (now := _progress(grid)) != said and not arguments.quiet:
                said = now
                print(said, file=sys.stderr)
        query = f"?format={FORMATS[arguments.output.suffix.lower()]}{f'&side={arguments.side}' if arguments.side else ''}"
        arguments.output.write_bytes(client.fetch(f"{address}/picture{query}"))
        print(arguments.output)
        if (motion := motion_of(arguments)) is not None:
            query = f"?format={motion.format}&seconds={motion.seconds}{f'&side={arguments.side}' if arguments.side else ''}"
            arguments.animation.write_bytes(client.fetch(f"{address}/animation{query}"))
            print(arguments.animation)
        if arguments.json:
            arguments.json.write_bytes(client.fetch(f"{address}/export"))
            print(arguments.json)
        if arguments.cells:
            _download(client, grid, arguments.cells)
    return 1 if grid["counts"].get("failed") else 0


def _progress(grid: dict[str, Any]) -> str:
    return f"{grid['counts'].get('done', 0)} of {grid['total']}"


def _download(client: Any, grid: dict[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for cell in grid["cells"]:
        for image in cell["images"]:
            suffix = Path(image["path"]).suffix
            (folder / f"{cell['number']:05}-{image['index']}{suffix}").write_bytes(client.fetch(image["url"]))
