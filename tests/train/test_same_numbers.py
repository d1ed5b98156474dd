"""The recipe for a CPU computes what it computed when the shipped model was begun: sums over what a seed gives, written down then."""

import hashlib

import pytest
import torch

from webui.train.default_model.captions import caption
from webui.train.default_model.compose import COLOURS, generator
from webui.train.default_model.concepts import Concept
from webui.train.default_model.diffusion import batch_of, timesteps
from webui.train.default_model.judge import pictures as judged
from webui.train.default_model.latents import Latents, layouts
from webui.train.default_model.networks import Shape
from webui.train.default_model.vae import pictures

APPLE = Concept(code="1f34e", label="red apple", group="food-drink", subgroup="food-fruit", words=("red apple", "apple"))


def of(*parts: torch.Tensor | str) -> str:
    """The first half of the SHA-256 of pictures (as bytes 0..255) and texts."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part.encode() if isinstance(part, str) else part.round().to(torch.int16).contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


def drawn(lesson) -> list[torch.Tensor | str]:
    return [(pictures(lesson.listed(), lesson.listed()[:1], 6, generator(0, 1, 5, 1)) + 1) * 127.5]


def planned(lesson) -> list[torch.Tensor | str]:
    return list(layouts(lesson.listed(), 0, 2)[::7])


def told(lesson) -> list[torch.Tensor | str]:
    return [caption(APPLE, colour, generator(0, 3, index)) for index, colour in enumerate(COLOURS)]


def asked(lesson) -> list[torch.Tensor | str]:
    mean = torch.arange(4 * 12 * 2 * 4 * 4.0).view(4, 12, 2, 1, 4, 4)
    stored = Latents(mean=mean, deviation=torch.zeros_like(mean))
    source = generator(0, 3, 9, 0)
    latents, sentences = batch_of(lesson.concepts, stored, 8, source)
    return [latents, *sentences, timesteps(8, source).float()]


def shown(lesson) -> list[torch.Tensor | str]:
    made, labels = judged(lesson.listed(), 5, generator(1, 5, 2))
    return [made * 255, labels.float()]


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (drawn, "44f93135a792ea78"),
        (planned, "1458bda717fecd02"),
        (told, "0ae58be29af7c8d3"),
        (asked, "c47f03342a0ba648"),
        (shown, "f89df7a38daa715b"),
    ],
    ids=["pictures", "layouts", "captions", "batches", "judge"],
)
def test_a_seed_gives_what_it_gave(lesson, what, expected):
    assert of(*what(lesson)) == expected


def test_the_networks_of_the_shipped_model_keep_their_size():
    assert Shape().model_dump() == {
        "unet": (32, 96, 128, 128),
        "unet_layers": 1,
        "vae": (16, 32, 64, 64),
        "vae_layers": 1,
        "text_layers": 4,
        "width": 192,
        "vocabulary": 8192,
        "size": 128,
    }
