"""What the denoising network is conditioned on: the encoded prompt, and vectors such as SDXL's pooled text and picture sizes."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from webui.errors import RequestError

EVERYWHERE = -1
"""The `place` of what is predicted with every set of adapters, each where its areas lie."""


@dataclass(frozen=True, eq=False)
class Couple:
    """What else cross-attention looks at, and where: attention couple, regional prompts within one prediction.

    `contexts` are [1, tokens, width] each. `shares` [1 + contexts, h, w] say how much the row's own context and each of these counts at a
    latent pixel, together 1.
    """

    contexts: tuple[Tensor, ...]
    shares: Tensor

    def to(self, device: torch.device, dtype: torch.dtype) -> "Couple":
        """The same where the network computes, and in its type."""
        return Couple(tuple(context.to(device, dtype) for context in self.contexts), self.shares.to(device))

    def cut(self, rows: slice, columns: slice) -> "Couple":
        """The same for a tile of the latents."""
        return replace(self, shares=self.shares[:, rows, columns])

    def shares_of(self, tokens: int) -> Tensor:
        """The shares [1 + contexts, tokens] on the level of a UNet that has so many tokens: each halves the sides, rounded up.

        Raises `RequestError` for a network whose tokens lie otherwise.
        """
        height, width = self.shares.shape[-2:]
        while height * width > max(tokens, 1):
            height, width = (height + 1) // 2, (width + 1) // 2
        if height * width != tokens:
            said = "This checkpoint's network does not look at the picture place by place. Choose latent couple."
            raise RequestError("regions.method", said)
        return adaptive_avg_pool2d(self.shares[None], (height, width))[0].flatten(1)


class NetworkPatch:
    """What is changed inside the network for the length of one call (`models.patches` has those of UNets)."""

    @property
    def key(self) -> Hashable:
        """Patches of equal keys do the same: calls with them may go through the network together. By default only its own."""
        return self

    def rows(self, start: int, stop: int) -> "NetworkPatch":
        """The same for images `start` to `stop`."""
        return self


@dataclass(frozen=True, eq=False)
class Conditioning:
    """One row per image.

    `mask` [n, tokens] is true where a token counts (None: everywhere). Without `repeats` the network minds how often a token stands
    there, as joint attention over picture and text does: only contexts of equal length go together.
    `context` [n, tokens, width] goes through cross-attention. `vectors` are further inputs by name, each [n, d]: SDXL has "pooled"
    (of the second text encoder) and "time_ids" (sizes and crop in pixels, or the refiner's aesthetic score).
    `place` is the set of adapters that it is predicted with: 0 the prompt's, n that of area n, or `EVERYWHERE`.
    `patches` are on while it is predicted.
    """

    context: Tensor
    vectors: Mapping[str, Tensor] = field(default_factory=dict)
    mask: Tensor | None = None
    repeats: bool = True
    couple: Couple | None = None
    place: int = 0
    patches: tuple[NetworkPatch, ...] = ()

    @property
    def tokens(self) -> int:
        """Length of the context."""
        return self.context.shape[1]

    def shape_key(self) -> tuple[object, ...]:
        """What must be equal for two to go through the network together, but for the context's length."""
        vectors = tuple(sorted((name, vector.shape[1:]) for name, vector in self.vectors.items()))
        couple = None if self.couple is None else id(self.couple)  # alone: its shares are for its own pictures
        patches = tuple(patch.key for patch in self.patches)
        return self.context.shape[2:], vectors, self.mask is None, None if self.repeats else self.tokens, couple, patches

    def repeat_context(self, times: int) -> Self:
        """The same with the context written `times` times in a row: cross-attention over it gives the same."""
        if times == 1:
            return self
        mask = None if self.mask is None else self.mask.repeat(1, times)
        return replace(self, context=self.context.repeat(1, times, 1), mask=mask)

    def rows(self, start: int, stop: int) -> Self:
        """The same for images `start` to `stop`."""
        vectors = {name: vector[start:stop] for name, vector in self.vectors.items()}
        mask = None if self.mask is None else self.mask[start:stop]
        patches = tuple(patch.rows(start, stop) for patch in self.patches)
        return replace(self, context=self.context[start:stop], vectors=vectors, mask=mask, patches=patches)

    def expand(self, count: int) -> Self:
        """One row for `count` images."""
        vectors = {name: vector.expand(count, -1) for name, vector in self.vectors.items()}
        mask = None if self.mask is None else self.mask.expand(count, -1)
        return replace(self, context=self.context.expand(count, -1, -1), vectors=vectors, mask=mask)

    def cut(self, rows: slice, columns: slice) -> Self:
        """The same for a tile of the latents."""
        return self if self.couple is None else replace(self, couple=self.couple.cut(rows, columns))

    def joined_by(self, vectors: Mapping[str, Tensor]) -> Self:
        """The same with further vectors."""
        return replace(self, vectors={**self.vectors, **vectors}) if vectors else self

    @classmethod
    def cat(cls, parts: Sequence["Conditioning"]) -> Self:
        """The rows of all, whose contexts are repeated up to their least common length."""
        length = math.lcm(*(part.tokens for part in parts))
        alike = [part.repeat_context(length // part.tokens) for part in parts]
        vectors = {name: torch.cat([part.vectors[name] for part in parts]) for name in parts[0].vectors}
        masks = [part.mask for part in alike if part.mask is not None]
        context, mask = torch.cat([part.context for part in alike]), torch.cat(masks) if masks else None
        first = parts[0]
        return cls(context, vectors, mask, first.repeats, first.couple, first.place, first.patches)
