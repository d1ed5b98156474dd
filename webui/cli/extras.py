"""`extras`: the finish chain for picture files and folders, alone with an engine of its own or through a running server."""

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from webui.cli.generate import Progress
from webui.cli.output import FORMATS
from webui.core.finish import OWN_UPSCALER
from webui.core.names import printable
from webui.core.request import GenerationRequest, parse_request
from webui.errors import RequestError, StorageError
from webui.images.decode import image_bytes, look
from webui.settings import Settings

Finish = Callable[[Path, GenerationRequest], tuple[Path | bytes | None, str]]
"""Does the chain to one file: gives the result, a file or its content, and its format's suffix; None where it failed and was said."""


def add(parser: argparse.ArgumentParser) -> None:
    """Which pictures, where to write, and the steps."""
    parser.add_argument("pictures", nargs="+", type=Path, metavar="PICTURE", help="files, and folders whose pictures are taken")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder for results; what is there is passed over")
    parser.add_argument("--upscaler", metavar="NAME", help=f"enlarge by this: {OWN_UPSCALER}, Lanczos, Nearest or a file of yours")
    parser.add_argument("--scale", type=float, metavar="N", help="how many times as large (default: 2; 0: as the file makes it)")
    parser.add_argument("--size", metavar="WxH", help="enlarge to this size instead, cropped to it")
    parser.add_argument("--second", metavar="NAME", help="a second upscaler that is mixed in")
    parser.add_argument("--second-visibility", type=float, metavar="N", help="how much of it, 0 to 1 (default: 0.5)")
    parser.add_argument(
        "--sd-upscale", metavar="PROMPT", nargs="?", const="", help="paint over the enlarged picture in tiles, by this prompt"
    )
    parser.add_argument("--seams", metavar="HOW", help="of --sd-upscale: bands, half tile, or half tile and intersections")
    parser.add_argument(
        "--restore", metavar="NAME", nargs="?", const="", help="mend faces by this file in models/GFPGAN (default: the first)"
    )
    parser.add_argument("--detail", metavar="PROMPT", nargs="?", const="", help="paint faces again at full size, by this prompt")
    parser.add_argument("--detector", metavar="NAME", help="what --detail looks for: a file in models/adetailer (default: Face)")
    parser.add_argument(
        "--checkpoint", metavar="NAME", help="the checkpoint that --detail and --sd-upscale paint with (default: the first one)"
    )
    parser.add_argument("--sharpen", type=float, metavar="N", help="unsharp mask of this amount")
    parser.add_argument("--grain", type=float, metavar="N", help="film grain of this amount, 0 to 1")
    parser.add_argument("--format", choices=("png", "jpeg", "webp"), help="format of the results")
    parser.add_argument("--quality", type=int, metavar="N", help="of JPEG and WebP, 1 to 100")
    parser.add_argument("--finish", metavar="JSON", help="the whole chain instead of the flags above, see docs/extras.md")
    parser.add_argument("--tile", type=int, metavar="N", help="pixels that a network sees at once; 0: all (default: 192)")
    parser.add_argument("--overlap", type=int, metavar="N", help="pixels over which tiles are blended (default: 8)")
    parser.add_argument("--seed", type=int, default=-1, metavar="N", help="of --detail and the grain")
    parser.add_argument("--server", metavar="URL", help="use a running Darkroom instead of an engine of our own")
    parser.add_argument("--key", default="", help="access key of that server")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Do the chain to each picture; 0 when all that were pictures are written, 1 when one failed. A second run goes on where one ended."""
    request = _request(arguments)
    todo = list(unfinished(arguments))
    if not todo:
        return 0
    progress = Progress(quiet=arguments.quiet)
    try:
        with_engine = _remote if arguments.server else _local
        return with_engine(arguments, settings, request, todo, progress)
    finally:
        progress.close()


def _request(arguments: argparse.Namespace) -> GenerationRequest:
    """The request for one picture whose id is still to be put in. Raises `RequestError`."""
    fields: dict[str, Any] = {"mode": "extras", "inputs": ["0" * 64], "finish": _steps(arguments), "seed": arguments.seed}
    fields |= {"upscale_tile": arguments.tile} if arguments.tile is not None else {}
    fields |= {"upscale_overlap": arguments.overlap} if arguments.overlap is not None else {}
    return parse_request(fields)


def _steps(arguments: argparse.Namespace) -> Any:
    if arguments.finish:
        try:
            return json.loads(arguments.finish)
        except (ValueError, RecursionError) as error:
            raise RequestError("finish", f"This is not JSON: {error}.") from None
    steps: list[dict[str, Any]] = _enlarging(arguments)
    if arguments.restore is not None:
        steps.append({"kind": "restore", "model": arguments.restore})
    if arguments.detail is not None or arguments.detector:
        wanted = {"prompt": arguments.detail, "detector": arguments.detector, "checkpoint": arguments.checkpoint}
        steps.append({"kind": "detail", **{name: value for name, value in wanted.items() if value}})
    for kind in ("sharpen", "grain"):
        if (amount := getattr(arguments, kind)) is not None:
            steps.append({"kind": kind, "amount": amount})
    if arguments.format or arguments.quality is not None:
        wanted = {"format": arguments.format, "quality": arguments.quality}
        steps.append({"kind": "format", **{name: value for name, value in wanted.items() if value is not None}})
    return steps


def _enlarging(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    if arguments.sd_upscale is None:
        wanted = {"upscaler": arguments.upscaler, **_size(arguments), **_second(arguments)}
        asked = any(value is not None for value in wanted.values())
        return [{"kind": "upscale", **wanted, "upscaler": arguments.upscaler or OWN_UPSCALER}] if asked else []
    if arguments.size:
        raise RequestError("size", "--sd-upscale takes --scale, not --size.")
    said = {"upscaler": arguments.upscaler, "prompt": arguments.sd_upscale, "seams": arguments.seams, "checkpoint": arguments.checkpoint}
    return [{"kind": "sd_upscale", **{name: value for name, value in said.items() if value}, **_size(arguments)}]


def _size(arguments: argparse.Namespace) -> dict[str, Any]:
    if not arguments.size:
        return {"scale": arguments.scale} if arguments.scale is not None else {}
    width, _, height = arguments.size.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise RequestError("size", f"{arguments.size!r} is not a size. Write it as 512x768.")
    return {"width": int(width), "height": int(height)}


def _second(arguments: argparse.Namespace) -> dict[str, Any]:
    if not arguments.second:
        return {}
    return {"second": arguments.second, "second_visibility": 0.5 if arguments.second_visibility is None else arguments.second_visibility}


def unfinished(arguments: argparse.Namespace, beside: Collection[str] = ()) -> Iterator[tuple[Path, Path]]:
    """(picture, result without suffix) of what is not there yet; other files of a folder are named, but for suffixes `beside` pictures."""
    try:
        arguments.output.mkdir(parents=True, exist_ok=True)
        done = {path.stem for path in arguments.output.iterdir() if path.suffix.lower() in FORMATS}
    except OSError as error:
        raise StorageError(f"{arguments.output} cannot be written: {error.strerror}. Choose another folder with -o.") from None
    for path in arguments.pictures:
        for picture in _in_folder(path, beside) if path.is_dir() else [path]:
            if picture.stem in done:
                print(f"Passed over: {printable(picture.name)} is in {arguments.output} already.", file=sys.stderr)
                continue
            done.add(picture.stem)
            yield picture, arguments.output / picture.stem


def _in_folder(folder: Path, beside: Collection[str]) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir() or path.name.startswith(".") or path.suffix.lower() in beside:
            continue
        try:
            look(image_bytes(path, "picture"), "picture")
        except RequestError as error:
            print(f"Passed over: {printable(path.name)}: {error.message}", file=sys.stderr)
            continue
        yield path


def _local(
    arguments: argparse.Namespace, settings: Settings, request: GenerationRequest, todo: list[tuple[Path, Path]], progress: Progress
) -> int:
    from webui.local import LocalRunner

    runner = LocalRunner(settings)
    try:

        def finish(path: Path, wanted: GenerationRequest) -> tuple[Path | bytes | None, str]:
            resolved = runner.resolve(wanted.model_copy(update={"inputs": (runner.keep(path),)}))
            made = runner.run(resolved, progress)
            return (made[0], made[0].suffix) if made else (None, "")

        return finish_all(finish, request, todo, progress)
    finally:
        runner.close()


def _remote(
    arguments: argparse.Namespace, settings: Settings, request: GenerationRequest, todo: list[tuple[Path, Path]], progress: Progress
) -> int:
    from webui.cli.client import Client

    with Client(arguments.server, arguments.key) as client:

        def finish(path: Path, wanted: GenerationRequest) -> tuple[Path | bytes | None, str]:
            job = client.submit(wanted.model_copy(update={"inputs": (client.upload(path),)}))
            client.follow(job, progress)
            made = client.downloads(job)
            return (made[0], Path(progress.saved[-1]).suffix) if made else (None, "")

        return finish_all(finish, request, todo, progress)


def finish_all(finish: Finish, request: GenerationRequest, todo: list[tuple[Path, Path]], progress: Progress) -> int:
    """Finish each picture and write it; what fails is said and the others go on. 0 when all are written, else 1."""
    failed = 0
    for picture, target in todo:
        progress.error = ""
        try:
            made, suffix = finish(picture, request)
        except (RequestError, OSError) as error:
            made, suffix, progress.error = None, "", str(error)
        if made is None:
            failed += 1
            print(f"{printable(str(picture))}: {progress.error or 'Nothing was made.'}", file=sys.stderr)
            continue
        print(_placed(made, target.with_name(target.name + suffix)))
    for note in progress.notes:
        print(note, file=sys.stderr)
    return 1 if failed else 0


def _placed(made: Path | bytes, target: Path) -> Path:
    """Whole or not at all: what a stop leaves half-written has another name."""
    part = target.with_name(f".{target.name}.part")
    shutil.copyfile(made, part) if isinstance(made, Path) else part.write_bytes(made)
    part.replace(target)
    return target
