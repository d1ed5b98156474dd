"""`batch`: one request over many start pictures, files and folders, each with its own words where it has them."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from webui.cli.extras import finish_all, unfinished
from webui.cli.flags import add_request_flags
from webui.cli.generate import Progress, build_request
from webui.core.request import GenerationRequest, parse_request
from webui.errors import RequestError
from webui.images.own_words import own_words
from webui.settings import Settings

Keep = Callable[[Path], str]
"""Takes a picture file in and gives its id."""


def add(parser: argparse.ArgumentParser) -> None:
    """Which pictures, where to write, where their words come from, and every field of a request."""
    parser.add_argument("pictures", nargs="+", type=Path, metavar="PICTURE", help="files, and folders whose pictures are taken")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder for results; what is there is passed over")
    parser.add_argument("--prompt", help="what the pictures are to show; their own words come behind it")
    parser.add_argument(
        "--prompts",
        choices=("request", "metadata", "files"),
        default="request",
        help="where further words come from: each picture's metadata (its seed too), or NAME.txt beside it",
    )
    parser.add_argument("--masks", type=Path, metavar="DIR", help="folder with a mask of each picture's name: what is white changes")
    parser.add_argument("--size", metavar="WxH", help="of the results (default: each in its own shape)")
    parser.add_argument("--server", metavar="URL", help="use a running Darkroom instead of an engine of our own")
    parser.add_argument("--key", default="", help="access key of that server")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(source=None)
    add_request_flags(parser)


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Make a picture of each; 0 when all are written, 1 when one failed. A second run goes on where one ended."""
    if arguments.masks and not arguments.masks.is_dir():
        raise RequestError("masks", f"{arguments.masks} is no folder. Name one that has masks with the pictures' names.")
    todo = list(unfinished(arguments, (".txt",) if arguments.prompts == "files" else ()))
    if not todo:
        return 0
    progress = Progress(quiet=arguments.quiet)
    try:
        return (_remote if arguments.server else _local)(arguments, settings, todo, progress)
    finally:
        progress.close()


def request_of(base: GenerationRequest, picture: Path, arguments: argparse.Namespace, keep: Keep) -> GenerationRequest:
    """The request for one picture. Raises `RequestError` for what is none."""
    from webui.grids.start_pictures import base_of

    fields = base_of(base.model_dump(mode="json", exclude_unset=True), keep(picture), own_sizes=False)
    own = own_words(picture, arguments.prompts, base.prompt, base.negative_prompt)
    masks = sorted(path for path in arguments.masks.iterdir() if path.stem == picture.stem) if arguments.masks else ()
    mask = next(iter(masks), None)
    masked: dict[str, Any] = {} if mask is None else {"mask": keep(mask), "mode": "inpaint"}
    return parse_request({**fields, "batch_size": 1, "batch_count": 1, **own, **masked})


def _local(arguments: argparse.Namespace, settings: Settings, todo: list[tuple[Path, Path]], progress: Progress) -> int:
    from webui.local import LocalRunner
    from webui.ui.known import NameMatcher

    alone = LocalRunner(settings)
    try:
        base = build_request(arguments, alone.keep, lambda: NameMatcher.here(alone.context.library, alone.capabilities))

        def make(path: Path, wanted: GenerationRequest) -> tuple[Path | bytes | None, str]:
            made = alone.run(alone.resolve(request_of(wanted, path, arguments, alone.keep)), progress)
            return (made[0], made[0].suffix) if made else (None, "")

        return finish_all(make, base, todo, progress)
    finally:
        alone.close()


def _remote(arguments: argparse.Namespace, settings: Settings, todo: list[tuple[Path, Path]], progress: Progress) -> int:
    from webui.cli.client import Client
    from webui.ui.known import NameMatcher

    with Client(arguments.server, arguments.key) as client:
        base = build_request(arguments, client.upload, lambda: NameMatcher.told(client.capabilities()))

        def make(path: Path, wanted: GenerationRequest) -> tuple[Path | bytes | None, str]:
            job = client.submit(request_of(wanted, path, arguments, client.upload))
            client.follow(job, progress)
            made = client.downloads(job)
            return (made[0], Path(progress.saved[-1]).suffix) if made else (None, "")

        return finish_all(make, base, todo, progress)
