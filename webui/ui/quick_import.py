"""Import Gradio without the stub files that it writes for each of its components at every start.

That is more than half of the import's time (measured with 6.31), and would write into site-packages.
Gradio skips a component whose source has no file; for the time of the import we say so of each.
Nor is `mcp` loaded, a sixth of what is left: Gradio wants it for a server of its own; ours loads it when it is asked for.
"""

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def import_gradio() -> None:
    """Import it, once. A Gradio that no longer asks for the file is imported as it comes."""
    if "gradio" not in sys.modules:
        with _components_without_files(), _without("mcp"):
            import gradio  # noqa: F401


@contextmanager
def _components_without_files() -> Iterator[None]:
    real: Callable[[Any], str] = inspect.getfile

    def getfile(thing: Any) -> str:
        if type(thing).__name__ == "ComponentMeta":
            raise OSError("a component")
        return real(thing)

    inspect.getfile = getfile  # type: ignore[assignment]
    try:
        yield
    finally:
        inspect.getfile = real  # type: ignore[assignment]


@contextmanager
def _without(name: str) -> Iterator[None]:
    """A package that is not loaded yet cannot be imported within the block."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]
