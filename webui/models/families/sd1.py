"""Stable Diffusion 1.x: one CLIP-L text encoder, a UNet with 4-channel latents (Rombach et al. 2022)."""

from webui.models.families import ldm
from webui.models.families.stable_diffusion import StableDiffusion, TextLayout


class SD1(StableDiffusion):
    """Stable Diffusion 1.x."""

    name, title, space = "sd1", "Stable Diffusion 1.x", "sd1"
    scale_factor = 0.18215
    latent_rgb = ((0.298, 0.207, 0.208), (0.187, 0.286, 0.173), (-0.158, 0.189, 0.264), (-0.184, -0.271, -0.473), (0.0, 0.0, 0.0))
    """Colours in −1…1 of the four latent channels, and the bias: a fit that is public since 2022 (discuss.huggingface.co, topic 23204)."""
    texts = (TextLayout("text_encoder", ldm.TEXT),)
