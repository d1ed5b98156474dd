"""Upscaling networks from files: ESRGAN and its kin (Real-ESRGAN, compact), SwinIR, DAT, HAT, OmniSR, SPAN and others."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from webui.errors import CheckpointError
from webui.library import ModelFile
from webui.models.networks import NetworkFiles, import_spandrel, read_network


@dataclass(frozen=True, eq=False)
class UpscalerNetwork:
    """A network on a device: RGB or BGR [n, 3, h, w] in 0…1 becomes `scale` times as large."""

    scale: int
    device: torch.device
    descriptor: Any
    half: bool = False

    @torch.no_grad()
    def __call__(self, pixels: Tensor) -> Tensor:
        """Return float32 [n, 3, h · scale, w · scale]."""
        values = pixels.to(self.device, torch.float16 if self.half else torch.float32)
        made: Tensor = self.descriptor(values)
        return made.float()


class UpscalerFiles(NetworkFiles[UpscalerNetwork]):
    """The upscaler used last stays loaded until another is asked for."""

    def load(self, file: ModelFile, device: torch.device) -> UpscalerNetwork:
        """Read a network, see `load_upscaler`."""
        return load_upscaler(file, device)


def load_upscaler(file: ModelFile, device: torch.device) -> UpscalerNetwork:
    """Read a network. Raises `CheckpointError` naming the file, whatever is in it."""
    descriptor, _ = read_network(file, device)
    if descriptor is None or not isinstance(descriptor, import_spandrel().ImageModelDescriptor):
        raise CheckpointError(f"{file.file_name} is no upscaler of a kind that is known here. Choose another file.")
    if descriptor.input_channels != 3 or descriptor.output_channels != 3:
        raise CheckpointError(f"{file.file_name} takes {descriptor.input_channels} colour channels; images have 3. Choose another file.")
    half = device.type == "cuda" and descriptor.supports_half
    descriptor.eval().to(device, torch.float16 if half else torch.float32)
    return UpscalerNetwork(descriptor.scale, device, descriptor, half)
