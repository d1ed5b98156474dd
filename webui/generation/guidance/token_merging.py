"""Token merging (Bolya & Hoffman 2023, arXiv:2303.17604): in the largest self-attentions like tokens ask as one."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from webui.generation.guiders import GuidanceCall, GuidancePart, GuidanceRun
from webui.models.conditioning import NetworkPatch
from webui.models.patches import OwnAttention, SelfAttention, UNetPatch, self_attentions

IDLE = "Token merging changed nothing: this checkpoint's network has no self-attention at the latents' full size."


def make(run: GuidanceRun) -> GuidancePart | None:
    """Merging for a run that asks for it; a note instead where the network has nothing to merge."""
    options = run.request.token_merging
    if options is None:
        return None
    ratio = options.hires_ratio or options.ratio if run.phase == "hires" else options.ratio
    if not ratio:
        return None
    if not any(name.startswith("down_blocks.0.") for name, _ in self_attentions(run.model.unet)):
        run.note(IDLE)
        return None
    return Merging(ratio, run.seeds)


class Merging(GuidancePart):
    """Draws new targets for each call. Each picture draws from a generator of its own, seeded as Forge seeds the one picture it makes."""

    def __init__(self, ratio: float, seeds: Sequence[int]) -> None:
        self._ratio = ratio
        self._generators = [torch.Generator().manual_seed((seed + 100_000) % 65_536) for seed in seeds]

    def patches(self, call: GuidanceCall) -> Sequence[NetworkPatch]:
        return (MergingPatch(self._ratio, Draws(self._generators)),)


class Draws:
    """The targets of one call, drawn when an attention asks first: parts of a batch that are asked one after another share them."""

    def __init__(self, generators: Sequence[torch.Generator]) -> None:
        self._generators = generators
        self._drawn: dict[tuple[str, int, int], Tensor] = {}

    def of(self, name: str, height: int, width: int) -> Tensor:
        """For each picture which of the four tokens of each cell is the target: [n, height, width]."""
        key = (name, height, width)
        if key not in self._drawn:
            drawn = [torch.randint(4, (height, width, 1), generator=generator)[..., 0] for generator in self._generators]
            self._drawn[key] = torch.stack(drawn)
        return self._drawn[key]


class MergingPatch(UNetPatch):
    """Merges what asks in the self-attentions at full size. `first` is the number of the first row that is asked for."""

    def __init__(self, ratio: float, draws: Draws, first: int = 0) -> None:
        self._ratio, self._draws, self._first = ratio, draws, first

    def rows(self, start: int, stop: int) -> "MergingPatch":
        return MergingPatch(self._ratio, self._draws, self._first + start)

    def attention(self, site: SelfAttention, processor: Callable[..., Tensor]) -> Callable[..., Tensor]:
        height, width = site.size

        def attend(attn: Any, hidden_states: Tensor) -> Tensor:
            if hidden_states.shape[1] != height * width or min(height, width) < 2:
                return processor(attn, hidden_states)
            drawn = self._draws.of(site.name, height // 2, width // 2)
            rows = torch.arange(self._first, self._first + len(hidden_states)) % len(drawn)
            merge = merge_of(hidden_states, targets(drawn[rows], height, width).to(hidden_states.device), self._ratio)
            made = processor(attn, merge.merged(hidden_states), hidden_states)
            return merge.unmerged(made)

        return OwnAttention(attend)


def targets(drawn: Tensor, height: int, width: int) -> Tensor:
    """True at the target of each 2 × 2 cell [n, height · width]; what an odd side leaves over is none."""
    rows, columns = drawn.shape[1:]
    found = torch.zeros(len(drawn), height, width, dtype=torch.bool)
    cells = torch.nn.functional.one_hot(drawn, 4).bool().view(-1, rows, columns, 2, 2).transpose(2, 3)
    found[:, : rows * 2, : columns * 2] = cells.reshape(-1, rows * 2, columns * 2)
    return found.flatten(1)


class Merge(NamedTuple):
    """Which tokens are merged. `kept` and `targets` are asked for, `sources[i]` is merged into target number `into[i]`. All [n, …]."""

    kept: Tensor
    targets: Tensor
    sources: Tensor
    into: Tensor

    def merged(self, tokens: Tensor) -> Tensor:
        """Those that are kept, then the targets, each averaged with what is merged into it."""
        kept, found, sources = (_taken(tokens, places) for places in (self.kept, self.targets, self.sources))
        into = self.into[..., None].expand_as(sources)
        return torch.cat([kept, found.scatter_reduce(1, into, sources, reduce="mean")], dim=1)

    def unmerged(self, made: Tensor) -> Tensor:
        """All tokens again: what was merged has its target's."""
        kept, found = made[:, : self.kept.shape[1]], made[:, self.kept.shape[1] :]
        count = self.kept.shape[1] + self.targets.shape[1] + self.sources.shape[1]
        result = made.new_empty(len(made), count, made.shape[2])
        for places, values in ((self.kept, kept), (self.targets, found), (self.sources, _taken(found, self.into))):
            result.scatter_(1, places[..., None].expand_as(values), values)
        return result


def merge_of(tokens: Tensor, is_target: Tensor, ratio: float) -> Merge:
    """Merge the `ratio` · all tokens that are most like a target, each into the one it is most like."""
    order = is_target.to(torch.int8).argsort(dim=1, descending=True, stable=True)
    count = int(is_target[0].sum())
    chosen, others = order[:, :count], order[:, count:]
    unit = tokens / tokens.norm(dim=-1, keepdim=True).clamp(min=torch.finfo(tokens.dtype).tiny)
    likeness, best = (_taken(unit, others) @ _taken(unit, chosen).transpose(1, 2)).max(-1)
    by_likeness = likeness.argsort(dim=-1, descending=True)
    merged = min(others.shape[1], int(tokens.shape[1] * ratio))
    first, rest = by_likeness[:, :merged], by_likeness[:, merged:]
    return Merge(others.gather(1, rest), chosen, others.gather(1, first), best.gather(1, first))


def _taken(tokens: Tensor, places: Tensor) -> Tensor:
    return tokens.gather(1, places[..., None].expand(-1, -1, tokens.shape[-1]))
