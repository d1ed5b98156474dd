"""Darkroom's public names: an extension's whole world. Importing this loads no torch; names that need it load when first asked for."""

from importlib import import_module
from typing import Any

from webui.core.events import Event
from webui.core.record import ImageRecord
from webui.core.request import GenerationRequest
from webui.errors import (
    BackendError,
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
    "Answer": "webui.plugins.backends",
    "Backend": "webui.plugins.backends",
    "BackendModel": "webui.core.backend",
    "BackendSpec": "webui.plugins.backends",
    "Branch": "webui.generation.guiders",
    "Conditioning": "webui.models.conditioning",
    "Detector": "webui.plugins.types",
    "DetailStep": "webui.core.detail",
    "FamilySpec": "webui.core.family",
    "Finisher": "webui.plugins.types",
    "FinishRun": "webui.plugins.types",
    "GuidanceMaker": "webui.plugins.types",
    "GuidancePart": "webui.generation.guiders",
    "Guided": "webui.generation.guiders",
    "Guider": "webui.plugins.types",
    "Header": "webui.core.family",
    "LatentFormat": "webui.core.family",
    "LoadContext": "webui.models.loading",
    "LoraLoader": "webui.plugins.adapters",
    "MemoryEstimate": "webui.core.family",
    "Model": "webui.models.model",
    "ModelDefaults": "webui.core.family",
    "NetworkPatch": "webui.models.conditioning",
    "Offload": "webui.models.offload",
    "Panel": "webui.plugins.types",
    "RectifiedFlow": "webui.models.prediction",
    "Region": "webui.plugins.types",
    "RemotePicture": "webui.core.backend",
    "RemoteState": "webui.core.backend",
    "RemoteTask": "webui.core.backend",
    "Sampler": "webui.plugins.types",
    "Schedule": "webui.plugins.types",
    "Tab": "webui.plugins.types",
    "UNetPatch": "webui.models.patches",
    "UpscaleRun": "webui.plugins.types",
    "Upscaler": "webui.plugins.types",
    "WeightChange": "webui.plugins.adapters",
    "Wire": "webui.plugins.backends",
    "lora_kinds": "webui.library.lora_keys",
    "lora_layers": "webui.library.lora_keys",
    "read_tensors": "webui.models.weights",
}

__all__ = [
    "API_VERSION",
    "Answer",
    "Backend",
    "BackendError",
    "BackendModel",
    "BackendSpec",
    "Branch",
    "CheckpointError",
    "Conditioning",
    "DetailStep",
    "Detector",
    "Event",
    "ExtensionError",
    "FamilySpec",
    "FinishRun",
    "Finisher",
    "GenerationRequest",
    "GuidanceMaker",
    "GuidancePart",
    "Guided",
    "Guider",
    "Header",
    "ImageRecord",
    "JobCancelled",
    "LatentFormat",
    "LoadContext",
    "LoraLoader",
    "MemoryEstimate",
    "Model",
    "ModelDefaults",
    "NetworkPatch",
    "Offload",
    "OutOfMemory",
    "Panel",
    "RectifiedFlow",
    "Region",
    "RemotePicture",
    "RemoteState",
    "RemoteTask",
    "RequestError",
    "Sampler",
    "Schedule",
    "Tab",
    "UNetPatch",
    "UpscaleRun",
    "Upscaler",
    "WebUIError",
    "WeightChange",
    "Wire",
    "hookimpl",
    "lora_kinds",
    "lora_layers",
    "read_tensors",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'webui' has no attribute {name!r}")
