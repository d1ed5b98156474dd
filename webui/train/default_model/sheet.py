"""Contact sheets and loss plots: what a person looks at before believing a number."""

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw

_LABEL = 14


def contact_sheet(pictures: torch.Tensor, labels: Sequence[str], columns: int, size: int = 128) -> Image.Image:
    """Pictures [n, 3, h, w] in 0..1, row by row, each with its label below."""
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * size, rows * (size + _LABEL)), "white")
    pen = ImageDraw.Draw(sheet)
    for number, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        x, y = number % columns * size, number // columns * (size + _LABEL)
        sheet.paste(to_image(picture).resize((size, size)), (x, y))
        pen.text((x + 2, y + size + 1), label[: size // 6], fill="black")
    return sheet


def to_image(picture: torch.Tensor) -> Image.Image:
    return Image.fromarray((picture.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).contiguous().numpy())


def plot(log: Sequence[dict[str, float]], key: str, path: Path, width: int = 720, height: int = 240) -> None:
    """A curve of `log[key]` over the steps, each point the mean of its neighbours."""
    values = [entry[key] for entry in log]
    bucket = max(1, len(values) // width)
    means = [sum(values[at : at + bucket]) / len(values[at : at + bucket]) for at in range(0, len(values), bucket)]
    low, high = min(means), max(means)
    picture = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(picture)
    across = [at * (width - 1) / max(1, len(means) - 1) for at in range(len(means))]
    down = [height - 16 - (value - low) / max(high - low, 1e-9) * (height - 32) for value in means]
    pen.line(list(zip(across, down, strict=True)), fill=(30, 92, 204), width=2)
    pen.text((4, 2), f"{key}: {high:.4g} at most, {low:.4g} at least, {len(values)} steps, last {means[-1]:.4g}", fill="black")
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)
