"""A picture with new sides, and where they are: what outpainting starts from."""

import math
import threading

import numpy as np
from PIL import Image, ImageChops

from webui.core.options import OutpaintOptions
from webui.errors import RequestError

_REACH = 5
"""Pixels around each new one that Telea's method looks at."""
_GROWN, _MOST_GROWN = 128, 2**19
"""Pixels beside the picture that are grown one by one, and the most of them: a second in a call that nothing can stop. OpenCV's rounding
adds up on the way, so that colours are wrong further out; there the edge of what was grown is drawn out.
"""
_PATCH, _MOST_MATCHED = 3, 2**17
"""Pixels around each one that patches are compared by, and pixels of the picture with its sides that patches are looked for in: a few
seconds. Larger ones are filled at this size, and what fills them is enlarged.
"""
_matching = threading.Lock()
"""The library has one seed for the whole process."""


def extend(image: Image.Image, out: OutpaintOptions, seed: int) -> Image.Image:
    """An RGB picture with its new sides filled; the rest stays as it is. Raises `RequestError` where a library is wanted and not there."""
    pixels = np.asarray(image)
    if out.fill == "mirror":
        return Image.fromarray(np.pad(pixels, _margins(out), "symmetric"))
    drawn = np.pad(pixels, _margins(out), "edge")
    if out.fill == "edge":
        return Image.fromarray(drawn)
    if out.fill == "patch match":
        return _matched(Image.fromarray(drawn), image, out, seed)
    new = np.asarray(new_sides(image.size, out)) > 0
    if out.fill == "noise":
        noise = np.random.default_rng(seed).standard_normal(drawn.shape)
        colors = pixels.reshape(-1, 3)
        noise = noise * colors.std(axis=0) + colors.mean(axis=0)
        return Image.fromarray(np.where(new[..., None], np.clip(np.rint(noise), 0, 255), drawn).astype(np.uint8))
    return Image.fromarray(_grown(pixels, out))


def _grown(pixels: np.ndarray, out: OutpaintOptions) -> np.ndarray:
    try:
        import cv2
    except ImportError:
        raise RequestError("outpaint.fill", "This way to fill needs OpenCV, which is not installed. Choose edge or mirror.") from None
    high, wide = pixels.shape[:2]
    most = min(_GROWN, max(_MOST_GROWN // (2 * (wide + high)), 8))
    near = out.model_copy(update={side: min(getattr(out, side), most) for side in ("left", "right", "top", "bottom")})
    new = np.asarray(new_sides((wide, high), near)) > 0
    grown = cv2.inpaint(np.pad(pixels, _margins(near), "edge"), new.astype(np.uint8), _REACH, cv2.INPAINT_TELEA)
    grown[~new] = pixels.reshape(-1, 3)
    rest = [(whole[0] - part[0], whole[1] - part[1]) for whole, part in zip(_margins(out), _margins(near), strict=True)]
    return np.pad(grown, rest, "edge")


def _matched(drawn: Image.Image, image: Image.Image, out: OutpaintOptions, seed: int) -> Image.Image:
    """The new sides of patches of the picture that go on from its edges (Barnes et al. 2009, "PatchMatch")."""
    try:
        from patchmatch.patch_match import inpaint, set_random_seed
    except ImportError:
        said = "This way to fill needs the package PyPatchMatch, which is not installed."
        raise RequestError("outpaint.fill", f"{said} Run `pip install PyPatchMatch`, or choose edge or mirror.") from None
    share = min(math.sqrt(_MOST_MATCHED / (drawn.width * drawn.height)), 1.0)
    size = max(round(drawn.width * share), 1), max(round(drawn.height * share), 1)
    # a patch that is partly new says nothing: with none but such, the library finds no way to begin
    mask = new_sides(image.size, out).resize(size, Image.Resampling.BOX).point(lambda grey: 255 if grey else 0)
    with _matching:
        set_random_seed(seed % 2**32)
        filled = Image.fromarray(inpaint(drawn.resize(size, Image.Resampling.BOX), mask, patch_size=_PATCH))
    whole = filled if filled.size == drawn.size else filled.resize(drawn.size, Image.Resampling.BICUBIC)
    whole.paste(image, (out.left, out.top))
    return whole


def new_sides(size: tuple[int, int], out: OutpaintOptions, overlap: int = 0) -> Image.Image:
    """A mask of the extended picture: white in the new sides, and `overlap` pixels into the picture beside each of them."""
    wide, high = size[0] + out.left + out.right, size[1] + out.top + out.bottom
    inner = (
        out.left + (overlap if out.left else 0),
        out.top + (overlap if out.top else 0),
        wide - out.right - (overlap if out.right else 0),
        high - out.bottom - (overlap if out.bottom else 0),
    )
    mask = Image.new("L", (wide, high), 255)
    if inner[0] < inner[2] and inner[1] < inner[3]:
        mask.paste(0, inner)
    return mask


def extended_mask(mask: Image.Image | None, size: tuple[int, int], out: OutpaintOptions) -> Image.Image:
    """The mask of the extended picture: the new sides with their overlap, and what was painted over in the picture itself."""
    sides = new_sides(size, out, out.overlap)
    if mask is None:
        return sides
    painted = Image.new("L", sides.size)
    painted.paste(mask, (out.left, out.top))
    return ImageChops.lighter(sides, painted)


def _margins(out: OutpaintOptions) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    return (out.top, out.bottom), (out.left, out.right), (0, 0)
