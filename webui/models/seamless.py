"""Pictures whose edges continue on the other side: every convolution pads with what lies opposite."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from torch import nn

from webui.models.model import Model


@contextmanager
def seamless(model: Model, on: bool = True) -> Iterator[None]:
    """Within the block the UNet and the VAE see the picture as a tile among its copies. Blocks of several jobs may overlap."""
    if not on:
        yield
        return
    model.state.seamless_jobs += 1
    if model.state.seamless_jobs == 1:
        _pad(model, "circular")
    try:
        yield
    finally:
        model.state.seamless_jobs -= 1
        if not model.state.seamless_jobs:
            _pad(model, "zeros")


def _pad(model: Model, mode: Literal["zeros", "circular"]) -> None:
    for layer in (layer for part in (model.unet, model.vae) for layer in part.modules() if isinstance(layer, nn.Conv2d)):
        layer.padding_mode = mode
