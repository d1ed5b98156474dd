"""Pictures by concept: vector art drawn at a few sizes, as straight-alpha RGBA, kept in one cache file per style."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from webui.train.default_model.concepts import Concept, codepoints

Drawing = tuple[set[str], Callable[[str], Image.Image]]
SIZES = (84, 100, 112)
"""Side of the object's box in a picture of 128 pixels: small, medium, as large as fits with a margin."""


def draw(package: Path, concepts: list[Concept], sizes: tuple[int, ...] = SIZES) -> dict[str, list[torch.Tensor]]:
    """Concept code → one uint8 RGBA tensor [4, s, s] per size, for each concept the package has."""
    icons = json.loads((package / "icons.json").read_text())
    names = {codepoints(code): name for code, name in json.loads((package / "chars.json").read_text()).items()}
    wanted = [concept for concept in concepts if concept.code in names]
    return {concept.code: [_raster(_svg(icons, names[concept.code]), size) for size in sizes] for concept in wanted}


def _svg(icons: dict[str, Any], name: str) -> str:
    while name in icons.get("aliases", {}):
        name = icons["aliases"][name]["parent"]
    icon = icons["icons"][name]
    width, height = icon.get("width", icons.get("width", 16)), icon.get("height", icons.get("height", 16))
    side = max(width, height)
    left, top = icon.get("left", 0) - (side - width) / 2, icon.get("top", 0) - (side - height) / 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left} {top} {side} {side}" width="{side}" height="{side}">{icon["body"]}</svg>'
    )


def _raster(svg: str, size: int) -> torch.Tensor:
    return torch.from_numpy(np.array(_vector(svg, size))).permute(2, 0, 1).contiguous()


def _vector(svg: str, size: int) -> Image.Image:
    import resvg_py

    return _square(Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size)))), size)


def _square(picture: Image.Image, size: int) -> Image.Image:
    """In the middle of a transparent square; some icons are not quite square."""
    square = Image.new("RGBA", (size, size))
    square.paste(picture.convert("RGBA"), ((size - picture.width) // 2, (size - picture.height) // 2))
    return square


def drawings(package: Path, concepts: list[Concept], size: int) -> Drawing:
    """The codes a package has, and what draws one of them: from vector art, or from WebP pictures of that size."""
    if (package / "icons.json").exists():
        icons = json.loads((package / "icons.json").read_text())
        names = {codepoints(code): name for code, name in json.loads((package / "chars.json").read_text()).items()}
        return {concept.code for concept in concepts if concept.code in names}, lambda code: _vector(_svg(icons, names[code]), size)
    files = {codepoints(path.stem): path for path in sorted((package / "assets").glob("*.webp"))}
    return {concept.code for concept in concepts if concept.code in files}, lambda code: _fitted(Image.open(files[code]), size)


def _fitted(picture: Image.Image, size: int) -> Image.Image:
    whole = _square(picture, max(picture.size))
    return whole if whole.width == size else whole.resize((size, size), Image.Resampling.LANCZOS)


def cached(cache: Path, package: Path, concepts: list[Concept]) -> dict[str, list[torch.Tensor]]:
    """`draw`, once per cache file."""
    if cache.exists():
        loaded: dict[str, list[torch.Tensor]] = torch.load(cache, weights_only=True)
        return loaded
    drawn = draw(package, concepts)
    cache.parent.mkdir(parents=True, exist_ok=True)
    part = cache.with_suffix(".part")
    torch.save(drawn, part)
    part.replace(cache)
    return drawn
