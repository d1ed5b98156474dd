"""Everything a stage learns from, by one folder: concepts, art and vocabulary."""

from pathlib import Path

import torch

from webui.core.request import FrozenModel
from webui.train.default_model import art
from webui.train.default_model.concepts import Concept, chosen, read_concepts
from webui.train.default_model.sources import fetch
from webui.train.default_model.vocabulary import Vocabulary, read_merges, truncate

STYLE = "flat icon"
_NOT_ART = ("flags", "component")


class Lesson(FrozenModel):
    """The concepts of a list, pictures of all art by code, and the vocabulary."""

    model_config = {"arbitrary_types_allowed": True, "frozen": True}

    concepts: tuple[Concept, ...]
    pictures: dict[str, list[torch.Tensor]]
    vocabulary: Vocabulary

    def listed(self) -> list[list[torch.Tensor]]:
        return [self.pictures[concept.code] for concept in self.concepts]

    def others(self) -> list[list[torch.Tensor]]:
        codes = {concept.code for concept in self.concepts}
        return [sizes for code, sizes in self.pictures.items() if code not in codes]


def prepare(folder: Path, name: str) -> Lesson:
    """Fetch what is missing, draw the art once, and choose the list `name`."""
    everything = read_concepts(fetch("labels", folder / "art"))
    drawable = [concept for concept in everything if concept.group not in _NOT_ART]
    pictures = art.cached(folder / "flat.pt", fetch("flat icon", folder / "art"), drawable)
    vocabulary = truncate(read_merges(fetch("vocabulary", folder / "art")))
    listed = tuple(concept for concept in chosen(name, everything) if concept.code in pictures)
    return Lesson(concepts=listed, pictures=pictures, vocabulary=vocabulary)
