"""Sets of weights that stand in for a model's own: which is on, and the finished ones that are kept for the next time.

The model's own tensors are set aside while a set is on and put back as they were: nothing is ever computed back.
"""

from collections.abc import Hashable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

import psutil
import torch
from torch import Tensor, nn

from webui.models.offload import Offload
from webui.models.packing import Held, held, put, storages

MOST_BYTES = 8 * 2**30
"""Finished sets that are kept take no more than this, and no more than half of the memory that is free."""
Recipe = tuple[Hashable, ...]
"""What a tensor was made from: changes and their strengths, in order."""


@dataclass(frozen=True, eq=False)
class WeightPatch:
    """The finished tensors of one set of adapters, by the parameter they stand in for. `recipes` say what each was made from."""

    key: Hashable = ()
    tensors: Mapping[nn.Parameter, Held] = field(default_factory=dict)
    recipes: Mapping[nn.Parameter, Recipe] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    words: Mapping[str, tuple[Tensor, ...]] = field(default_factory=dict)
    """Embeddings that came with the adapters: for each text encoder their vectors."""

    def storages(self) -> dict[int, int]:
        """Bytes of its tensors by where their numbers lie: sets may share them."""
        return {place: size for tensor in self.tensors.values() for place, size in storages(tensor).items()}


NOTHING = WeightPatch()


class WeightSets:
    """The sets of one model. At most one is on; `jobs` counts who needs sets, `held` says what they asked for."""

    def __init__(self) -> None:
        self.on: WeightPatch = NOTHING
        self.jobs = 0
        self.held: Hashable = ()
        self._base: list[tuple[nn.Parameter, Held]] = []
        self._kept: dict[Hashable, WeightPatch] = {}
        self._half: dict[nn.Parameter, bool] = {}

    def put_on(self, patch: WeightPatch, offload: Offload) -> None:
        """Make the model's weights this set's, all others its own. Costs no computing."""
        if patch is self.on:
            return
        offload.unload_all()
        for parameter, tensor in self._base:
            put(parameter, tensor)
        self._base = [(parameter, held(parameter)) for parameter in patch.tensors]
        self.on = patch
        for parameter, tensor in patch.tensors.items():
            put(parameter, tensor)

    def bases(self) -> dict[nn.Parameter, Held]:
        """The model's own tensors of the parameters that the set on has replaced, as they are kept."""
        return dict(self._base)

    def is_half(self, parameter: nn.Parameter, base: Tensor) -> bool:
        """Whether float16 holds the model's own numbers of a parameter exactly: they came from such a file."""
        if parameter not in self._half:
            self._half[parameter] = torch.equal(base.to(torch.float16).to(base.dtype), base)
        return self._half[parameter]

    def known(self, key: Hashable) -> WeightPatch | None:
        """A finished set that is still kept."""
        patch = self._kept.pop(key, None)
        if patch is not None:
            self._kept[key] = patch  # the last used is the last to go
        return patch

    def made(self, parameter: nn.Parameter, recipe: Recipe) -> Held | None:
        """A tensor made from the same changes for another set."""
        for patch in self._kept.values():
            if patch.recipes.get(parameter) == recipe:
                return patch.tensors[parameter]
        return None

    def keep(self, patch: WeightPatch) -> None:
        """Keep a finished set, and let go of those not used for longest where all together would take too much."""
        self._kept[patch.key] = patch
        self.trim(_room(patch))

    def trim(self, most: int = 0) -> None:
        """Let go of sets, the longest unused first, until the rest take at most so many bytes. The newest, and the one on, stay."""
        for key in list(self._kept)[:-1]:
            if self._bytes() <= most:
                return
            if self._kept[key] is not self.on:
                del self._kept[key]

    def _bytes(self) -> int:
        sizes: dict[int, int] = {}
        for patch in self._kept.values():
            sizes |= patch.storages()
        return sum(sizes.values())


def _room(patch: WeightPatch) -> int:
    """How many bytes the sets may take together where this one's tensors lie."""
    device = next((parameter.device for parameter in patch.tensors), torch.device("cpu"))
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available
    taken = sum(patch.storages().values())
    return min(MOST_BYTES, taken + free // 2)


@dataclass
class Hooked:
    """Hooks that are on: for how many jobs, what they asked for, and how it comes off."""

    jobs: int = 0
    key: Hashable = ()
    hooks: ExitStack = field(default_factory=ExitStack)
