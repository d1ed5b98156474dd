"""The mask of a background, and the three changes made by the app's engine with the shipped model."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import nn

from webui.bench.edits import edits, ground_mask

MODEL = Path(__file__).resolve().parents[2] / "models" / "Stable-diffusion" / "darkroom-tiny.safetensors"


def test_mask_is_the_background_with_some_room_around_the_thing():
    picture = Image.new("RGB", (64, 64), (30, 92, 204))
    ImageDraw.Draw(picture).rectangle((20, 20, 43, 43), fill=(220, 30, 30))
    mask = np.asarray(ground_mask(picture))
    assert mask[0, 0] == mask[14, 30] == 255
    assert mask[30, 30] == mask[17, 30] == 0


class Agreeable(nn.Module):
    """Says of each picture what it is told to."""

    def __init__(self, answers: list[int]) -> None:
        super().__init__()
        self.weight, self.answers = nn.Parameter(torch.zeros(1)), answers

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return nn.functional.one_hot(torch.tensor(self.answers), 2).float()


def test_one_picture_is_changed_in_three_ways():
    found, pictures, told = edits(MODEL, ["red apple", "lemon"], Agreeable([0, 0, 0, 1]), 1, 1, 1)
    assert found.edits == 1
    assert pictures.shape == (4, 3, 128, 128)
    assert [text.partition(":")[0] for text in told[1:]] == ["img2img", "background", "object"]
    apart = [(pictures[0] - other).abs().mean() for other in pictures[1:]]
    assert min(apart) > 0.02
