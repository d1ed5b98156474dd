"""The denoiser that samplers call: a guide's branches over the prompts of this step, asked for together."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import is_not
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from webui.generation.conditioning import Encoded
from webui.generation.guiders import Branch, Guidance, GuidanceCall, Guide, builtin_guide
from webui.models.conditioning import EVERYWHERE, Conditioning, Couple
from webui.plugins.types import Denoiser
from webui.prompts.encode import Part, Scheduled, pad_pair, pad_pair_v0, stack

T = TypeVar("T")
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
        self._rows_kept: _Once[tuple[list[Conditioning], Conditioning]] = _Once()
        self._joined_kept: _Once[Conditioning] = _Once()

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
        """What holds at this call, each as one row. The negative prompt counts with every set of adapters, where it does.

        Most prompts are the same at every call: then the rows are the very objects of the call before.
        """
        sides = (*self._encoded.positive, self._encoded.negative)
        beside = (part for side in sides if side.beside is not None for part in side.beside.parts)
        return self._rows_kept.of([part.at(call) for part in (*sides, *beside)], lambda: self._rows_of(call))

    def _rows_of(self, call: int) -> tuple[list[Conditioning], Conditioning]:
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
                rows = [conds[number] for number in numbers]
                cond = self._joined_kept.of(rows, partial(_joined, rows, len(x)), len(x))
                parts = [concat for number in numbers if (concat := concats[number]) is not None]
                output = self._denoiser(
                    torch.cat([x] * len(numbers)), torch.cat([sigma] * len(numbers)), cond=cond, concat=torch.cat(parts) if parts else None
                )
                found.update(zip(numbers, output.chunk(len(numbers)), strict=True))
        return (found[number] for number in range(len(conds)))


class _Once(Generic[T]):
    """What was made of the last objects: made again when one of them is another."""

    def __init__(self) -> None:
        self._of: list[object] = []
        self._count = 0
        self._made: T | None = None

    def of(self, objects: Sequence[object], make: Callable[[], T], count: int = 0) -> T:
        """What `make` gives, or gave for the same objects and the same count."""
        if self._made is None or (count, len(objects)) != (self._count, len(self._of)) or any(map(is_not, objects, self._of)):
            self._of, self._count, self._made = list(objects), count, make()
        return self._made


def _joined(rows: Sequence[Conditioning], count: int) -> Conditioning:
    """Each for so many images, one after the other."""
    return Conditioning.cat([row.expand(count) for row in rows])


def _couple(part: Part, call: int) -> Couple | None:
    """What the prediction looks at besides its own prompt at this call."""
    beside = part.beside
    return None if beside is None else Couple(tuple(each.at(call).cond[None] for each in beside.parts), beside.shares)
