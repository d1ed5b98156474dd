"""Which detectors there are, and running one: those that are registered, and the files in models/adetailer."""

import traceback
from collections.abc import Sequence

from PIL import Image

from webui.core.registry import Registry
from webui.detection import yolo
from webui.detection.packages import INSTALL, has
from webui.errors import CheckpointError, RequestError, WebUIError
from webui.library import Library, ModelFile
from webui.plugins.manager import Extensions
from webui.plugins.types import Detector, Region

KIND, FIELD = "detector", "detector"
_SUFFIXES = (".pt", ".onnx")


class Detectors:
    """The detectors of one process."""

    def __init__(self, registry: Registry[Detector], library: Library, extensions: Extensions) -> None:
        self.registry, self._library, self._extensions = registry, library, extensions

    def seen_by(self, library: Library) -> "Detectors":
        """The same with another view of the files."""
        return Detectors(self.registry, library, self._extensions)

    @property
    def names(self) -> list[str]:
        """Those that can be chosen, ours first."""
        return [*(entry.name for entry in self.registry), *(file.name for file in self._library.models(KIND) if not file.error)]

    def named(self, name: str) -> str:
        """A detector's name as it is here. Raises `RequestError` for one that is unknown or cannot run."""
        found = self._find(name)
        if isinstance(found, Detector):
            package = "cv2" if self.registry.owner(found.name).startswith("darkroom") else ""
        else:
            package = "onnxruntime"
        if package and not has(package):
            raise RequestError(FIELD, f"{found.name} needs the package {package}, which is not installed. {INSTALL}")
        return found.name

    def detect(self, image: Image.Image, name: str, confidence: float) -> Sequence[Region]:
        """Return what a detector finds. Raises `RequestError` where it fails; an extension's is then switched off."""
        found = self._find(name)
        try:
            if isinstance(found, Detector):
                return [region for region in found.function(image, confidence) if isinstance(region, Region)]
            return yolo.detect(found.path, found.identity, image, confidence)
        except CheckpointError as error:
            raise RequestError(FIELD, str(error)) from None
        except (WebUIError, MemoryError):
            raise
        except Exception as error:  # the boundary around an extension, and around OpenCV
            return self._failed(found.name, error)

    def _failed(self, name: str, error: Exception) -> Sequence[Region]:
        owner = self.registry.owner(name) if name in {entry.name for entry in self.registry} else ""
        if owner in {state.id for state in self._extensions.states}:
            self._extensions.fail(owner, "register_detectors", traceback.format_exc())
            raise RequestError(FIELD, f"The detector {name} failed: its extension is switched off. See Extensions.") from error
        raise RequestError(FIELD, f"The detector {name} failed on this picture ({type(error).__name__}).") from error

    def _find(self, name: str) -> Detector | ModelFile:
        """By its own name, else a file, else by another name of a registered one."""
        wanted = name.strip().lower()
        own = next((entry for entry in self.registry if entry.name.lower() == wanted), None)
        if own is not None:
            return own
        bare = name.strip()[: -len(end)] if (end := next((end for end in _SUFFIXES if wanted.endswith(end)), "")) else name.strip()
        refused = ""
        for word in dict.fromkeys((name, bare)):
            try:
                file = self._library.find(KIND, word)
            except RequestError:
                continue
            if not file.error:
                return file
            refused = refused or file.error
        other = next((entry for entry in self.registry if wanted in {alias.lower() for alias in entry.aliases}), None)
        if other is not None:
            return other
        there = f"There is no detector named {name[:100]!r}. There are: {', '.join(self.names[:20])}."
        raise RequestError(FIELD, refused or there)
