"""A1111's face restoration as steps of the finish chain: by the network that is meant, where its file is here."""

from collections.abc import Mapping
from typing import Any

from webui.services import Services

GFPGAN, CODEFORMER = "GFPGAN", "CodeFormer"
OPTION = "face_restoration_model"


def steps_of(restore_faces: bool | None, wanted: Any, api: Services, notes: list[str]) -> list[dict[str, Any]]:
    """The step of `restore_faces`; `wanted` is what the option `face_restoration_model` says. Without any file nothing, and it is said."""
    if not restore_faces:
        return []
    files = names(api)
    if not files:
        notes.append("There is no network for faces in models/GFPGAN; restore_faces changed nothing.")
        return []
    return [{"kind": "restore", "model": file_of(str(wanted or CODEFORMER), files) or files[0]}]


def steps_of_extras(visibilities: Mapping[str, float], fidelity: float, api: Services, notes: list[str]) -> list[dict[str, Any]]:
    """The steps of Extras' visibilities, by network in their order. One that is not here changes nothing, and is said."""
    files, steps = names(api), []
    for network, visibility in visibilities.items():
        if not visibility:
            continue
        if (file := file_of(network, files)) is None:
            notes.append(f"{network} is not in models/GFPGAN; {network.lower()}_visibility changed nothing.")
            continue
        steps.append({"kind": "restore", "model": file, "visibility": visibility, "fidelity": fidelity})
    return steps


def names(api: Services) -> list[str]:
    """The files that can be used."""
    return [file.name for file in api.library.models("face_restorer") if not file.error]


def file_of(network: str, files: list[str]) -> str | None:
    """The first file of a network, by its name."""
    return next((name for name in files if network.lower() in name.lower()), None)
