"""A lesson of four coloured shapes: everything the recipe learns from, in miniature and without a download."""

import pytest
import torch

from webui.train.default_model.bank import Bank, hues
from webui.train.default_model.concepts import Concept
from webui.train.default_model.data import Lesson
from webui.train.default_model.vocabulary import truncate

SIDES = (84, 100, 112)
SHADES = {"red square": (220, 30, 30), "green disc": (30, 200, 60), "blue cross": (20, 60, 220), "old ring": (240, 200, 40)}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def drawn(label: str, side: int) -> torch.Tensor:
    """An opaque shape of the label's colour on nothing."""
    middle = torch.linspace(-1, 1, side)
    far = (middle[:, None] ** 2 + middle[None] ** 2).sqrt()
    shapes = {
        "square": (middle[:, None].abs() < 0.8) & (middle[None].abs() < 0.8),
        "disc": far < 0.9,
        "cross": (middle[:, None].abs() < 0.3) | (middle[None].abs() < 0.3),
        "ring": (far < 0.9) & (far > 0.5),
    }
    alpha = shapes[label.split()[1]].to(torch.uint8)[None] * 255
    colour = torch.tensor(SHADES[label], dtype=torch.uint8)[:, None, None].expand(3, side, side)
    return torch.cat([colour, alpha])


@pytest.fixture(scope="session")
def lesson() -> Lesson:
    concepts = tuple(
        Concept(code=str(number), label=label, group="shapes", subgroup="plain", words=(label,)) for number, label in enumerate(SHADES)
    )
    pictures = {concept.code: [drawn(concept.label, side) for side in SIDES] for concept in concepts}
    merges = ["r e", "re d</w>", "o n</w>", "a t</w>"] + [f"{letter} {letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    return Lesson(concepts=concepts, pictures=pictures, vocabulary=truncate(merges, 514 + len(merges)))


@pytest.fixture(scope="session")
def small_bank(lesson) -> Bank:
    """The four shapes in two styles: as they are, and darker."""
    art = torch.stack([sizes[-1] for sizes in lesson.listed()]).float()
    art[:, :3] *= art[:, 3:] / 255
    both = torch.stack([art, art * torch.tensor([0.6, 0.6, 0.6, 1.0])[:, None, None]]).round().to(torch.uint8)
    hue = torch.stack([hues(pictures) for pictures in both])
    return Bank(concepts=lesson.concepts, styles=("flat icon", "cartoon"), vocabulary=lesson.vocabulary, art=both, hue=hue)
