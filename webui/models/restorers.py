"""Networks that mend faces: GFPGAN and CodeFormer, read by spandrel (CodeFormer by its package of non-commercial architectures).

They see one upright face at a time, 512 pixels a side.
"""

import importlib
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from webui.errors import CheckpointError
from webui.library import ModelFile
from webui.models.networks import NetworkFiles, import_spandrel, read_network

FACE = 512
"""Pixels a side of the faces that the networks were trained on."""
_MADE_FOR = ("GFPGAN", "CodeFormer", "RestoreFormer")


@dataclass(frozen=True, eq=False)
class FaceRestorer:
    """A network on a device: one RGB face [1, 3, 512, 512] in 0…1 becomes a mended one."""

    device: torch.device
    descriptor: Any

    @torch.no_grad()
    def __call__(self, pixels: Tensor, fidelity: float, seed: int) -> Tensor:
        """Return float32 in 0…1. GFPGAN draws noise, from the seed; `fidelity` is CodeFormer's weight."""
        values, name = pixels.to(self.device, torch.float32), str(self.descriptor.architecture.id)
        with torch.random.fork_rng([self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(seed % 2**63)
            more = {"weight": fidelity} if name == "CodeFormer" else {}
            made: Tensor = self.descriptor.model(values * 2 - 1, **more)[0]
        return (made.float() / 2 + 0.5).clamp(0, 1)


class RestorerFiles(NetworkFiles[FaceRestorer]):
    """The network used last stays loaded until another is asked for."""

    def load(self, file: ModelFile, device: torch.device) -> FaceRestorer:
        """Read a network, see `load_restorer`."""
        return load_restorer(file, device)


def load_restorer(file: ModelFile, device: torch.device) -> FaceRestorer:
    """Read a network. Raises `CheckpointError` naming the file: for one that mends no faces, and for CodeFormer without its package."""
    extra = _with_extra()
    descriptor, tensors = read_network(file, device)
    if descriptor is None or descriptor.architecture.id not in _MADE_FOR:
        said = f"{file.file_name} is no network that mends faces and is known here."
        if not extra and any(name.startswith("quantize.") for name in tensors):
            said = f"{file.file_name} is CodeFormer, whose code may not be used commercially and is not installed."
            said = f"{said} If that suits you: `pip install --no-deps spandrel_extra_arches`."
        raise CheckpointError(f"{said} GFPGAN (GFPGANv1.4.pth) can be read as it is.")
    descriptor.eval().to(device, torch.float32)
    return FaceRestorer(device, descriptor)


def _with_extra() -> bool:
    """Let spandrel know the architectures of its non-commercial package, where somebody has installed it."""
    import_spandrel()
    try:
        importlib.import_module("spandrel_extra_arches").install(ignore_duplicates=True)
    except ImportError:
        return False
    return True
