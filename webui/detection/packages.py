"""The packages that detectors need, which may be missing."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from webui.errors import RequestError

INSTALL = "In Darkroom's environment (.venv): python -m pip install opencv-python-headless==4.* onnxruntime"


def has(package: str) -> bool:
    """Whether a package is installed, without importing it."""
    return find_spec(package) is not None


def needed(package: str, title: str) -> Any:
    """Return a package. Raises `RequestError` saying how to install it."""
    try:
        return import_module(package)
    except ImportError:
        raise RequestError("detector", f"Finding regions needs {title}, which is not installed. {INSTALL}") from None
