"""All that the recipe needs of the packages, in one file to carry: a zip of WebP pictures by style, the labels and the merges.

A machine with a GPU may see no network. 256 pixels, lossy colours and a lossless alpha: 800 concepts in three styles are about 15 MB.
"""

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from webui.train.default_model.art import Drawing, drawings
from webui.train.default_model.concepts import Concept, chosen, read_concepts
from webui.train.default_model.sources import fetch
from webui.train.default_model.vocabulary import SIZE, Vocabulary, read_merges, truncate

SIDE = 256
_QUALITY = 85
_CONCEPTS, _MERGES = "concepts.json", "merges.txt"


class Pack:
    """A packed file: `concepts` in order, `styles`, the vocabulary, and each picture as straight-alpha RGBA."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)
        self.concepts = tuple(Concept.model_validate(entry) for entry in json.loads(self._zip.read(_CONCEPTS)))
        self.vocabulary: Vocabulary = truncate(self._zip.read(_MERGES).decode().splitlines())
        self._names = set(self._zip.namelist())
        self.styles = tuple(dict.fromkeys(name.split("/")[0] for name in self._zip.namelist() if "/" in name))

    def has(self, style: str, concept: Concept) -> bool:
        return _name(style, concept) in self._names

    def picture(self, style: str, concept: Concept, side: int) -> torch.Tensor:
        """A uint8 tensor [4, side, side] with premultiplied colours, so that it can be scaled without a rim."""
        image = Image.open(io.BytesIO(self._zip.read(_name(style, concept)))).convert("RGBA")
        pixels = np.asarray(image, dtype=np.float32)
        pixels = np.concatenate([pixels[..., :3] * pixels[..., 3:] / 255, pixels[..., 3:]], 2).round().astype(np.uint8)
        bands = [Image.fromarray(np.ascontiguousarray(band)) for band in np.moveaxis(pixels, 2, 0)]
        return torch.from_numpy(np.stack([np.asarray(band.resize((side, side), Image.Resampling.BOX)) for band in bands]))


def _name(style: str, concept: Concept) -> str:
    return f"{style}/{concept.code}.webp"


def write(path: Path, folder: Path, name: str, styles: Sequence[str], say: Callable[[str], None] = print) -> None:
    """Fetch what is missing, draw the concepts of the list `name` in each style, and write the file whole or not at all."""
    listed = chosen(name, read_concepts(fetch("labels", folder)))
    merges = read_merges(fetch("vocabulary", folder))[:SIZE]
    save(path, listed, merges, {style: drawings(fetch(style, folder), listed, SIDE) for style in styles}, say)


def save(path: Path, listed: Sequence[Concept], merges: Sequence[str], art: dict[str, Drawing], say: Callable[[str], None]) -> None:
    """The concepts that have a picture in every style."""
    everywhere = [concept for concept in listed if all(concept.code in codes for codes, _ in art.values())]
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as made:
        made.writestr(_CONCEPTS, json.dumps([concept.model_dump() for concept in everywhere]))
        made.writestr(_MERGES, "\n".join(merges))
        for style, (_, draw) in art.items():
            for concept in everywhere:
                made.writestr(_name(style, concept), _webp(draw(concept.code)))
            say(f"{style}: {len(everywhere)} pictures")
    part.replace(path)
    say(f"{path}: {len(everywhere)} concepts in {len(art)} styles, {path.stat().st_size / 1e6:.1f} MB")


def _webp(image: Image.Image) -> bytes:
    data = io.BytesIO()
    image.save(data, "WEBP", quality=_QUALITY, method=4)
    return data.getvalue()
