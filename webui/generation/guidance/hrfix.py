"""Kohya's HRFix: at high noise levels the network works on a smaller canvas, so that large pictures keep one subject."""

import math
from collections.abc import Hashable, Sequence

from torch import Tensor
from torch.nn.functional import interpolate

from webui.core.guidance import KohyaHrFix
from webui.generation.guiders import GuidanceCall, GuidancePart, GuidanceRun
from webui.models.conditioning import NetworkPatch
from webui.models.patches import UNetPatch, has_blocks
from webui.samplers.schedules import DiscreteSchedule

LEFT_OUT = "Kohya HRFix was left out: this checkpoint's network is no UNet of Stable Diffusion's make."


def make(run: GuidanceRun) -> GuidancePart | None:
    """HRFix for a run that asks for it; a note instead where the network is of another kind."""
    options = run.request.hrfix
    if options is None:
        return None
    if not has_blocks(run.model.unet):
        run.note(LEFT_OUT)
        return None
    table = run.model.prediction.table
    return HrFix(options, level_at(table, options.start_percent), level_at(table, options.end_percent))


def level_at(table: DiscreteSchedule, share: float) -> float:
    """The noise level at a share of the way from the highest to the lowest, as Forge counts: 0 is above all, 1 below all."""
    if share <= 0 or share >= 1:
        return math.inf if share <= 0 else 0.0
    return float(table.sigma((1 - share) * (len(table.sigmas) - 1)))


class HrFix(GuidancePart):
    """On between two noise levels."""

    def __init__(self, options: KohyaHrFix, high: float, low: float) -> None:
        self._patch, self._high, self._low = HrFixPatch(options), high, low

    def patches(self, call: GuidanceCall) -> Sequence[NetworkPatch]:
        return (self._patch,) if self._low <= float(call.sigma[0]) <= self._high else ()


class HrFixPatch(UNetPatch):
    """Makes what goes on smaller behind one block, and as large as what skipped before each join."""

    changes_blocks = True

    def __init__(self, options: KohyaHrFix) -> None:
        self._options = options

    @property
    def key(self) -> Hashable:
        return "HRFix", self._options

    def left(self, number: int, h: Tensor, skip: Tensor) -> tuple[Tensor, Tensor]:
        options = self._options
        if number != options.block_number:
            return h, skip
        height, width = (max(round(side / options.downscale_factor), 1) for side in h.shape[-2:])
        small = interpolate(h, size=(height, width), mode=options.downscale_method)
        return small, skip if options.downscale_after_skip else small

    def join(self, h: Tensor, skip: Tensor) -> tuple[Tensor, Tensor]:
        if h.shape[-2:] == skip.shape[-2:]:
            return h, skip
        return interpolate(h, size=skip.shape[-2:], mode=self._options.upscale_method), skip
