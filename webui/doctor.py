"""What `doctor` says: what this machine has, what is found on it, what is wrong and what to do. Works without torch, to say just that."""

import platform
import shutil
import socket
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from webui import __version__
from webui.core.names import printable
from webui.core.request import FrozenModel
from webui.errors import CheckpointError, SettingsError
from webui.library import KINDS, Library
from webui.library.families import families_of
from webui.plugins.discovery import extension_folders
from webui.plugins.manager import Extensions
from webui.settings import PROJECT, Settings

LIBRARIES = ("torch", "diffusers", "transformers", "safetensors", "gradio", "fastapi", "sqlalchemy", "pydantic", "xformers")
LITTLE_SPACE = 2 * 10**9
GIGABYTE = 10**9


class Finding(FrozenModel):
    """One part of the report: lines to read, and problems that each say what to do."""

    title: str
    lines: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def run(settings: Settings) -> int:
    """Print the report; 0 when nothing is wrong, else 1."""
    print(f"Darkroom {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    problems = []
    for check in CHECKS:
        finding = check(settings)
        for number, line in enumerate(finding.lines):
            print(f"{finding.title if number == 0 else '':<12}{line}", flush=True)
        problems += [f"{finding.title}: {problem}" for problem in finding.problems]
    print()
    print("\n".join(f"✗ {problem}" for problem in problems) or "Nothing is wrong.")
    return 1 if problems else 0


def devices(settings: Settings) -> Finding:
    """What computes, at which precision, with how much memory."""
    if find_spec("torch") is None:
        return Finding(title="Device", lines=("unknown without torch",), problems=("torch is not installed. Run `python launch.py` once.",))
    from webui.devices.environment import prepare_process

    prepare_process()
    lines, problems = [], []
    for name in settings.devices:
        try:
            lines.append(device_line(name, settings))
        except (SettingsError, ImportError) as error:
            problems.append(str(error))
    return Finding(title="Device", lines=tuple(lines) or ("none",), problems=tuple(problems))


def device_line(name: str, settings: Settings) -> str:
    """One device in words; the CPU's precision is measured once and remembered."""
    from webui.devices.machine import choose, describe
    from webui.devices.plan import default_dtype

    device = choose(name)
    facts = describe(device, default_dtype(device, settings))
    return f"{device}: {facts.name}, {facts.dtype}, {facts.memory / GIGABYTE:.1f} GB memory, {facts.free / GIGABYTE:.1f} GB free"


def versions(settings: Settings) -> Finding:
    """Versions of the libraries that matter."""
    found, missing = [], []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            if name not in ("xformers", "torch"):
                missing.append(f"{name} is not installed. Run `python launch.py` once.")
    return Finding(title="Versions", lines=(", ".join(found),), problems=tuple(missing))


def models(settings: Settings) -> Finding:
    """Model files by kind; broken ones by name."""
    library = Library(settings.all_models_dirs, settings.cache / "library.json", families_of(settings))
    lines, problems = [f"in {place}" for place in library.looked_at], []
    for kind in KINDS:
        found = library.models(kind)
        whole = [f"{model.name} ({model.family})" if kind == "checkpoint" else model.name for model in found if not model.error]
        if whole:
            lines.append(f"{kind}: {', '.join(whole)}")
        problems += [f"{printable(str(model.path))}: {model.error}" for model in found if model.error]
    if not any(not model.error for model in library.models("checkpoint")):
        problems.append(
            f"there is no checkpoint. Put one in {PROJECT / 'models' / 'Stable-diffusion'}, or name its folder with --models-dir."
        )
    problems += [f"{folder} is not a folder. Correct --models-dir." for folder in settings.missing_models_dirs]
    return Finding(title="Models", lines=tuple(lines) or ("none",), problems=tuple(problems))


def default_model(settings: Settings) -> Finding:
    """Whether the checkpoint that a first picture takes can be read to its end."""
    library = Library(settings.all_models_dirs, settings.cache / "library.json", families_of(settings))
    first = next((model for model in library.models("checkpoint") if not model.error), None)
    if first is None:
        return Finding(title="First model")
    native = (
        f"{first.native.width}×{first.native.height}, {first.native.steps} steps of {first.native.sampler}, CFG {first.native.guidance:g}"
    )
    try:
        return Finding(title="First model", lines=(f"{first.name} [{library.sha256(first)[:10]}]: {native}",))
    except CheckpointError as error:
        return Finding(title="First model", lines=(first.name,), problems=(str(error),))


def folders(settings: Settings) -> Finding:
    """Whether data and pictures can be written, and how much space is left."""
    problems = [problem for folder in (settings.data_dir, settings.outputs, settings.cache) if (problem := unwritable(folder))]
    free = shutil.disk_usage(existing(settings.data_dir)).free
    if free < LITTLE_SPACE:
        problems.append(f"only {free / GIGABYTE:.1f} GB are free on the disk of {settings.data_dir}. Make room, or use --data-dir.")
    line = f"data {settings.data_dir}, pictures {settings.outputs}, {free / GIGABYTE:.0f} GB free"
    return Finding(title="Folders", lines=(line,), problems=tuple(problems))


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def unwritable(folder: Path) -> str:
    """Why nothing can be written there; empty when it can. The folder is not made."""
    try:
        with tempfile.TemporaryFile(dir=existing(folder)):
            return ""
    except OSError as error:
        return f"{folder} cannot be written ({error.strerror}). Change its permissions, or choose another with --data-dir."


def port(settings: Settings) -> Finding:
    """Whether the port is free."""
    place = f"{settings.host}:{settings.port}"
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            advice = "Is Darkroom running already? Else choose another with --port."
            return Finding(title="Port", lines=(f"{place} is taken",), problems=(f"{place} cannot be used: {error.strerror}. {advice}",))
    return Finding(title="Port", lines=(f"{place} is free",))


def extensions(settings: Settings) -> Finding:
    """Extensions, on and off, and the last line of what the broken ones raised."""
    found = Extensions("web")
    found.load(extension_folders(settings), settings.extensions_off)
    words = [f"{state.id} ({'broken' if state.error else 'on' if state.enabled else 'off'})" for state in found.states]
    broken = [state for state in found.states if state.error]
    problems = [f"{state.id}: {state.error.strip().splitlines()[-1]} Mend {state.path} or switch it off." for state in broken]
    return Finding(title="Extensions", lines=(", ".join(words) or "none",), problems=tuple(problems))


CHECKS: tuple[Callable[[Settings], Finding], ...] = (devices, versions, models, default_model, folders, port, extensions)
