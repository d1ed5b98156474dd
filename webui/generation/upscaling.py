"""Networks of files as upscalers: whole or in tiles, by the rule of `webui.images.upscaling`."""

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from webui.core.request import ResolvedRequest
from webui.errors import RequestError
from webui.generation.context import EngineContext
from webui.generation.reporter import JobReporter
from webui.images.finishing import is_none
from webui.images.pixels import Scale, lanczos
from webui.images.tiles import TileGrid
from webui.images.upscaling import LATENT_UPSCALERS, MOST_PIXELS, enlarge_to
from webui.models.upscalers import UpscalerNetwork
from webui.plugins.types import Upscaler, UpscaleRun


def by_network(network: UpscalerNetwork) -> Callable[[Image.Image, float, UpscaleRun], Image.Image]:
    """Return the `upscale` of a network: alpha is dropped, and what is larger than a tile goes through in tiles."""

    def upscale(image: Image.Image, factor: float, run: UpscaleRun) -> Image.Image:
        image = image.convert("RGB")
        between = image.width * network.scale, image.height * network.scale
        if between[0] * between[1] > MOST_PIXELS:
            said = f"It makes {network.scale} times as large pictures: {between[0]}×{between[1]} pixels in between are too many."
            raise RequestError("upscaler", f"{said} Start from a smaller picture, or choose another upscaler.")
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
        latent = LATENT_UPSCALERS if field.startswith("hires") else ()
        names = [*latent, *(entry.name for entry in context.upscalers), *(one.name for one in context.library.models("upscaler"))]
        raise RequestError(field, f"There is no upscaler named {name!r}. There are: {', '.join(names)}.") from None
    if file.error:
        raise RequestError(field, file.error)
    network = context.device.run_on_device(lambda: context.upscaler_files.get(file, device))
    return Upscaler(file.name, by_network(network), scale=network.scale)


def scale_of(request: ResolvedRequest, device: torch.device, context: EngineContext, report: JobReporter) -> Scale:
    """How a start picture is brought to its size: by the upscaler that the request names where it must grow, then by Lanczos."""
    if request.mode == "txt2img" or is_none(request.init_upscaler):
        return lanczos
    upscaler = find_upscaler(request.init_upscaler, context, device, "init_upscaler")
    run = run_of(request.upscale_tile, request.upscale_overlap, context, report)
    return lambda image, width, height: enlarge_to(image, upscaler, (width, height), run)


def run_of(tile: int, overlap: int, context: EngineContext, report: JobReporter) -> UpscaleRun:
    """Return what an upscaler is given in a job: a stop takes effect between two tiles."""
    return UpscaleRun(tile, overlap, context.device.run_on_device, lambda done, of: report.step("upscaling", done, of))
