"""Results of benches as JSON in docs/bench/, with what they depend on: versions and the machine."""

import json
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from webui import __version__
from webui.settings import PROJECT

FOLDER = PROJECT / "docs" / "bench"
LIBRARIES = ("torch", "diffusers", "transformers", "xformers", "gradio", "fastapi", "sqlalchemy")


def keep(name: str, figures: Mapping[str, Any], folder: Path = FOLDER) -> Path:
    """Write one bench's figures; gives the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(
        json.dumps({"bench": name, **circumstances(), "figures": figures}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return path


def circumstances() -> dict[str, Any]:
    """When, where and with what; the load tells how busy the machine was with other work."""
    load = psutil.getloadavg()[0]
    machine = {"system": platform.platform(), "cpu": _cpu(), "cores": psutil.cpu_count(), "memory": psutil.virtual_memory().total, **_gpu()}
    return {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine, "load": round(load, 2), "versions": _versions()}


def _versions() -> dict[str, str]:
    found = {"darkroom": __version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _gpu() -> dict[str, str]:
    torch: Any = sys.modules.get("torch")  # a bench that does not use it shall not load it
    if torch is None or not torch.cuda.is_available():
        return {}
    return {"gpu": torch.cuda.get_device_name(), "cuda": torch.version.cuda or f"ROCm {torch.version.hip}"}


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
