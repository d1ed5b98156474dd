"""Stable Diffusion 1.x: one CLIP-L text encoder, a UNet with 4-channel latents (Rombach et al. 2022)."""

from webui.library.families import stable_diffusion as specs
from webui.models.families import ldm
from webui.models.families.stable_diffusion import StableDiffusion, TextLayout


class SD1(StableDiffusion):
    """Stable Diffusion 1.x."""

    spec = specs.SD1
    texts = (TextLayout("text_encoder", ldm.TEXT),)


load = SD1().load
