"""Batches forward requests of several jobs into one forward pass.

Prompts of different length go together by repetition: attention over a sequence and over the same sequence written twice gives the same
(each key's softmax weight is halved and counted twice), so every prompt is repeated up to the lengths' least common multiple.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from webui.generation.device import DecodeRequest, ForwardRequest
from webui.models.conditioning import Conditioning

MAX_DECODE_PIXELS = 512 * 512
"""Pixels that are decoded together at most: more would take more memory than the estimate of one picture, and gains nothing."""
MAX_PROMPT_REPEAT = 4
"""A prompt is repeated at most so many times; calls that would need more go in another pass."""


def group_requests(requests: Iterable[ForwardRequest]) -> list[list[int]]:
    """Places of calls that fit into one pass, in the order of their first."""
    found: dict[Any, list[int]] = {}
    lengths: dict[Any, list[int]] = {}
    for place, request in enumerate(requests):
        key, length, number = _shape(request), request.cond.tokens, 0
        while not _fits([*lengths.get((key, number), []), length]):
            number += 1
        found.setdefault((key, number), []).append(place)
        lengths.setdefault((key, number), []).append(length)
    return list(found.values())


def _shape(request: ForwardRequest) -> tuple[object, ...]:
    concat = None if request.concat is None else request.concat.shape[1:]
    return request.model.weights_key, request.x.shape[1:], request.x.dtype, request.x.device, request.cond.shape_key(), concat


def _fits(lengths: Sequence[int]) -> bool:
    return math.lcm(*lengths) <= MAX_PROMPT_REPEAT * min(lengths)


class RunAheadLimiter:
    """Limits this process to one forward pass ahead of a CUDA device.

    Calls there return before they are computed. Without a bound a whole job would be asked for in advance: a stop, a progress bar and
    whoever joins would come seconds late. One pass in advance keeps the device busy.
    """

    def __init__(self) -> None:
        self._marks: deque[torch.cuda.Event] = deque()

    def wait(self, output: Tensor) -> None:
        """Call after queueing the pass that computes `output`; blocks until the previous pass is done."""
        if not output.is_cuda:
            return
        mark = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]  # sleeps instead of spinning
        mark.record(torch.cuda.current_stream(output.device))
        self._marks.append(mark)
        if len(self._marks) > 1:
            self._marks.popleft().synchronize()


class TorchModelRunner:
    """Implements `scheduler.ModelRunner` with torch."""

    def __init__(self) -> None:
        self._limiter = RunAheadLimiter()

    def group_forward(self, requests: Sequence[ForwardRequest]) -> list[list[int]]:
        """Places of calls that fit into one pass."""
        return group_requests(requests)

    def execute_forward(self, requests: Sequence[ForwardRequest]) -> list[Tensor]:
        """Run one forward pass."""
        answers = execute_together(requests)
        self._limiter.wait(answers[0])
        return answers

    def group_decode(self, requests: Sequence[DecodeRequest]) -> list[list[int]]:
        """Return groups of indexes; the images of one group may be decoded by one call."""
        found: dict[Any, list[list[int]]] = {}
        for place, (model, latent) in enumerate(requests):
            most = max(1, MAX_DECODE_PIXELS // (latent.shape[-1] * latent.shape[-2] * model.downscale**2))
            groups = found.setdefault((id(model), latent.shape, latent.dtype, latent.device), [[]])
            groups.append([place]) if len(groups[-1]) == most else groups[-1].append(place)
        return [group for groups in found.values() for group in groups]

    def execute_decode(self, requests: Sequence[DecodeRequest]) -> list[Tensor]:
        """Pixels of one group, by one call of the VAE."""
        return list(requests[0].model.decode(torch.stack([latent for _, latent in requests])))

    def rows(self, request: ForwardRequest) -> int:
        """Images times prompts."""
        return len(request.x)

    def rng_state(self) -> list[Tensor]:
        """The RNG state of the CPU and, where CUDA is in use, of its devices."""
        return [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [])]  # type: ignore[no-untyped-call]

    def restore_rng_state(self, state: Sequence[Tensor] | None) -> None:
        """Set them back."""
        if state:
            torch.set_rng_state(state[0])
            if len(state) > 1:
                torch.cuda.set_rng_state_all(list(state[1:]))


def execute_together(requests: Sequence[ForwardRequest]) -> list[Tensor]:
    """The model's outputs for calls of one group, by one forward pass."""
    if len(requests) == 1:
        return [requests[0].execute()]
    concats = [request.concat for request in requests if request.concat is not None]
    output = requests[0].model.predict(
        torch.cat([request.x for request in requests]),
        torch.cat([request.timesteps for request in requests]),
        Conditioning.cat([request.cond for request in requests]),
        torch.cat(concats) if concats else None,
    )
    return list(torch.split(output, [len(request.x) for request in requests]))
