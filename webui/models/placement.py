"""Where and how a model's numbers lie: fixed by the plan, so that a retry gives the same pixels."""

from dataclasses import dataclass
from typing import Self

import torch

from webui.core.job import Plan

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Placement:
    """`storage` is where weights rest (main memory when the plan offloads), `device` where they compute."""

    device: torch.device = torch.device("cpu")
    storage: torch.device = torch.device("cpu")
    dtype: torch.dtype = torch.float32
    channels_last: bool = False
    attention: str = "sdpa"
    packed: bool = False
    weights: str = "full"

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """The place that a plan asks for."""
        device = torch.device(plan.device)
        storage = device if plan.offload == "none" else torch.device("cpu")
        return cls(device, storage, DTYPES[plan.dtype], plan.channels_last, plan.attention, plan.packed, plan.weights)

    @property
    def vae_dtype(self) -> torch.dtype:
        """SD 1.x's VAE overflows in float16, so it computes in float32 there."""
        return torch.float32 if self.dtype == torch.float16 else self.dtype
