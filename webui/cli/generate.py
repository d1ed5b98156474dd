"""`generate`: pictures from the command line, alone with an engine of its own or through a running server."""

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from webui.cli.flags import add_request_flags, request_values
from webui.cli.output import FORMATS, names, place, prepare
from webui.core.events import Cancelled, Done, Event, Failed, ImageSaved, StepDone
from webui.core.names import printable
from webui.core.request import GenerationRequest, parse_request
from webui.errors import RequestError, StorageError
from webui.settings import Settings

if TYPE_CHECKING:
    from webui.ui.known import NameMatcher

CHECKPOINT, WHERE = "request.checkpoint", "request.where"
_ID = re.compile(r"^[0-9a-f]{64}$")


def add(parser: argparse.ArgumentParser) -> None:
    """The prompt, where to write, where to run, and every field of a request."""
    parser.add_argument("prompt", nargs="?", help="what the picture shows")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("out.png"),
        help="file to write (.png, .jpg, .webp); several pictures get -1, -2 … behind the name",
    )
    parser.add_argument(
        "--from", dest="source", type=Path, metavar="PICTURE", help="make this picture again from its metadata; flags override"
    )
    parser.add_argument("--size", metavar="WxH", help="width and height, e.g. 128x128")
    parser.add_argument("--server", metavar="URL", help="use a running Darkroom instead of an engine of our own")
    parser.add_argument("--key", default="", help="access key of that server")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_request_flags(parser)


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Make the pictures; 0 when all are written, 1 when the job failed."""
    prepare(arguments.output)
    progress = Progress(quiet=arguments.quiet)
    maker = _remote if arguments.server else _elsewhere if _is_elsewhere(arguments) else _local
    try:
        written = maker(arguments, settings, progress)
    finally:
        progress.close()
    for note in progress.notes:
        print(note, file=sys.stderr)
    if progress.error:
        print(progress.error, file=sys.stderr)
        return 1
    for path in written:
        print(path)
    return 0


class Progress:
    """Follows events with a bar on standard error."""

    def __init__(self, quiet: bool) -> None:
        self._bar: Any = None if quiet else tqdm(total=0, unit="step", leave=False, file=sys.stderr, disable=None)
        self.error = ""
        self._quiet, self._waits = quiet, ""
        self.notes: tuple[str, ...] = ()
        self.saved: list[str] = []

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if isinstance(event, StepDone) and " Again in " in event.detail:
            self._tell(event.detail.rpartition(" Again in ")[0])
        if isinstance(event, StepDone) and self._bar is not None:
            self._bar.total, self._bar.n = event.steps, event.step
            self._bar.set_description(
                event.detail or event.phase if event.batches < 2 else f"{event.phase} {event.batch + 1}/{event.batches}"
            )
        elif isinstance(event, ImageSaved):
            self.saved.append(event.record.path)
            self.notes = tuple(dict.fromkeys((*self.notes, *event.record.notes)))
        elif isinstance(event, Done):
            self.notes = tuple(dict.fromkeys((*self.notes, *event.notes)))
        elif isinstance(event, Failed):
            self.error = " ".join(
                part for part in (f"{event.error.field}:" if event.error.field else "", event.error.message, event.error.advice) if part
            )
        elif isinstance(event, Cancelled):
            self.error = "Stopped."

    def _tell(self, why: str) -> None:
        """Say once why it waits: a provider asks for a pause, or cannot be reached."""
        if why != self._waits and not self._quiet:
            print(f"{why} It goes on by itself; Ctrl+C ends it.", file=sys.stderr)
        self._waits = why

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()


def build_request(arguments: argparse.Namespace, keep: Callable[[Path], str], known: "Callable[[], NameMatcher]") -> GenerationRequest:
    """The request the flags mean. `keep` stores a picture file and gives its id (for --init and --mask).

    `known` gives the names that are there, by which those in the metadata of --from are placed as on the page.
    """
    values = request_values(arguments)
    if arguments.prompt is not None:
        values["prompt"] = arguments.prompt
    if arguments.size:
        width, _, height = arguments.size.lower().partition("x")
        if not (width.isdigit() and height.isdigit()):
            raise RequestError("size", f"{arguments.size!r} is not a size. Write it as 512x768.")
        values |= {"width": int(width), "height": int(height)}
    for name in ("init", "mask"):
        if values.get(name) and not _ID.match(values[name]):
            values[name] = _kept(name, Path(values[name]), keep)
    if ("init" in values or "mask" in values) and "mode" not in values and not arguments.source:
        values["mode"] = "inpaint" if "mask" in values or "outpaint" in values else "img2img"
    if arguments.source:
        from webui.images.replay import replay_request

        def tell(line: str) -> None:
            print(f"Left out: {line}", file=sys.stderr)

        return replay_request(arguments.source, values, tell, lambda *told: known().match_fields(*told))
    return parse_request(values)


def _kept(name: str, path: Path, keep: Callable[[Path], str]) -> str:
    try:
        return keep(path)
    except OSError as error:
        raise RequestError(name, f"{path} cannot be read: {error.strerror}.") from None
    except RequestError as error:
        raise RequestError(name, f"{path}: {error.message}") from None


def _local(arguments: argparse.Namespace, settings: Settings, progress: Progress) -> list[Path]:
    from webui.local import LocalRunner
    from webui.ui.known import NameMatcher

    changes: dict[str, Any] = {"picture_format": FORMATS[arguments.output.suffix.lower()]}
    checkpoint = getattr(arguments, CHECKPOINT, "")
    if Path(checkpoint).is_file():
        changes["models_dirs"] = (Path(checkpoint).resolve().parent, *settings.models_dirs)
        setattr(arguments, CHECKPOINT, Path(checkpoint).stem)
    alone = LocalRunner(settings.model_copy(update=changes))
    try:
        request = alone.resolve(build_request(arguments, alone.keep, lambda: NameMatcher.here(alone.context.library, alone.capabilities)))
        saved = alone.run(request, progress)
        return place(saved, arguments.output, (settings.outputs,))
    finally:
        alone.close()


def _is_elsewhere(arguments: argparse.Namespace) -> bool:
    from webui.core.backend import AUTO, HERE

    return str(getattr(arguments, WHERE, HERE)).strip().lower() not in (AUTO, HERE, "")


def _elsewhere(arguments: argparse.Namespace, settings: Settings, progress: Progress) -> list[Path]:
    from webui.backends.alone import AloneElsewhere
    from webui.local import LocalRunner, working_folder
    from webui.ui.known import NameMatcher

    changes: dict[str, Any] = {"picture_format": FORMATS[arguments.output.suffix.lower()]}
    where = getattr(arguments, WHERE).strip()
    settings = settings.model_copy(update=changes)
    alone, engine = AloneElsewhere(settings, where, working_folder(settings)), LocalRunner(settings)
    try:
        setattr(arguments, WHERE, alone.spec.name)
        request = build_request(arguments, alone.keep, lambda: NameMatcher.anything())
        if not arguments.quiet:
            print(alone.backends.told(alone.spec), file=sys.stderr)
        made = alone.run(request, progress, engine.chain)
        saved = made.files if made.left is None else engine.run(made.left, progress)
        return place(saved, arguments.output, (settings.outputs,))
    finally:
        alone.close()
        engine.close()


def _remote(arguments: argparse.Namespace, settings: Settings, progress: Progress) -> list[Path]:
    from webui.cli.client import Client
    from webui.ui.known import NameMatcher

    with Client(arguments.server, arguments.key) as client:
        job = client.submit(build_request(arguments, client.upload, lambda: NameMatcher.told(client.capabilities())))
        client.follow(job, progress)
        images = client.downloads(job)
        targets = names(arguments.output, len(images))
        for target, data in zip(targets, images, strict=True):
            try:
                target.write_bytes(data)
            except OSError as error:
                said = f"{printable(str(target))} cannot be written: {error.strerror}."
                raise StorageError(f"{said} The pictures are kept on the server, in the Gallery.") from None
        return targets
