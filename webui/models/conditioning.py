"""What the denoising network is conditioned on: the encoded prompt, and vectors such as SDXL's pooled text and picture sizes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Conditioning:
    """One row per image.

    `context` [n, tokens, width] goes through cross-attention. `vectors` are further inputs by name, each [n, d]: SDXL has "pooled"
    (of the second text encoder) and "time_ids" (sizes and crop in pixels, or the refiner's aesthetic score).
    """

    context: Tensor
    vectors: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """Length of the context."""
        return self.context.shape[1]

    def shape_key(self) -> tuple[object, ...]:
        """What must be equal for two to go through the network together, but for the context's length."""
        return self.context.shape[2:], tuple(sorted((name, vector.shape[1:]) for name, vector in self.vectors.items()))

    def repeat_context(self, times: int) -> Self:
        """The same with the context written `times` times in a row: cross-attention over it gives the same."""
        return self if times == 1 else type(self)(self.context.repeat(1, times, 1), self.vectors)

    def expand(self, count: int) -> Self:
        """One row for `count` images."""
        return type(self)(self.context.expand(count, -1, -1), {name: vector.expand(count, -1) for name, vector in self.vectors.items()})

    @classmethod
    def cat(cls, parts: Sequence["Conditioning"]) -> Self:
        """The rows of all, whose contexts are repeated up to their least common length."""
        length = math.lcm(*(part.tokens for part in parts))
        contexts = [part.repeat_context(length // part.tokens).context for part in parts]
        vectors = {name: torch.cat([part.vectors[name] for part in parts]) for name in parts[0].vectors}
        return cls(torch.cat(contexts), vectors)
