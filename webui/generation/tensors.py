"""Images and masks as tensors: the one place that knows their ranges and axes."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def to_tensor(images: Sequence[Image.Image]) -> Tensor:
    """Return images of one size as float32 [n, 3, height, width] in −1…1, as a VAE takes them.

    Contiguous, as Forge's are: with channels last the convolutions take other kernels, and an encoded image differs by some ulp.
    """
    pixels = np.stack([np.asarray(image.convert("RGB"), np.float32) for image in images]) / 255
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous() * 2 - 1


def mask_tensor(mask: Image.Image, *, rounded: bool) -> Tensor:
    """Return a mask as float32 [1, 1, height, width] in 0…1, 1 where the image changes; `rounded` makes it all or nothing."""
    grey = torch.from_numpy(np.asarray(mask.convert("L"), np.float32) / 255)[None, None]
    return torch.round(grey) if rounded else grey
