"""Dynamic thresholding ("CFG-Fix"): the values of a high CFG scale, spread only as far as those of a lower one.

The method of mcmonkey4eva's sd-dynamic-thresholding, as Forge has it.
"""

import math

import torch
from torch import Tensor

from webui.core.guidance import DynamicThresholding, ThresholdMode
from webui.generation.guiders import GuidanceCall, GuidancePart, GuidanceRun, noise_prediction
from webui.models.prediction import EpsPrediction

LEFT_OUT = "Dynamic thresholding was left out: it is for diffusion models, and this checkpoint is a rectified flow."
IDLE = "Dynamic thresholding changed nothing: at CFG scale 1 there is no negative prompt."
_LAST, _RANGE = 999, 998
_TINY = 1e-10


def make(run: GuidanceRun) -> GuidancePart | None:
    """Thresholding for a run that asks for it; a note instead where it means nothing."""
    options = run.request.dynamic_thresholding
    prediction = noise_prediction(run, LEFT_OUT, IDLE) if options is not None else None
    return Thresholding(options, prediction) if options is not None and prediction is not None else None


class Thresholding(GuidancePart):
    """Takes the place of classifier-free guidance's formula."""

    def __init__(self, options: DynamicThresholding, prediction: EpsPrediction) -> None:
        self._options, self._prediction = options, prediction
        self.formula = self._guided

    def _guided(self, call: GuidanceCall, cond: Tensor, uncond: Tensor) -> Tensor:
        options = self._options
        share = (_LAST - float(self._prediction.timestep(call.sigma[:1])[0])) / _RANGE
        mimic_scale = _scale_at(options.mimic_scale, options.mimic_scale_min, factor(options.mimic_mode, share, options.sched_val))
        scale = _scale_at(call.guidance.scale, options.cfg_scale_min, factor(options.cfg_mode, share, options.sched_val))
        mimic, guided = (uncond + each * (cond - uncond) for each in (mimic_scale, scale))
        made = thresholded(mimic, guided, options)
        return options.interpolate_phi * made + (1 - options.interpolate_phi) * guided


def _scale_at(scale: float, least: float, factor: float) -> float:
    return (scale - least) * factor + least


def factor(mode: ThresholdMode, share: float, value: float) -> float:
    """How much of a scale there is at a share of the noise levels' way; `value` is the power, or how often it repeats."""
    turns = (share * value) % 1.0
    down = {"Linear": 1 - share, "Cosine": math.cos(1.5707 * share), "Half Cosine": math.cos(share), "Power": 1 - _power(share, value)}
    name, _, way = mode.rpartition(" ")
    match mode:
        case "Constant":
            return 1.0
        case "Sawtooth":
            return turns
        case "Linear Repeating":
            return abs(1 - 2 * turns)
        case "Cosine Repeating":
            return (1 + math.cos(6.28318 * share * value)) / 2
    return down[name] if way == "Down" else 1 - down[name]


def _power(share: float, value: float) -> float:
    """The highest level lies a little before share 0, where no power is a number."""
    return float(max(share, 0.0) ** value)


def thresholded(mimic: Tensor, guided: Tensor, options: DynamicThresholding) -> Tensor:
    """`guided` [n, channels, h, w] with its values as far from their mean as those of `mimic`; each picture for itself."""
    flat_mimic, flat = mimic.flatten(2), guided.flatten(2)
    mean = flat.mean(2, keepdim=True)
    mimic_centred, centred = flat_mimic - flat_mimic.mean(2, keepdim=True), flat - mean
    mimic_size, size = _sizes(mimic_centred, centred, options)
    if options.scaling_startpoint == "ZERO":
        made = flat * (mimic_size / size.clamp(min=_TINY))
    elif options.variability_measure == "AD":
        most = torch.maximum(mimic_size, size)
        made = torch.minimum(torch.maximum(centred, -most), most) / most.clamp(min=_TINY) * mimic_size + mean
    else:
        made = centred / size.clamp(min=_TINY) * mimic_size + mean
    return made.view_as(guided)


def _sizes(mimic: Tensor, guided: Tensor, options: DynamicThresholding) -> tuple[Tensor, Tensor]:
    """How far the values lie from their mean, for each channel or for a whole picture: [n, channels or 1, 1]."""
    if options.separate_feature_channels == "disable":
        mimic, guided = mimic.flatten(1)[:, None], guided.flatten(1)[:, None]
    if options.variability_measure == "STD":
        return mimic.std(2, keepdim=True), guided.std(2, keepdim=True)
    return mimic.abs().amax(2, keepdim=True), guided.abs().float().quantile(options.threshold_percentile, 2, keepdim=True).to(guided)
