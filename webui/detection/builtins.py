"""Our own detectors, registered through the hook that every extension uses, in web and in engines. No torch."""

from collections.abc import Callable

from webui.core.detail import FACE
from webui.plugins.hookspecs import hookimpl
from webui.plugins.types import Detector

ADETAILERS = (
    *("face_yolov8n.pt", "face_yolov8s.pt", "face_yolov8n_v2.pt", "face_yolov9c.pt", "face_yolov8m.pt"),
    *("mediapipe_face_full", "mediapipe_face_short", "mediapipe_face_mesh", "mediapipe_face_mesh_eyes_only"),
)
"""What ADetailer calls its detectors of faces: ours stands in for those that are not here."""
BUILTIN_DETECTORS = (Detector(FACE, "webui.detection.faces:find_faces", "Face", ADETAILERS),)


@hookimpl
def register_detectors(register: Callable[[Detector], None]) -> None:
    """Faces."""
    for detector in BUILTIN_DETECTORS:
        register(detector)
