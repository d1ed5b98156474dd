"""Which device computes and how. The names load when first asked for: `webui.devices.environment` must come before torch."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from webui.core.family import ModelFacts
    from webui.devices.machine import DeviceFacts, available, choose, describe
    from webui.devices.memory import estimate
    from webui.devices.plan import default_dtype, is_out_of_memory, out_of_memory, plan_for

_LAZY = {
    "DeviceFacts": "machine",
    "ModelFacts": "memory",
    "available": "machine",
    "choose": "machine",
    "default_dtype": "plan",
    "describe": "machine",
    "estimate": "memory",
    "is_out_of_memory": "plan",
    "out_of_memory": "plan",
    "plan_for": "plan",
}

__all__ = [
    "DeviceFacts",
    "ModelFacts",
    "available",
    "choose",
    "default_dtype",
    "describe",
    "estimate",
    "is_out_of_memory",
    "out_of_memory",
    "plan_for",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f"webui.devices.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'webui.devices' has no attribute {name!r}")
