"""What the denoising network is conditioned on: the encoded prompt, and vectors such as SDXL's pooled text and picture sizes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Conditioning:
    """One row per image.

    `mask` [n, tokens] is true where a token counts (None: everywhere). Without `repeats` the network minds how often a token stands
    there, as joint attention over picture and text does: only contexts of equal length go together.
    `context` [n, tokens, width] goes through cross-attention. `vectors` are further inputs by name, each [n, d]: SDXL has "pooled"
    (of the second text encoder) and "time_ids" (sizes and crop in pixels, or the refiner's aesthetic score).
    """

    context: Tensor
    vectors: Mapping[str, Tensor] = field(default_factory=dict)
    mask: Tensor | None = None
    repeats: bool = True

    @property
    def tokens(self) -> int:
        """Length of the context."""
        return self.context.shape[1]

    def shape_key(self) -> tuple[object, ...]:
        """What must be equal for two to go through the network together, but for the context's length."""
        vectors = tuple(sorted((name, vector.shape[1:]) for name, vector in self.vectors.items()))
        return self.context.shape[2:], vectors, self.mask is None, None if self.repeats else self.tokens

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
        return replace(self, context=self.context[start:stop], vectors=vectors, mask=mask)

    def expand(self, count: int) -> Self:
        """One row for `count` images."""
        vectors = {name: vector.expand(count, -1) for name, vector in self.vectors.items()}
        mask = None if self.mask is None else self.mask.expand(count, -1)
        return replace(self, context=self.context.expand(count, -1, -1), vectors=vectors, mask=mask)

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
        return cls(torch.cat([part.context for part in alike]), vectors, torch.cat(masks) if masks else None, parts[0].repeats)
