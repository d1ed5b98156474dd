"""Preview frames while a picture forms: seldom enough that they cost next to nothing."""

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor

from webui.engine.telling import Teller
from webui.engine.turns import Turns
from webui.engine.wishes import PreviewWish
from webui.errors import CheckpointError
from webui.pipelines.model import Model
from webui.pipelines.previews import Method, Previews

SHARE = 0.02
"""The part of a run's time that making frames may take. They cost it more, handing over and cold caches: 3 % in all at most."""
_COSTS = "seconds of a preview, by method"


class Watcher:
    """Sends frames of the batch being made, as often as somebody wishes and the machine can spare."""

    def __init__(self, model: Model, previews: Previews, wish: Callable[[], PreviewWish], tell: Teller, turns: Turns) -> None:
        self._model, self._previews, self._wish, self._tell, self._turns = model, previews, wish, tell, turns
        self._began = time.monotonic()
        self._next = self._spent = 0.0
        self._is_broken = False
        self._costs: dict[str, float] = model.remembered.setdefault(_COSTS, {})

    def look(self, denoised: Tensor) -> None:
        """A newer prediction [n, channels, h, w] of the finished latents. A frame is made when the run has earned what it will cost.

        The first of the linear ones, a millisecond or two, is made at once: who has just come sees their picture begin.
        """
        wish, now = self._wish(), time.monotonic()
        is_free = wish.method == "linear" and self._spent == 0
        cost = 0.0 if is_free else self._costs.get(wish.method, 0.0) * len(denoised)
        if wish.period <= 0 or now < self._next or self._spent + cost > SHARE * (now - self._began):
            return
        latents = side_by_side(denoised)
        (width, height, data), seconds = self._turns.do(lambda: self._timed(latents, wish.method))
        self._costs[wish.method] = seconds / len(denoised)
        self._spent += seconds
        self._next = now + wish.period
        self._tell.preview(data, width, height)

    def _timed(self, latents: Tensor, method: Method) -> tuple[tuple[int, int, bytes], float]:
        began = time.perf_counter()
        try:
            frame = self._previews.jpeg(self._model, latents, "linear" if self._is_broken else method)
        except CheckpointError as error:
            self._is_broken = True
            self._tell.note(f"Previews were made the fast way: {error}")
            frame = self._previews.jpeg(self._model, latents, "linear")
        return frame, time.perf_counter() - began


def side_by_side(latents: Tensor) -> Tensor:
    """A batch as one latent picture [channels, h, w], as square as possible; missing ones are empty."""
    if len(latents) == 1:
        return latents[0]
    rows = max(round(math.sqrt(len(latents))), 1)
    columns = math.ceil(len(latents) / rows)
    filled = torch.cat([latents, latents.new_zeros(rows * columns - len(latents), *latents.shape[1:])])
    return torch.cat([torch.cat(list(row), dim=-1) for row in torch.split(filled, columns)], dim=-2)
