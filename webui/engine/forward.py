"""Several jobs' calls in one forward pass.

Prompts of different length go together by repetition: attention over a sequence and over the same sequence written twice gives the same
(each key's softmax weight is halved and counted twice), so every prompt is repeated up to the lengths' least common multiple.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from webui.engine.turns import Call, Decoding
from webui.pipelines.conditioning import Conditioning

TOGETHER = 512 * 512
"""Pixels that are decoded together at most: more would take more memory than the estimate of one picture, and gains nothing."""
LONGEST = 4
"""A prompt is repeated at most so many times; calls that would need more go in another pass."""


def groups(calls: Iterable[Call]) -> list[list[int]]:
    """Places of calls that fit into one pass, in the order of their first."""
    found: dict[Any, list[int]] = {}
    lengths: dict[Any, list[int]] = {}
    for place, call in enumerate(calls):
        key, length, number = _shape(call), call.cond.tokens, 0
        while not _fits([*lengths.get((key, number), []), length]):
            number += 1
        found.setdefault((key, number), []).append(place)
        lengths.setdefault((key, number), []).append(length)
    return list(found.values())


def _shape(call: Call) -> tuple[object, ...]:
    concat = None if call.concat is None else call.concat.shape[1:]
    return id(call.model), call.x.shape[1:], call.x.dtype, call.x.device, call.cond.shape_key(), concat


def _fits(lengths: Sequence[int]) -> bool:
    return math.lcm(*lengths) <= LONGEST * min(lengths)


class Pace:
    """Keeps this process at most one forward pass ahead of a CUDA device.

    Calls there return before they are computed. Without a bound a whole job would be asked for in advance: a stop, a progress bar and
    whoever joins would come seconds late. One pass in advance keeps the device busy.
    """

    def __init__(self) -> None:
        self._marks: deque[torch.cuda.Event] = deque()

    def keep(self, output: Tensor) -> None:
        """A pass that gives `output` was asked for: wait until the one before it is computed."""
        if not output.is_cuda:
            return
        mark = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]  # sleeps instead of spinning
        mark.record(torch.cuda.current_stream(output.device))
        self._marks.append(mark)
        if len(self._marks) > 1:
            self._marks.popleft().synchronize()


class ForwardPasses:
    """What the conductor asks (`conductor.Passes`)."""

    def __init__(self) -> None:
        self._pace = Pace()

    def groups(self, calls: Sequence[Call]) -> list[list[int]]:
        """Places of calls that fit into one pass."""
        return groups(calls)

    def answer(self, calls: Sequence[Call]) -> list[Tensor]:
        """By one pass."""
        answers = answer_together(calls)
        self._pace.keep(answers[0])
        return answers

    def pictures(self, decodings: Sequence[Decoding]) -> list[list[int]]:
        """Places of pictures that may be decoded together."""
        found: dict[Any, list[list[int]]] = {}
        for place, (model, latent) in enumerate(decodings):
            most = max(1, TOGETHER // (latent.shape[-1] * latent.shape[-2] * model.downscale**2))
            groups = found.setdefault((id(model), latent.shape, latent.dtype, latent.device), [[]])
            groups.append([place]) if len(groups[-1]) == most else groups[-1].append(place)
        return [group for groups in found.values() for group in groups]

    def decode(self, decodings: Sequence[Decoding]) -> list[Tensor]:
        """Pixels of one group, by one call of the VAE."""
        return list(decodings[0].model.decode(torch.stack([latent for _, latent in decodings])))

    def rows(self, call: Call) -> int:
        """Pictures, each counted once a prompt."""
        return len(call.x)

    def random_state(self) -> list[Tensor]:
        """Of the CPU and, where CUDA is in use, of its devices."""
        return [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [])]  # type: ignore[no-untyped-call]

    def restore_random(self, state: Sequence[Tensor] | None) -> None:
        """Set them back."""
        if state:
            torch.set_rng_state(state[0])
            if len(state) > 1:
                torch.cuda.set_rng_state_all(list(state[1:]))


def answer_together(calls: Sequence[Call]) -> list[Tensor]:
    """The model's outputs for calls of one group, by one forward pass."""
    if len(calls) == 1:
        return [calls[0].answer()]
    concats = [call.concat for call in calls if call.concat is not None]
    output = calls[0].model.predict(
        torch.cat([call.x for call in calls]),
        torch.cat([call.timesteps for call in calls]),
        Conditioning.cat([call.cond for call in calls]),
        torch.cat(concats) if concats else None,
    )
    return list(torch.split(output, [len(call.x) for call in calls]))
