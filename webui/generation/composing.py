"""A request's whole wording as conditioning: its prompt, on the way to a second one, and the prompts of its regions beside it.

Regions are latent couple: at each step the network predicts the whole picture by each prompt, and each prediction counts where its
region lies. That is AND with weights that differ from place to place.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from webui.core.canvas import Area, RegionOptions
from webui.errors import NotFound, RequestError
from webui.generation.conditioning import Encoded, EncodeInputs, Texts, read_texts
from webui.images.decode import read_mask
from webui.images.pixels import mask_grey
from webui.images.store import ImageStore
from webui.prompts.encode import Part, Scheduled, ScheduledPrompt, pad_pair

Words = Callable[[Texts], Encoded]
"""Encodes the prompts of one pass."""


def composed(inputs: EncodeInputs, words: Words, images: ImageStore, downscale: int) -> Encoded:
    """Encode the prompt and whatever stands beside it. Raises `RequestError` for prompts that do not go together."""
    request, encoded = inputs.request, words(inputs.texts)
    if request.blend is not None and request.blend.share > 0:
        other = words(_with_prompt(inputs.texts, request.blend.prompt))
        encoded = replace(encoded, positive=blended(encoded, other, request.blend.share))
    if request.regions is not None and request.regions.areas:
        size = inputs.size[0] // downscale, inputs.size[1] // downscale
        fields = [field_of(area, size, images).to(encoded.empty.device) for area in request.regions.areas]
        prompts = [words(_with_prompt(inputs.texts, area.prompt)).positive for area in request.regions.areas]
        encoded = replace(encoded, positive=coupled(encoded.positive, request.regions, fields, prompts))
    return encoded


def _with_prompt(texts: Texts, prompt: str) -> Texts:
    return replace(texts, prompt=read_texts(prompt, "").prompt)


def blended(one: Encoded, other: Encoded, share: float) -> ScheduledPrompt:
    """The conditioning a share of the way from one prompt to another, at every step. Raises `RequestError` where there is no way."""
    if len(one.positive) != 1 or len(other.positive) != 1:
        raise RequestError("blend.prompt", "Prompts with AND cannot be blended. Take AND out of both.")
    first, second = one.positive[0], other.positive[0]
    ends = sorted({entry.until for part in (first, second) for entry in part.schedule})
    entries = tuple(_between(until, _held(first, until), _held(second, until), share, one.empty) for until in ends)
    return (Part(first.weight + (second.weight - first.weight) * share, entries),)


def _held(part: Part, until: int) -> Scheduled:
    return next((entry for entry in part.schedule if until <= entry.until), part.schedule[-1])


def _between(until: int, one: Scheduled, other: Scheduled, share: float, empty: Tensor) -> Scheduled:
    if one.whole is not None or other.whole is not None:
        raise RequestError("blend.prompt", "This checkpoint's prompts cannot be blended. Choose another checkpoint.")
    context, further = pad_pair(one.cond, other.cond, empty)
    pooled = None if one.pooled is None or other.pooled is None else torch.lerp(one.pooled, other.pooled, share)
    return Scheduled(until, torch.lerp(context, further, share), pooled)


def coupled(own: ScheduledPrompt, options: RegionOptions, fields: list[Tensor], prompts: list[ScheduledPrompt]) -> ScheduledPrompt:
    """All prompts, each with its weight at every place [1, 1, h, w]; at each place the weights are 1 together."""
    covered = torch.stack(fields).sum(0)
    base = options.base + (covered == 0).to(covered)
    total = covered + base
    parts = [Part(part.weight * base / total, part.schedule) for part in own]
    for field, prompt in zip(fields, prompts, strict=True):
        parts += [Part(part.weight * field / total, part.schedule) for part in prompt]
    return tuple(parts)


def field_of(area: Area, size: tuple[int, int], images: ImageStore) -> Tensor:
    """How much an area counts at each latent pixel [1, 1, h, w]: its weight inside, 0 outside; of a mask its greys."""
    width, height = size
    field = torch.zeros(1, 1, height, width)
    left, top = round(area.x * width), round(area.y * height)
    right, bottom = max(round((area.x + area.width) * width), left + 1), max(round((area.y + area.height) * height), top + 1)
    field[..., top:bottom, left:right] = area.weight
    return field if area.mask is None else field * _greys(area.mask, size, images)


def _greys(mask: str, size: tuple[int, int], images: ImageStore) -> Tensor:
    try:
        data = images.upload_path(mask).read_bytes()
    except (NotFound, OSError):
        raise RequestError("regions.areas", "The mask of a region is not here any more. Choose it again.") from None
    grey = mask_grey(read_mask(data, "regions.areas")).resize(size, Image.Resampling.BOX)
    return torch.from_numpy(np.array(grey, np.float32))[None, None] / 255
