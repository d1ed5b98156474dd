"""Guidance: which predictions one call of the denoiser asks the network for, and how they become one.

A `Guide` names branches (a prompt, with further channels) and combines their predictions of the clean latent. Classifier-free guidance,
InstructPix2Pix's two scales and no guidance are the built-in ones; extensions add others by `register_guiders`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from webui.core.request import GuidanceOptions, ResolvedRequest
from webui.models.conditioning import Conditioning, NetworkPatch
from webui.models.model import Model
from webui.models.prediction import EpsPrediction
from webui.samplers.guidance import SkipRule, combine, combine_edit, diffusion_still, rescale, unguided


@dataclass(frozen=True)
class Guidance:
    """How strictly the prompt is followed. `image` is the start picture's scale in instruct-pix2pix models, None in others.

    `needs_uncond`: the sampler wants the true unconditional prediction of each call, also where guidance does not.
    `still` is `Prediction.still`. `parts` are what else is done in this run, `share()` says how far it is (`GuidanceCall.share`).
    """

    scale: float
    options: GuidanceOptions
    calls: int
    image: float | None = None
    needs_uncond: bool = False
    still: Callable[[Tensor, Tensor], Tensor] = diffusion_still
    parts: "tuple[GuidancePart, ...]" = ()
    share: Callable[[], float] = float


class GuidanceCall(NamedTuple):
    """One call: its number, the noisy latents and their level [n], and the prompts that hold, each as one row.

    `conds` are the sides of AND with their `weights` (of regions [1, 1, h, w]), `uncond` is the negative prompt, `concat` the further
    channels of the batch or None. `share` says how far the run is, from 0 to 1, as A1111 counts: the number of the last finished step.
    """

    number: int
    x: Tensor
    sigma: Tensor
    conds: Sequence[Conditioning]
    weights: Sequence[float | Tensor]
    uncond: Conditioning
    concat: Tensor | None
    guidance: Guidance
    share: float = 0.0


class Branch(NamedTuple):
    """One prediction to ask for, with what is changed inside the network for it."""

    cond: Conditioning
    concat: Tensor | None
    patches: tuple[NetworkPatch, ...] = ()


class Guided(NamedTuple):
    """The guided prediction of the clean latent, and the unconditional one, which some samplers go on with.

    `cond` and `negative` are the prompt's and the negative prompt's own, for `GuidancePart`s; None where they were not made.
    """

    result: Tensor
    uncond: Tensor
    cond: Tensor | None = None
    negative: Tensor | None = None


class Guide(Protocol):
    """A way to guide one run. It may keep what it has seen of earlier calls."""

    def branches(self, call: GuidanceCall) -> Sequence[Branch]:
        """What to ask the network for. Branches of equal length go through it together."""
        ...

    def combine(self, call: GuidanceCall, predicted: Sequence[Tensor]) -> Guided:
        """One prediction out of the branches', which come in their order."""
        ...


Ask = Callable[[Tensor, Sequence[Branch]], list[Tensor]]
"""Asks the network again within a call: other latents at the same noise level, and branches. Gives one prediction each."""
Formula = Callable[[GuidanceCall, Tensor, Tensor], Tensor]
"""Makes one prediction of the prompt's and the negative prompt's."""


@dataclass(frozen=True)
class GuidanceRun:
    """One pass of one batch, before it starts. `note` tells the user something. The request is the pass's own."""

    request: ResolvedRequest
    model: Model
    phase: str
    seeds: tuple[int, ...]
    note: Callable[[str], None]


def noise_prediction(run: GuidanceRun, left_out: str, idle: str) -> EpsPrediction | None:
    """The prediction of a diffusion model, for a part that changes guidance's formula.

    None for another kind, and `left_out` is told; at CFG scale 1, which asks no negative prompt, `idle` is.
    """
    prediction = run.model.prediction
    if not isinstance(prediction, EpsPrediction):
        run.note(left_out)
        return None
    if run.request.guidance == 1:
        run.note(idle)
    return prediction


class GuidancePart:
    """Something that is done in one run besides guidance. A subclass says what; each method leaves things as they are.

    It may keep what it has seen of earlier calls.
    """

    formula: Formula | None = None
    """What takes the place of classifier-free guidance's formula. Of several the last one's."""

    def patches(self, call: GuidanceCall) -> Sequence[NetworkPatch]:
        """What is changed inside the network. Asked each time the network is: a call may ask it more than once."""
        return ()

    def branches(self, call: GuidanceCall, branches: Sequence[Branch]) -> Sequence[Branch]:
        """What the guide asks for, changed."""
        return branches

    def after(self, call: GuidanceCall, guided: Guided, ask: Ask) -> Guided:
        """What the guide made of it, changed. `ask` calls the network again."""
        return guided


class Unguided:
    """The prompt's predictions by their weights."""

    def branches(self, call: GuidanceCall) -> Sequence[Branch]:
        return [Branch(cond, call.concat) for cond in call.conds]

    def combine(self, call: GuidanceCall, predicted: Sequence[Tensor]) -> Guided:
        result = unguided(predicted, call.weights)
        return Guided(result, predicted[0], result)


class ClassifierFree:
    """Away from the negative prompt's prediction (Ho & Salimans 2022), with the rules that leave it out at some calls."""

    def __init__(self, guidance: Guidance) -> None:
        self._rule, self._unguided = SkipRule(guidance.options, guidance.calls), Unguided()
        self._formula = next((part.formula for part in reversed(guidance.parts) if part.formula is not None), None)

    def branches(self, call: GuidanceCall) -> Sequence[Branch]:
        prompts = self._unguided.branches(call)
        leaves_out = self._skips(call) and not call.guidance.needs_uncond
        return prompts if leaves_out else [*prompts, Branch(call.uncond, call.concat)]

    def combine(self, call: GuidanceCall, predicted: Sequence[Tensor]) -> Guided:
        if len(predicted) == len(call.conds):
            return self._unguided.combine(call, predicted)
        *conds, negative = predicted
        if self._skips(call):
            result = unguided(conds, call.weights)
            return Guided(result, negative, result)
        guidance = call.guidance
        cond = _whole(negative, conds, call.weights) if guidance.parts else None
        if self._formula is not None and cond is not None:
            guided = self._formula(call, cond, negative)
        else:
            guided = combine(negative, conds, call.weights, guidance.scale)
        result = rescale(guided, conds[0], guidance.options.rescale, call.x, call.sigma, guidance.still)
        return Guided(result, negative, cond, negative)

    def _skips(self, call: GuidanceCall) -> bool:
        """Whether the negative prompt is left out; sigma is read from the device only where a rule asks for it."""
        level = float(call.sigma[0]) if call.guidance.options.min_sigma > 0 else 0.0
        return call.guidance.scale == 1.0 or self._rule.skips(call.number, level)


def _whole(negative: Tensor, conds: Sequence[Tensor], weights: Sequence[float | Tensor]) -> Tensor:
    """The sides of AND as one prediction, which guided by a scale gives what they give together."""
    alone = len(conds) == 1 and isinstance(weights[0], float | int) and weights[0] == 1.0
    return conds[0] if alone else combine(negative, conds, weights, 1.0)


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
