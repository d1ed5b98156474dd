"""A request's whole wording as conditioning: its prompt, on the way to a second one, and the prompts of its regions beside it.

Latent couple: at each step the network predicts the whole picture by each prompt, and each prediction counts where its region lies. That
is AND with weights that differ from place to place. Attention couple: in one prediction cross-attention looks at all prompts, at each
where its region lies. Regions with LoRAs of their own need a prediction for each set of LoRAs; these then count by place too.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from webui.core.canvas import Area
from webui.errors import NotFound, RequestError
from webui.generation.conditioning import Encoded, EncodeInputs, Texts, read_texts
from webui.images.decode import read_mask
from webui.images.pixels import mask_grey
from webui.images.store import ImageStore
from webui.prompts.encode import Beside, Part, Scheduled, ScheduledPrompt, pad_pair

Words = Callable[[Texts, int], Encoded]
"""Encodes prompts of one pass, with the set of LoRAs of that number."""


def composed(inputs: EncodeInputs, words: Words, images: ImageStore, downscale: int, places: Sequence[int] = ()) -> Encoded:
    """Encode the prompt and whatever stands beside it. `places` says which set of LoRAs each area has; left out: the prompt's.

    Raises `RequestError` for prompts that do not go together.
    """
    request, encoded = inputs.request, words(inputs.texts, 0)
    if request.blend is not None and request.blend.share > 0:
        other = words(_with_prompt(inputs.texts, request.blend.prompt), 0)
        encoded = replace(encoded, positive=blended(encoded, other, request.blend.share))
    if request.regions is not None and request.regions.areas:
        size = inputs.size[0] // downscale, inputs.size[1] // downscale
        fields = [field_of(area, size, images).to(encoded.empty.device) for area in request.regions.areas]
        own = list(places) or [0] * len(fields)
        both = [words(_with_prompt(inputs.texts, area.prompt), place) for area, place in zip(request.regions.areas, own, strict=True)]
        shares, prompts = shares_of(fields, request.regions.base), [each.positive for each in both]
        join = coupled if request.regions.method == "latent" else attended
        negatives = {0: encoded.negative, **{place: each.negative for place, each in zip(own, both, strict=True) if place}}
        spread = tuple(Part(share, negatives[place].schedule, place) for place, share in by_place(shares, own))
        encoded = replace(encoded, positive=join(encoded.positive, shares, prompts, own), spread=spread)
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


def shares_of(fields: Sequence[Tensor], base: float) -> list[Tensor]:
    """How much the prompt and each area count at every place [1, 1, h, w]: at each they are 1 together."""
    covered = torch.stack(list(fields)).sum(0)
    own = base + (covered == 0).to(covered)
    return [each / (covered + own) for each in (own, *fields)]


def by_place(shares: Sequence[Tensor], places: Sequence[int]) -> tuple[tuple[int, Tensor], ...]:
    """How much each set of LoRAs counts at every place; nothing where there is only the prompt's."""
    if not any(places):
        return ()
    sets = dict.fromkeys((0, *places))
    totals = {wanted: sum((share for share, place in zip(shares, (0, *places), strict=True) if place == wanted)) for wanted in sets}
    return tuple((place, total) for place, total in totals.items() if isinstance(total, Tensor) and bool(total.any()))


def coupled(own: ScheduledPrompt, shares: Sequence[Tensor], prompts: Sequence[ScheduledPrompt], places: Sequence[int]) -> ScheduledPrompt:
    """Latent couple: all prompts, each with its weight at every place [1, 1, h, w]."""
    parts = [Part(part.weight * shares[0], part.schedule) for part in own]
    for share, prompt, place in zip(shares[1:], prompts, places, strict=True):
        parts += [Part(part.weight * share, part.schedule, place) for part in prompt]
    return tuple(parts)


def attended(own: ScheduledPrompt, shares: Sequence[Tensor], prompts: Sequence[ScheduledPrompt], places: Sequence[int]) -> ScheduledPrompt:
    """Attention couple: the prompt with the areas' beside it, once for each set of LoRAs. Raises `RequestError` for areas with AND."""
    if any(len(prompt) != 1 or prompt[0].schedule[0].whole is not None for prompt in prompts):
        raise RequestError("regions.areas", "Attention couple takes no AND in an area's prompt. Take it out, or choose latent couple.")
    beside = Beside(tuple(prompt[0] for prompt in prompts), torch.cat(list(shares))[:, 0])
    sets: Sequence[tuple[int, float | Tensor]] = by_place(shares, places) or ((0, 1.0),)
    return tuple(Part(part.weight * weight, part.schedule, place, beside) for place, weight in sets for part in own)


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
