"""The denoiser that samplers call: classifier-free guidance over the prompts of this step."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from webui.core.request import GuidanceOptions
from webui.generation.conditioning import Encoded
from webui.models.conditioning import Conditioning
from webui.plugins.types import Denoiser
from webui.prompts.encode import Scheduled, pad_pair, pad_pair_v0, stack
from webui.samplers.guidance import SkipRule, combine, combine_edit, diffusion_still, rescale, unguided

MOST_ROWS = 16
"""Pictures times prompts in one call of the model: many prompts joined by AND take time, not memory. Two prompts always go together."""


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


class CFGDenoiser:
    """`(x, sigma) -> denoised` with classifier-free guidance. Counts its calls, for prompts and rules that change with the step.

    `extra` is the dictionary that samplers hand on: the unconditional prediction of the last call is put there for CFG++.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        encoded: Encoded,
        guidance: Guidance,
        concat: Tensor | None,
        extra: dict[str, Any],
        called: Callable[[], None],
    ) -> None:
        self._denoiser = denoiser
        self._encoded = encoded
        self._guidance = guidance
        self._rule = SkipRule(guidance.options, guidance.calls)
        self._concat = concat
        self._extra = extra
        self._called = called
        self._calls = 0

    def __call__(self, x: Tensor, sigma: Tensor, **_: Any) -> Tensor:
        """One guided prediction of the clean latents."""
        call, guidance = self._calls, self._guidance
        self._calls += 1
        weights = [part.weight for part in self._encoded.positive]
        conds, uncond = self._prompts(call)
        edits = guidance.image is not None and guidance.image != 1.0
        skips = not edits and self._skips(call, sigma)
        if skips and not guidance.needs_uncond:
            predicted = list(self._predict(x, sigma, conds, [self._concat] * len(conds)))
            self._extra["uncond"] = predicted[0]
            result = unguided(predicted, weights)
        elif edits:
            result = self._edited(x, sigma, conds, uncond, weights)
        else:
            *predicted, negative = self._predict(x, sigma, [*conds, uncond], [self._concat] * (len(conds) + 1))
            self._extra["uncond"] = negative
            guided = unguided(predicted, weights) if skips else combine(negative, predicted, weights, guidance.scale)
            result = guided if skips else rescale(guided, predicted[0], guidance.options.rescale, x, sigma, guidance.still)
        self._called()
        return result

    def _edited(self, x: Tensor, sigma: Tensor, conds: Sequence[Conditioning], uncond: Conditioning, weights: Sequence[float]) -> Tensor:
        """instruct-pix2pix: with both, with the picture only, with neither."""
        nothing = None if self._concat is None else torch.zeros_like(self._concat)
        concats = [*[self._concat] * (len(conds) + 1), nothing]
        *predicted, picture, neither = self._predict(x, sigma, [*conds, uncond, uncond], concats)
        self._extra["uncond"] = neither
        return combine_edit(neither, picture, predicted, weights, self._guidance.scale, self._guidance.image or 1.0)

    def _skips(self, call: int, sigma: Tensor) -> bool:
        """Whether the negative prompt is left out; sigma is read from the device only where a rule asks for it."""
        options = self._guidance.options
        level = float(sigma[0]) if options.min_sigma > 0 else 0.0
        return self._guidance.scale == 1.0 or self._rule.skips(call, level)

    def _prompts(self, call: int) -> tuple[list[Conditioning], Conditioning]:
        """What holds at this call, each as one row."""
        entries, entry = [part.at(call) for part in self._encoded.positive], self._encoded.negative.at(call)
        if entry.whole is not None:
            whole = [each.whole.joined_by(self._encoded.vectors) for each in entries]
            return whole, entry.whole.joined_by(self._encoded.negative_vectors)
        contexts, uncond = self._padded([entry.cond for entry in entries], entry.cond)
        conds = [self._row(context, entry, self._encoded.vectors) for context, entry in zip(contexts, entries, strict=True)]
        return conds, self._row(uncond, entry, self._encoded.negative_vectors)

    def _row(self, context: Tensor, entry: Scheduled, static: Mapping[str, Tensor]) -> Conditioning:
        pooled = {} if entry.pooled is None else {"pooled": entry.pooled[None]}
        return Conditioning(context[None], {**pooled, **static})

    def _padded(self, conds: list[Tensor], uncond: Tensor) -> tuple[list[Tensor], Tensor]:
        """The contexts, made equally long where the request asks for it."""
        if len({len(cond) for cond in conds}) > 1:
            conds = list(stack(conds))
        options = self._guidance.options
        if options.pad_v0:
            return conds, pad_pair_v0(conds[0], uncond)[1]
        if options.pad:
            longest = max([uncond, *conds], key=len)
            return [pad_pair(cond, longest, self._encoded.empty)[0] for cond in conds], pad_pair(longest, uncond, self._encoded.empty)[1]
        return conds, uncond

    def _predict(self, x: Tensor, sigma: Tensor, conds: Sequence[Conditioning], concats: Sequence[Tensor | None]) -> Iterator[Tensor]:
        """One prediction of the whole batch per conditioning; those of equal length go through the model together."""
        found: dict[int, Tensor] = {}
        most = max(MOST_ROWS // len(x), 2)
        for length in dict.fromkeys(cond.tokens for cond in conds):
            equal = [place for place, cond in enumerate(conds) if cond.tokens == length]
            for places in (equal[start : start + most] for start in range(0, len(equal), most)):
                cond = Conditioning.cat([conds[place].expand(len(x)) for place in places])
                parts = [concat for place in places if (concat := concats[place]) is not None]
                output = self._denoiser(
                    torch.cat([x] * len(places)), torch.cat([sigma] * len(places)), cond=cond, concat=torch.cat(parts) if parts else None
                )
                found.update(zip(places, output.chunk(len(places)), strict=True))
        return (found[place] for place in range(len(conds)))
