"""Images and masks become tensors of the range, axes and memory layout that the VAE was compared with Forge in."""

import numpy as np
import torch
from PIL import Image

from webui.generation.tensors import mask_tensor, to_tensor


def test_images_become_one_contiguous_tensor():
    drawn = np.random.default_rng(0).integers(0, 256, (2, 16, 24, 3), np.uint8)
    made = to_tensor([Image.fromarray(each) for each in drawn])
    assert made.shape == (2, 3, 16, 24) and made.dtype is torch.float32
    assert made.is_contiguous() and not made.is_contiguous(memory_format=torch.channels_last)
    assert np.array_equal(made.permute(0, 2, 3, 1).numpy(), drawn.astype(np.float32) / 255 * 2 - 1)


def test_one_image_alone_has_the_strides_of_one_among_several():
    image = Image.new("RGB", (24, 16), (255, 0, 128))
    assert to_tensor([image]).stride() == to_tensor([image, image])[:1].stride()


def test_a_mask_is_what_changes_and_all_or_nothing_when_rounded():
    grey = Image.fromarray(np.array([[0, 100, 200, 255]], np.uint8))
    assert mask_tensor(grey, rounded=False).flatten().tolist() == [
        0,
        np.float32(100) / np.float32(255),
        np.float32(200) / np.float32(255),
        1,
    ]
    assert mask_tensor(grey, rounded=True).flatten().tolist() == [0, 0, 1, 1]
