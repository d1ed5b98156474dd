"""Which device computes, and what is to be known about it."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
import torch

from webui.core.request import FrozenModel
from webui.errors import SettingsError

_NAMED = ("torch", "diffusers", "transformers", "safetensors", "xformers")


class DeviceFacts(FrozenModel):
    """For `doctor` and an engine's Ready message; memory in bytes."""

    device: str
    name: str
    memory: int
    free: int
    dtype: str = "float32"
    versions: dict[str, str] = {}


def choose(name: str = "auto") -> str:
    """The device of that name; "auto" takes the best there is. Raises `SettingsError` for one that is not there."""
    found = available()
    if name == "auto":
        return found[0]
    wanted = f"{name}:0" if name in ("cuda", "rocm", "xpu") else name
    wanted = wanted.replace("rocm", "cuda")  # torch calls ROCm's devices cuda
    if wanted not in found:
        raise SettingsError(f"devices: there is no device {name!r} here. There are: {', '.join(found)}.")
    return wanted


def available() -> list[str]:
    """Devices of this machine, best first; the CPU is always the last."""
    found = [f"cuda:{number}" for number in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if hasattr(torch, "xpu") and torch.xpu.is_available():
        found += [f"xpu:{number}" for number in range(torch.xpu.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]


def describe(device: str, dtype: str = "float32") -> DeviceFacts:
    """What this device is."""
    total, free = memory(device)
    return DeviceFacts(device=device, name=device_name(device), memory=total, free=free, dtype=dtype, versions=versions())


def device_name(device: str) -> str:
    """The maker's name of it."""
    if device.startswith("cuda"):
        return str(torch.cuda.get_device_name(device))
    if device.startswith("xpu"):
        return str(torch.xpu.get_device_name(device))
    return cpu_name() if device == "cpu" else f"Apple {platform.machine()}"


def cpu_name() -> str:
    """The CPU's name with its count of cores."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor() or platform.machine()}, {cores()} cores"


def cores() -> int:
    """Cores that this process may use, not counting hyper-threads twice where the system tells."""
    allowed = len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else psutil.cpu_count() or 1
    return max(1, min(allowed, psutil.cpu_count(logical=False) or allowed))


def memory(device: str) -> tuple[int, int]:
    """(total, free) bytes. For the CPU what the system, or the container's limit, leaves."""
    if device.startswith("cuda"):
        free, total = torch.cuda.mem_get_info(device)
        return int(total), int(free) + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    if device.startswith("xpu"):
        free, total = torch.xpu.mem_get_info(device)
        return int(total), int(free)
    system = psutil.virtual_memory()
    limit, used = _container()
    return min(system.total, limit), min(system.available, limit - used)


def _container() -> tuple[int, int]:
    """A container's memory limit and use (cgroup v2), as numbers that limit nothing where there is none."""
    folder = Path("/sys/fs/cgroup")
    try:
        limit = int((folder / "memory.max").read_text())
        cached = next(line.split()[1] for line in (folder / "memory.stat").read_text().splitlines() if line.startswith("inactive_file "))
        return limit, int((folder / "memory.current").read_text()) - int(cached)
    except (OSError, ValueError, StopIteration):
        return 2**62, 0


def versions() -> dict[str, str]:
    """Versions of what makes the pixels."""
    found = {"python": platform.python_version()}
    for name in _NAMED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    if torch.version.cuda:
        found["cuda"] = torch.version.cuda
    return found
