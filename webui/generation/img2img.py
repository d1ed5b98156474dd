"""Start from a picture: fit it to the size, say where it changes, turn it into latents, and what is laid over the result.

The order of things and their numbers are AUTOMATIC1111's (`processing.StableDiffusionProcessingImg2Img` of version 1.10).
"""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from webui.core.request import Fill, OutpaintOptions, ResizeMode, ResolvedRequest
from webui.errors import NotFound, RequestError
from webui.generation.profiles import profile_of
from webui.generation.tensors import to_tensor
from webui.images.decode import read_image, read_mask
from webui.images.outpainting import extend, extended_mask
from webui.images.pixels import (
    Region,
    Scale,
    blur_mask,
    crop_region,
    expand_region,
    fill_masked,
    flatten,
    lanczos,
    overlay,
    prepare_mask,
    resize,
)
from webui.images.store import ImageStore
from webui.models.model import Model

BLANK_MASK = "The mask is blank, so the whole picture was changed."


@dataclass(frozen=True)
class Source:
    """What a start picture brings, in pixels.

    `image` goes into the VAE, `mask` (white changes) is of the generation's size. `original` is the picture as the result is laid on it,
    `over` its part that stays; `region` is where an only-masked result belongs; `colours` is the picture whose colours the result gets.
    """

    image: Image.Image
    original: Image.Image
    mask: Image.Image | None = None
    over: Image.Image | None = None
    region: Region | None = None
    colours: Image.Image | None = None
    notes: tuple[str, ...] = ()


def read_source(request: ResolvedRequest, images: ImageStore, scale: Scale = lanczos) -> Source | None:
    """The start picture of this request, fitted; None for txt2img. Raises `RequestError` for a picture that is gone or broken."""
    if request.mode == "txt2img" or request.init is None:
        return None
    image = flatten(read_image(_bytes(images, request.init, "init"), "init"))
    mask = _read_mask(request, images, image.size) if request.mode == "inpaint" else None
    image = image if request.outpaint is None else extend(image, request.outpaint, request.seed)
    source = fit(image, mask, request, scale)
    if not profile_of(request).lays_over and source.region is None:
        source = replace(source, over=None)  # the decoded picture is shown as it is
    return replace(source, colours=source.image) if request.color_correction else source


def fit(image: Image.Image, mask: Image.Image | None, request: ResolvedRequest, scale: Scale = lanczos) -> Source:
    """Bring picture and prepared mask to the request's size."""
    size = request.width, request.height
    region = _region(mask, request) if mask is not None and request.only_masked else None
    if mask is not None and request.only_masked and region is None:
        return replace(fit(image, None, request, scale), notes=(BLANK_MASK,))
    if region is None and request.resize_mode is not ResizeMode.LATENT:
        image = resize(image, request.resize_mode, *size, scale)
    if mask is None:
        return Source(image, original=image)
    over = overlay(image, _overlay_mask(mask, image.size, region, request))
    original = image
    if region is None:
        mask = resize(mask, _mask_mode(request), *size)
    else:
        image = resize(image.crop(region), ResizeMode.FILL, *size, scale)
        mask = resize(mask.crop(region), ResizeMode.FILL, *size)
    if request.fill is not Fill.ORIGINAL:
        image = fill_masked(image, mask)
    return Source(image, original, mask, over, region)


def _read_mask(request: ResolvedRequest, images: ImageStore, size: tuple[int, int]) -> Image.Image:
    """The mask of the picture of `size`, with its new sides where it gets some."""
    if request.mask is None and request.outpaint is None:
        raise RequestError("mask", "Paint over the part to change, then press Generate.")
    mask = None if request.mask is None else read_mask(_bytes(images, request.mask, "mask"), "mask")
    if request.outpaint is None and mask is not None:
        return prepare_mask(mask, invert=request.invert_mask, blur=request.mask_blur, round_alpha=rounds(request))
    if mask is not None:
        mask = prepare_mask(mask, invert=request.invert_mask, blur=0, round_alpha=rounds(request))
    return blur_mask(extended_mask(mask, size, request.outpaint or OutpaintOptions()), request.mask_blur)


def rounds(request: ResolvedRequest) -> bool:
    """Whether a latent pixel changes wholly or not at all; soft inpainting never rounds."""
    return request.mask_round and request.soft_inpaint is None


def _bytes(images: ImageStore, image: str, field: str) -> bytes:
    try:
        path: Path = images.upload_path(image)
        return path.read_bytes()
    except (NotFound, OSError):
        raise RequestError(field, "This picture is not here any more. Choose it again.") from None


def _region(mask: Image.Image, request: ResolvedRequest) -> Region | None:
    found = crop_region(mask, request.padding)
    return None if found is None else expand_region(found, request.width, request.height, mask.width, mask.height)


def _mask_mode(request: ResolvedRequest) -> ResizeMode:
    """A1111 fits masks by "Resize and fill" when the picture is resized as latents."""
    return ResizeMode.FILL if request.resize_mode is ResizeMode.LATENT else request.resize_mode


def _overlay_mask(mask: Image.Image, size: tuple[int, int], region: Region | None, request: ResolvedRequest) -> Image.Image:
    """What may change in the composite: with the whole picture, twice the mask, so that its soft edge belongs to the result."""
    if region is None:
        mask = resize(mask, _mask_mode(request), request.width, request.height).convert("L").point(lambda value: min(2 * value, 255))
    return mask if mask.size == size else resize(mask, _mask_mode(request), *size)


def encode_source(source: Source, request: ResolvedRequest, model: Model, drawn: Tensor | None = None) -> Tensor:
    """Latents [1, channels, height/8, width/8] of the fitted picture; or as many as there are noises that they are drawn with."""
    latents = model.encode_image(to_tensor([source.image]), drawn)
    if request.resize_mode is ResizeMode.LATENT:
        grid = request.height // model.downscale, request.width // model.downscale
        latents = torch.nn.functional.interpolate(latents, size=grid, mode="bilinear")
    return latents
