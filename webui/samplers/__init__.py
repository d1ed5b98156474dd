"""Samplers, noise schedules, noise and guidance. Importing this loads no torch; the functions load it when first called."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from webui.samplers.catalog import get_sampler, get_schedule

if TYPE_CHECKING:
    import torch

__all__ = ["get_sampler", "get_schedule", "get_sigmas", "noise"]


def get_sigmas(schedule: str, steps: int, family: str = "sd1", **options: Any) -> "torch.Tensor":
    """Noise levels of a schedule by its label, float32 and falling; see `webui.samplers.schedules.get_sigmas`."""
    from webui.samplers.schedules import get_sigmas as compute

    return compute(schedule, steps, family, **options)


def __getattr__(name: str) -> Any:
    if name == "noise":
        return import_module("webui.samplers.noise")
    raise AttributeError(f"module 'webui.samplers' has no attribute {name!r}")
