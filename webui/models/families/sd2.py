"""Stable Diffusion 2.x: one OpenCLIP-H text encoder, of whose 24 layers the last is not used; eps or v-prediction; depth."""

from functools import reduce

import torch
from torch import nn

from webui.library.families import stable_diffusion as specs
from webui.models import depth
from webui.models.families import ldm
from webui.models.families.stable_diffusion import StableDiffusion, TextLayout, known_fields
from webui.models.model import DEPTH
from webui.models.placement import Placement
from webui.models.weights import WeightSource

_TELLTALE = ldm.UNET + "output_blocks.11.1.transformer_blocks.0.norm1.bias"
_DEPTH = "depth_model.model."
_V_DEVIATION = 0.09
"""Above this standard deviation of the tensor above, the UNet predicts v: A1111's rule (`is_using_v_parameterization`)."""


class SD2(StableDiffusion):
    """Stable Diffusion 2.x. Its latents are SD 1.x's."""

    spec = specs.SD2
    texts = (TextLayout("text_encoder", "cond_stage_model.model.", open_clip=True, pad=0, embedding="clip_h"),)

    def build_depth(self, weights: WeightSource) -> dict[str, nn.Module]:
        """MiDaS of a depth checkpoint, in main memory and in its file's type: it computes once a picture, with copies (`models.depth`)."""
        own = weights.component(DEPTH)
        inside = {name.removeprefix(_DEPTH): tensor for name, tensor in weights.tensors.items() if name.startswith(_DEPTH)}
        found = inside if own is None else own
        if not found:
            return {}
        config = known_fields(weights.config(DEPTH) or {}, self._shipped(DEPTH, self.name))
        state = depth.renamed(found, config) if own is None else found
        wide = [torch.float32 if tensor.itemsize == 1 else tensor.dtype for tensor in state.values() if tensor.is_floating_point()]
        dtype = reduce(torch.promote_types, wide or [torch.float32])

        def make(**fields: object) -> nn.Module:
            return depth.make(fields)

        return {DEPTH: self._filled(make, config, state, weights, Placement(), dtype, lambda _done, _of: None)}

    def prediction(self, weights: WeightSource) -> str | None:
        """By the spread of one bias: the files themselves do not say."""
        bias = weights.tensors.get(_TELLTALE)
        if bias is None or bias.numel() < 2:
            return None
        return "v" if float(bias.float().std()) > _V_DEVIATION else None


load = SD2().load
