"""Guidance: which predictions one call of the denoiser asks the network for, and how they become one.

A `Guide` names branches (a prompt, with further channels) and combines their predictions of the clean latent. Classifier-free guidance,
InstructPix2Pix's two scales and no guidance are the built-in ones; extensions add others by `register_guiders`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from webui.core.request import GuidanceOptions
from webui.models.conditioning import Conditioning
from webui.samplers.guidance import SkipRule, combine, combine_edit, diffusion_still, rescale, unguided


@dataclass(frozen=True)
class Guidance:
    """How strictly the prompt is followed. `image` is the start picture's scale in instruct-pix2pix models, None in others.

    `needs_uncond`: the sampler wants the true unconditional prediction of each call, also where guidance does not.
    `still` is `Prediction.still`.
    """

    scale: float
    options: GuidanceOptions
    calls: int
    image: float | None = None
    needs_uncond: bool = False
    still: Callable[[Tensor, Tensor], Tensor] = diffusion_still


class GuidanceCall(NamedTuple):
    """One call: its number, the noisy latents and their level [n], and the prompts that hold, each as one row.

    `conds` are the sides of AND with their `weights` (of regions [1, 1, h, w]), `uncond` is the negative prompt, `concat` the further
    channels of the batch or None.
    """

    number: int
    x: Tensor
    sigma: Tensor
    conds: Sequence[Conditioning]
    weights: Sequence[float | Tensor]
    uncond: Conditioning
    concat: Tensor | None
    guidance: Guidance


class Branch(NamedTuple):
    """One prediction to ask for."""

    cond: Conditioning
    concat: Tensor | None


class Guided(NamedTuple):
    """The guided prediction of the clean latent, and the unconditional one, which some samplers go on with."""

    result: Tensor
    uncond: Tensor


class Guide(Protocol):
    """A way to guide one run. It may keep what it has seen of earlier calls."""

    def branches(self, call: GuidanceCall) -> Sequence[Branch]:
        """What to ask the network for. Branches of equal length go through it together."""
        ...

    def combine(self, call: GuidanceCall, predicted: Sequence[Tensor]) -> Guided:
        """One prediction out of the branches', which come in their order."""
        ...


class Unguided:
    """The prompt's predictions by their weights."""

    def branches(self, call: GuidanceCall) -> Sequence[Branch]:
        return [Branch(cond, call.concat) for cond in call.conds]

    def combine(self, call: GuidanceCall, predicted: Sequence[Tensor]) -> Guided:
        return Guided(unguided(predicted, call.weights), predicted[0])


class ClassifierFree:
    """Away from the negative prompt's prediction (Ho & Salimans 2022), with the rules that leave it out at some calls."""

    def __init__(self, guidance: Guidance) -> None:
        self._rule, self._unguided = SkipRule(guidance.options, guidance.calls), Unguided()

    def branches(self, call: GuidanceCall) -> Sequence[Branch]:
        prompts = self._unguided.branches(call)
        leaves_out = self._skips(call) and not call.guidance.needs_uncond
        return prompts if leaves_out else [*prompts, Branch(call.uncond, call.concat)]

    def combine(self, call: GuidanceCall, predicted: Sequence[Tensor]) -> Guided:
        if len(predicted) == len(call.conds):
            return self._unguided.combine(call, predicted)
        *conds, negative = predicted
        if self._skips(call):
            return Guided(unguided(conds, call.weights), negative)
        guidance = call.guidance
        guided = combine(negative, conds, call.weights, guidance.scale)
        return Guided(rescale(guided, conds[0], guidance.options.rescale, call.x, call.sigma, guidance.still), negative)

    def _skips(self, call: GuidanceCall) -> bool:
        """Whether the negative prompt is left out; sigma is read from the device only where a rule asks for it."""
        level = float(call.sigma[0]) if call.guidance.options.min_sigma > 0 else 0.0
        return call.guidance.scale == 1.0 or self._rule.skips(call.number, level)


class InstructPix2Pix:
    """Two scales, for the instruction and for the picture (Brooks et al. 2022): with both, with the picture only, with neither."""

    def branches(self, call: GuidanceCall) -> Sequence[Branch]:
        nothing = None if call.concat is None else torch.zeros_like(call.concat)
        return [*(Branch(cond, call.concat) for cond in call.conds), Branch(call.uncond, call.concat), Branch(call.uncond, nothing)]

    def combine(self, call: GuidanceCall, predicted: Sequence[Tensor]) -> Guided:
        *conds, with_image, neither = predicted
        guidance = call.guidance
        return Guided(combine_edit(neither, with_image, conds, call.weights, guidance.scale, guidance.image or 1.0), neither)


def builtin_guide(guidance: Guidance) -> Guide:
    """What a request without an extension's guider is made with."""
    return InstructPix2Pix() if guidance.image is not None and guidance.image != 1.0 else ClassifierFree(guidance)
