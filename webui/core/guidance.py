"""What is done to guidance and inside the network while a picture is made, by the names of Forge's scripts.

Each class is an optional part of the request. Its fields are those scripts' arguments, in their order and with their names.
"""

from typing import Literal

from pydantic import Field

from webui.core.frozen import FrozenModel

ThresholdMode = Literal[
    "Constant",
    "Linear Down",
    "Cosine Down",
    "Half Cosine Down",
    "Linear Up",
    "Cosine Up",
    "Half Cosine Up",
    "Power Up",
    "Power Down",
    "Linear Repeating",
    "Cosine Repeating",
    "Sawtooth",
]
Resampling = Literal["bicubic", "nearest-exact", "bilinear", "area"]
_START, _END = "Share of the steps from which it is on.", "Share of the steps up to which it is on."


class FreeUOptions(FrozenModel):
    """FreeU: more of what comes from below, less of the low frequencies that skip (Si et al. 2023, arXiv:2309.11497, version 2)."""

    b1: float = Field(1.01, ge=0, le=2, title="B1", description="What comes from the lowest levels, times so much.")
    b2: float = Field(1.02, ge=0, le=2, title="B2", description="The same for the level above.")
    s1: float = Field(0.99, ge=0, le=4, title="S1", description="Low frequencies of what skips the lowest levels, times so much.")
    s2: float = Field(0.95, ge=0, le=4, title="S2", description="The same for the level above.")
    start: float = Field(0.0, ge=0, le=1, title="FreeU start", description=_START)
    end: float = Field(1.0, ge=0, le=1, title="FreeU end", description=_END)


class SelfAttentionGuidance(FrozenModel):
    """Self-attention guidance: away from a prediction whose most regarded places were blurred (Hong et al. 2022, arXiv:2210.00939)."""

    scale: float = Field(0.5, ge=-2, le=5, title="SAG scale", description="How far away. Each step takes a call of the network more.")
    blur_sigma: float = Field(2.0, ge=0, le=10, title="Blur sigma", description="How strongly places are blurred, in latent pixels.")
    threshold: float = Field(1.0, ge=0, le=4, title="Blur mask threshold", description="How much a place must be regarded to be blurred.")


class PerturbedAttentionGuidance(FrozenModel):
    """Perturbed-attention guidance: away from a prediction in whose middle no place regards another (Ahn et al. 2024, arXiv:2403.17377)."""

    scale: float = Field(3.0, ge=0, le=100, title="PAG scale", description="How far away. Each step takes a call of the network more.")
    attenuation: float = Field(
        0.0,
        ge=0,
        le=100,
        title="Attenuation",
        description="Percent of the scale that it loses with each step.",
        json_schema_extra={"step": 0.1},
    )
    start_step: float = Field(0.0, ge=0, le=1, title="PAG start", description=_START)
    end_step: float = Field(1.0, ge=0, le=1, title="PAG end", description=_END)


class DynamicThresholding(FrozenModel):
    """Dynamic thresholding (CFG-Fix): a high CFG scale whose values spread as far as those of a lower one."""

    mimic_scale: float = Field(7.0, ge=0, le=100, title="Mimic scale", description="The CFG scale whose spread is kept.")
    threshold_percentile: float = Field(
        1.0, ge=0, le=1, title="Threshold percentile", description="Share of the values that count; those beyond are cut off."
    )
    mimic_mode: ThresholdMode = Field("Constant", title="Mimic mode", description="How the mimic scale goes with the steps.")
    mimic_scale_min: float = Field(0.0, ge=0, le=100, title="Mimic scale minimum")
    cfg_mode: ThresholdMode = Field("Constant", title="CFG mode", description="How the CFG scale goes with the steps.")
    cfg_scale_min: float = Field(0.0, ge=0, le=100, title="CFG scale minimum")
    sched_val: float = Field(
        1.0, ge=0, le=100, title="Scheduler value", description="The power, or how often: of Power, Repeating, Sawtooth."
    )
    separate_feature_channels: Literal["enable", "disable"] = Field("enable", title="Separate feature channels")
    scaling_startpoint: Literal["MEAN", "ZERO"] = Field("MEAN", title="Scaling startpoint")
    variability_measure: Literal["AD", "STD"] = Field(
        "AD", title="Variability measure", description="AD: the largest values. STD: the standard deviation."
    )
    interpolate_phi: float = Field(1.0, ge=0, le=1, title="Interpolate phi", description="0 leaves guidance as it is.")


class LatentModifier(FrozenModel):
    """Changes of the prediction within guidance: softer or sharper, fewer extremes, less contrast."""

    sharpness_multiplier: float = Field(
        0.0, ge=-100, le=100, title="Sharpness multiplier", description="Above 0 softens the prompt's prediction, below 0 sharpens it."
    )
    sharpness_method: Literal["anisotropic"] = Field("anisotropic", title="Sharpness method")
    tonemap_multiplier: float = Field(0.0, ge=0, le=100, title="Tonemap multiplier", description="0 is off.")
    tonemap_method: Literal["reinhard"] = Field("reinhard", title="Tonemap method")
    tonemap_percentile: float = Field(100.0, ge=0.005, le=100, title="Tonemap percentile")
    rescale_cfg_phi: float = Field(
        0.0, ge=-10, le=10, title="Rescale CFG phi", description="Pull the contrast back that a high CFG scale adds (Lin et al. 2023)."
    )


class KohyaHrFix(FrozenModel):
    """Kohya's HRFix: the network sees a smaller canvas at first, so that large pictures keep one subject."""

    block_number: int = Field(
        3, ge=1, le=32, title="Block number", description="Behind which of the network's input blocks it gets smaller."
    )
    downscale_factor: float = Field(2.0, ge=0.1, le=9, title="Downscale factor", json_schema_extra={"step": 0.001})
    start_percent: float = Field(0.0, ge=0, le=1, title="HRFix start", description="From which noise level on, as a share.")
    end_percent: float = Field(0.35, ge=0, le=1, title="HRFix end", description="Up to which noise level, as a share.")
    downscale_after_skip: bool = Field(True, title="Downscale after skip", description="What skips keeps its size.")
    downscale_method: Resampling = Field("bicubic", title="Downscale method")
    upscale_method: Resampling = Field("bicubic", title="Upscale method")


class TokenMerging(FrozenModel):
    """Token merging: like tokens ask as one, which is faster (Bolya & Hoffman 2023, arXiv:2303.17604)."""

    ratio: float = Field(0.5, ge=0, le=0.9, title="Token merging ratio", description="Share of the tokens that are merged.")
    hires_ratio: float = Field(
        0.0, ge=0, le=0.9, title="Token merging ratio for the second pass", description="0: the same as in the first pass."
    )
