"""The denoiser that samplers call: a guide's branches over the prompts of this step, asked for together."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from webui.generation.conditioning import Encoded
from webui.generation.guiders import Branch, Guidance, GuidanceCall, Guide, builtin_guide
from webui.models.conditioning import EVERYWHERE, Conditioning, Couple
from webui.plugins.types import Denoiser
from webui.prompts.encode import Part, Scheduled, pad_pair, pad_pair_v0, stack

MOST_ROWS = 16
"""Pictures times prompts in one call of the model: many prompts joined by AND take time, not memory. Two prompts always go together."""


class CFGDenoiser:
    """`(x, sigma) -> denoised` by a guide (left out: `builtin_guide`). Counts its calls, for prompts and rules that change with the step.

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
        guide: Guide | None = None,
    ) -> None:
        self._denoiser = denoiser
        self._encoded = encoded
        self._guidance = guidance
        self._guide = guide or builtin_guide(guidance)
        self._concat = concat
        self._extra = extra
        self._called = called
        self._calls = 0

    def __call__(self, x: Tensor, sigma: Tensor, **_: Any) -> Tensor:
        """One guided prediction of the clean latents."""
        conds, uncond = self._prompts(self._calls)
        weights = [part.weight for part in self._encoded.positive]
        share = self._guidance.share() if self._guidance.parts else 0.0
        call = GuidanceCall(self._calls, x, sigma, conds, weights, uncond, self._concat, self._guidance, share)
        self._calls += 1
        branches = self._guide.branches(call)
        for part in self._guidance.parts:
            branches = part.branches(call, branches)
        guided = self._guide.combine(call, self._ask(call, x, branches))
        for part in self._guidance.parts:
            guided = part.after(call, guided, partial(self._ask, call))
        self._extra["uncond"] = guided.uncond
        return guided.result

    def _ask(self, call: GuidanceCall, x: Tensor, branches: Sequence[Branch]) -> list[Tensor]:
        """One prediction of the whole batch per branch."""
        patches = tuple(patch for part in self._guidance.parts for patch in part.patches(call))
        if patches:
            branches = [branch._replace(patches=(*patches, *branch.patches)) for branch in branches]
        predicted = list(self._predict(call.number, x, call.sigma, branches))
        self._called()
        return predicted

    def skip_to(self, calls: int) -> None:
        """Count as if so many calls had been made: prompts and rules hold as at that step."""
        self._calls = calls

    def _prompts(self, call: int) -> tuple[list[Conditioning], Conditioning]:
        """What holds at this call, each as one row. The negative prompt counts with every set of adapters, where it does."""
        conds, uncond = self._rows(call, self._encoded.negative)
        placed = [
            replace(cond, place=part.place, couple=_couple(part, call)) if part.place or part.beside else cond
            for cond, part in zip(conds, self._encoded.positive, strict=True)
        ]
        return placed, replace(uncond, place=EVERYWHERE) if self._encoded.spread else uncond

    def _rows(self, call: int, negative: Part) -> tuple[list[Conditioning], Conditioning]:
        entries, entry = [part.at(call) for part in self._encoded.positive], negative.at(call)
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

    def _predict(self, call: int, x: Tensor, sigma: Tensor, branches: Sequence[Branch]) -> Iterator[Tensor]:
        """One prediction of the whole batch per branch; what holds `EVERYWHERE` is made of those with each set of adapters."""
        asked: list[tuple[Conditioning, Tensor | None]] = []
        weights: list[list[float | Tensor]] = []
        for cond, concat, patches in branches:
            parts = self._encoded.spread if cond.place == EVERYWHERE else ()
            weights.append([part.weight for part in parts])
            made_of = [replace(self._rows(call, part)[1], place=part.place) for part in parts] or [cond]
            asked += [(replace(each, patches=patches) if patches else each, concat) for each in made_of]
        made = self._together(x, sigma, [cond for cond, _ in asked], [concat for _, concat in asked])
        for each in weights:
            yield torch.stack([next(made) * weight for weight in each]).sum(0) if each else next(made)

    def _together(self, x: Tensor, sigma: Tensor, conds: Sequence[Conditioning], concats: Sequence[Tensor | None]) -> Iterator[Tensor]:
        """Those of equal length and adapters go through the model together."""
        found: dict[int, Tensor] = {}
        most = max(MOST_ROWS // len(x), 2)
        keys = [(cond.tokens, cond.place, cond.couple and id(cond.couple), cond.patches) for cond in conds]
        for key in dict.fromkeys(keys):
            equal = [number for number, other in enumerate(keys) if other == key]
            for numbers in (equal[start : start + most] for start in range(0, len(equal), most)):
                cond = Conditioning.cat([conds[number].expand(len(x)) for number in numbers])
                parts = [concat for number in numbers if (concat := concats[number]) is not None]
                output = self._denoiser(
                    torch.cat([x] * len(numbers)), torch.cat([sigma] * len(numbers)), cond=cond, concat=torch.cat(parts) if parts else None
                )
                found.update(zip(numbers, output.chunk(len(numbers)), strict=True))
        return (found[number] for number in range(len(conds)))


def _couple(part: Part, call: int) -> Couple | None:
    """What the prediction looks at besides its own prompt at this call."""
    beside = part.beside
    return None if beside is None else Couple(tuple(each.at(call).cond[None] for each in beside.parts), beside.shares)
