"""Preview frames while a picture forms: seldom enough that they cost next to nothing."""

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor

from webui.engine.telling import Teller
from webui.engine.turns import Turns
from webui.engine.wishes import PreviewWish
from webui.pipelines.model import Model
from webui.pipelines.previews import Previews

SHARE = 0.03
"""The part of the time that frames may cost."""


class Watcher:
    """Sends frames of the batch being made, as often as somebody wishes and the machine can spare."""

    def __init__(self, model: Model, previews: Previews, wish: Callable[[], PreviewWish], tell: Teller, turns: Turns) -> None:
        self._model, self._previews, self._wish, self._tell, self._turns = model, previews, wish, tell, turns
        self._next = 0.0

    def look(self, denoised: Tensor) -> None:
        """A newer prediction [n, channels, h, w] of the finished latents."""
        wish, began = self._wish(), time.monotonic()
        if wish.period <= 0 or began < self._next:
            return
        latents = side_by_side(denoised)
        width, height, data = self._turns.do(lambda: self._previews.jpeg(self._model, latents, wish.method))
        self._tell.preview(data, width, height)
        ended = time.monotonic()
        self._next = ended + max(wish.period, (ended - began) * (1 / SHARE - 1))


def side_by_side(latents: Tensor) -> Tensor:
    """A batch as one latent picture [channels, h, w], as square as possible; missing ones are empty."""
    if len(latents) == 1:
        return latents[0]
    rows = max(round(math.sqrt(len(latents))), 1)
    columns = math.ceil(len(latents) / rows)
    filled = torch.cat([latents, latents.new_zeros(rows * columns - len(latents), *latents.shape[1:])])
    return torch.cat([torch.cat(list(row), dim=-1) for row in torch.split(filled, columns)], dim=-2)
