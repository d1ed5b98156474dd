"""Enlarge images: the names of all built-in upscalers, and A1111's rule around any of them. No torch.

The rule, as Forge's recorded pictures show it: the target is each side times the factor, rounded down to a multiple of 8. An upscaler
runs up to three times while a side is below the target (once in any case for a factor of 1); what is missing or over then goes by
Lanczos.
"""

from collections.abc import Callable

from PIL import Image

from webui.errors import RequestError
from webui.images.decode import MAX_PIXELS, MAX_SIDE
from webui.plugins.types import Upscaler, UpscaleRun

LATENT_UPSCALERS: dict[str, tuple[str, bool]] = {
    "Latent": ("bilinear", False),
    "Latent (antialiased)": ("bilinear", True),
    "Latent (bicubic)": ("bicubic", False),
    "Latent (bicubic antialiased)": ("bicubic", True),
    "Latent (nearest)": ("nearest", False),
    "Latent (nearest-exact)": ("nearest-exact", False),
}
"""How torch interpolates for each upscaler of latents: mode, and whether it is antialiased."""
PASSES = 3
MOST_PIXELS = 2**28
"""Pixels of a result at most: 16384², the largest that readers of PNG files agree on."""


def target_of(image: Image.Image, factor: float) -> tuple[int, int]:
    """Return the size that an image is brought to."""
    width, height = (max(int(side * factor) // 8 * 8, 8) for side in image.size)
    return width, height


def enlarge(image: Image.Image, upscaler: Upscaler, factor: float, run: UpscaleRun) -> Image.Image:
    """Return the image `factor` times as large; 0 is the upscaler's own. Raises `RequestError` for a result that is too large."""
    if not factor:
        return _by_itself(image, upscaler, run)
    width, height = target_of(image, factor)
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


def _by_itself(image: Image.Image, upscaler: Upscaler, run: UpscaleRun) -> Image.Image:
    """One pass, and exactly what it gives."""
    if not upscaler.scale:
        raise RequestError("scale", f"{upscaler.name} has no factor of its own. Say by how much.")
    width, height = round(image.width * upscaler.scale), round(image.height * upscaler.scale)
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        said = f"{upscaler.name} makes a picture {upscaler.scale:g} times as large: {width}×{height} pixels are too many."
        raise RequestError("scale", f"{said} Choose a smaller factor.")
    return upscaler.upscale(image, upscaler.scale, run)


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


BUILTIN_UPSCALERS = (
    Upscaler("None", lambda image, factor, run: image),
    Upscaler("Lanczos", by_filter(Image.Resampling.LANCZOS)),
    Upscaler("Nearest", by_filter(Image.Resampling.NEAREST)),
)
FILTERS = {upscaler.name.lower(): upscaler for upscaler in BUILTIN_UPSCALERS}
AT_ONCE = UpscaleRun(tile=0, overlap=0, on_device=lambda work: work(), progress=lambda done, of: None)
"""For filters, which take no device and little time."""
