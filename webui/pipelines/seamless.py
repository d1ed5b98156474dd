"""Pictures whose edges continue on the other side: every convolution pads with what lies opposite."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from webui.pipelines.model import Model


@contextmanager
def seamless(model: Model, on: bool = True) -> Iterator[None]:
    """Within the block the UNet and the VAE see the picture as a tile among its copies."""
    convolutions = [layer for part in (model.unet, model.vae) for layer in part.modules() if isinstance(layer, nn.Conv2d)] if on else []
    try:
        for layer in convolutions:
            layer.padding_mode = "circular"
        yield
    finally:
        for layer in convolutions:
            layer.padding_mode = "zeros"
