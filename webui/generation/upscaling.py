"""Enlarge images: A1111's rule around any upscaler, the built-in filters, and networks in tiles.

The rule, as Forge's recorded pictures show it: the target is each side times the factor, rounded down to a multiple of 8. An upscaler
runs up to three times while a side is below the target (once in any case for a factor of 1); what is missing or over then goes by
Lanczos.
"""

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from webui.errors import RequestError
from webui.generation.context import EngineContext
from webui.generation.hires import LATENT_UPSCALERS
from webui.generation.reporter import JobReporter
from webui.generation.tiles import TileGrid
from webui.models.upscalers import UpscalerNetwork
from webui.plugins.types import Upscaler, UpscaleRun

PASSES = 3
MOST_PIXELS = 2**28
"""Pixels of a result at most: 16384², the largest that readers of PNG files agree on."""


def enlarge(image: Image.Image, upscaler: Upscaler, factor: float, run: UpscaleRun) -> Image.Image:
    """Return the image `factor` times as large. Raises `RequestError` for a result that is too large."""
    width, height = (max(int(side * factor) // 8 * 8, 8) for side in image.size)
    if width * height > MOST_PIXELS:
        raise RequestError("upscaler", f"The result would have {width}×{height} pixels. Choose a smaller factor.")
    for number in range(PASSES):
        before = image.size
        if image.width >= width and image.height >= height and (number or factor != 1):
            break
        image = upscaler.upscale(image, factor, run)
        if image.size == before:
            break
    return image if image.size == (width, height) else image.resize((width, height), Image.Resampling.LANCZOS)


def enlarge_to(image: Image.Image, upscaler: Upscaler, size: tuple[int, int], run: UpscaleRun) -> Image.Image:
    """Return the image at exactly this size, enlarged by the upscaler where it must grow."""
    factor = max(size[0] / image.width, size[1] / image.height)
    if upscaler.name != "None" and factor > 1:
        image = enlarge(image, upscaler, factor, run)
    return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)


def by_filter(way: Image.Resampling) -> Callable[[Image.Image, float, UpscaleRun], Image.Image]:
    """Return the `upscale` of one of Pillow's filters."""

    def upscale(image: Image.Image, factor: float, run: UpscaleRun) -> Image.Image:
        return image.resize((int(image.width * factor), int(image.height * factor)), way)

    return upscale


BUILTIN = (
    Upscaler("None", lambda image, factor, run: image),
    Upscaler("Lanczos", by_filter(Image.Resampling.LANCZOS)),
    Upscaler("Nearest", by_filter(Image.Resampling.NEAREST)),
)


def by_network(network: UpscalerNetwork) -> Callable[[Image.Image, float, UpscaleRun], Image.Image]:
    """Return the `upscale` of a network: alpha is dropped, and what is larger than a tile goes through in tiles."""

    def upscale(image: Image.Image, factor: float, run: UpscaleRun) -> Image.Image:
        image = image.convert("RGB")
        if not run.tile:
            return run.on_device(lambda: _through(network, image))
        grid = TileGrid(*image.size, run.tile, min(run.overlap, run.tile - 1))
        done = 0

        def one(tile: Image.Image) -> Image.Image:
            nonlocal done
            run.progress(done, len(grid))
            done += 1
            return run.on_device(lambda: _through(network, tile))

        return grid.join(map(one, grid.cut(image)), network.scale)

    return upscale


def _through(network: UpscalerNetwork, image: Image.Image) -> Image.Image:
    """One pass over one image. Channels go blue, green, red, as A1111 passes them."""
    turned = np.ascontiguousarray(np.asarray(image)[..., ::-1], dtype=np.float32) / 255
    made: Tensor = network(torch.from_numpy(turned).permute(2, 0, 1)[None])[0]
    values = made.clamp(0, 1).mul(255).round().permute(1, 2, 0).cpu().numpy().astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(values[..., ::-1]))


def find_upscaler(name: str, context: EngineContext, device: torch.device, field: str = "hires.upscaler") -> Upscaler:
    """Return a registered upscaler, or one made of the file of that name. Raises `RequestError` or `CheckpointError`."""
    known = {key.lower(): entry for entry in context.upscalers for key in (entry.name, *entry.aliases)}
    if (found := known.get(name.strip().lower())) is not None:
        return found
    try:
        file = context.library.find("upscaler", name)
    except RequestError:
        names = [*LATENT_UPSCALERS, *(entry.name for entry in context.upscalers), *(one.name for one in context.library.models("upscaler"))]
        raise RequestError(field, f"There is no upscaler named {name!r}. There are: {', '.join(names)}.") from None
    if file.error:
        raise RequestError(field, file.error)
    return Upscaler(file.name, by_network(context.device.run_on_device(lambda: context.upscaler_files.get(file, device))))


def run_of(tile: int, overlap: int, context: EngineContext, report: JobReporter) -> UpscaleRun:
    """Return what an upscaler is given in a job: a stop takes effect between two tiles."""
    return UpscaleRun(tile, overlap, context.device.run_on_device, lambda done, of: report.step("upscaling", done, of))
