"""Darkroom's public names: an extension's whole world. Importing this loads no torch; names that need it load when first asked for."""

from importlib import import_module
from typing import Any

from webui.core.events import Event
from webui.core.record import ImageRecord
from webui.core.request import GenerationRequest
from webui.errors import (
    CheckpointError,
    ExtensionError,
    JobCancelled,
    OutOfMemory,
    RequestError,
    WebUIError,
)
from webui.plugins.hookspecs import API_VERSION, hookimpl

__version__ = "0.1.0"

_LAZY = {
    "LoraLoader": "webui.models.adapters",
    "Panel": "webui.plugins.types",
    "Sampler": "webui.plugins.types",
    "Schedule": "webui.plugins.types",
    "Tab": "webui.plugins.types",
    "WeightChange": "webui.models.adapters",
    "lora_kinds": "webui.library.lora_keys",
    "lora_layers": "webui.library.lora_keys",
    "read_tensors": "webui.models.weights",
}

__all__ = [
    "API_VERSION",
    "CheckpointError",
    "Event",
    "ExtensionError",
    "GenerationRequest",
    "ImageRecord",
    "JobCancelled",
    "LoraLoader",
    "OutOfMemory",
    "Panel",
    "RequestError",
    "Sampler",
    "Schedule",
    "Tab",
    "WebUIError",
    "WeightChange",
    "hookimpl",
    "lora_kinds",
    "lora_layers",
    "read_tensors",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'webui' has no attribute {name!r}")
