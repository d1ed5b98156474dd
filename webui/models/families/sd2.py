"""Stable Diffusion 2.x: one OpenCLIP-H text encoder, of whose 24 layers the last is not used; eps or v-prediction."""

from webui.library.families import stable_diffusion as specs
from webui.models.families import ldm
from webui.models.families.stable_diffusion import StableDiffusion, TextLayout
from webui.models.weights import WeightSource

_TELLTALE = ldm.UNET + "output_blocks.11.1.transformer_blocks.0.norm1.bias"
_V_DEVIATION = 0.09
"""Above this standard deviation of the tensor above, the UNet predicts v: A1111's rule (`is_using_v_parameterization`)."""


class SD2(StableDiffusion):
    """Stable Diffusion 2.x. Its latents are SD 1.x's."""

    spec = specs.SD2
    texts = (TextLayout("text_encoder", "cond_stage_model.model.", open_clip=True, pad=0, embedding="clip_h"),)

    def prediction(self, weights: WeightSource) -> str | None:
        """By the spread of one bias: the files themselves do not say."""
        bias = weights.tensors.get(_TELLTALE)
        if bias is None or bias.numel() < 2:
            return None
        return "v" if float(bias.float().std()) > _V_DEVIATION else None


load = SD2().load
