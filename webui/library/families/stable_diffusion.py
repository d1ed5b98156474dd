"""Stable Diffusion 1.x, 2.x, SDXL and its refiner: UNets over the latents of a KL autoencoder, in CompVis' and Stability's names."""

from collections.abc import Callable
from dataclasses import replace

from webui.core.family import ALL_FEATURES, FamilySpec, Header, LatentFormat, ModelDefaults, ModelFacts

UNET = "model.diffusion_model."
_FIRST_CONV = UNET + "input_blocks.0.0.weight"
_CHANNELS = {4: "", 5: "depth", 7: "upscaling", 8: "ip2p", 9: "inpaint"}
_VARIANTS = ("", "inpaint", "ip2p")
_NEEDS = ("vae", "text")
_TEXT = ("cond_stage_model.", "conditioner.")
_WIDTHS = {768: "sd1", 1024: "sd2", 2048: "sdxl", 1280: "sdxl-refiner"}
_ARCHITECTURES = {"stable-diffusion-v1": "sd1", "stable-diffusion-v2": "sd2", "stable-diffusion-xl": "sdxl"}
"""How ModelSpec's `modelspec.architecture` begins."""

SD_LATENT = LatentFormat(
    scale=0.18215,
    rgb=((0.298, 0.207, 0.208), (0.187, 0.286, 0.173), (-0.158, 0.189, 0.264), (-0.184, -0.271, -0.473), (0.0, 0.0, 0.0)),
    taesd="taesd_decoder",
    space="sd1",
)
"""The colours are a fit that is public since 2022 (discuss.huggingface.co, topic 23204)."""
XL_LATENT = LatentFormat(
    scale=0.13025,
    rgb=(
        (0.3448, 0.4168, 0.4395),
        (-0.1953, -0.0290, 0.0250),
        (0.1074, 0.0886, -0.0163),
        (-0.3730, -0.2499, -0.2088),
        (0.0, 0.0, 0.0),
    ),
    taesd="taesdxl_decoder",
    space="sdxl",
)
"""The colours are figures that are public since 2023."""


def by_text_encoder(prefix: str, family: str) -> Callable[[Header], str | None]:
    """Detection by the text encoder's names; the UNet's first convolution tells the variant."""

    def detect(header: Header) -> str | None:
        if header.configs:
            return _channels(header, "unet.conv_in.weight") if folder_family(header) == family else None
        known = header.begins(prefix) or without_text_encoder(header) == family
        return _channels(header, _FIRST_CONV) if known else None

    return detect


def without_text_encoder(header: Header) -> str:
    """Which family a UNet is of that comes without text encoders: by what its file says, or by the width of the context it reads."""
    if _FIRST_CONV not in header.shapes or header.begins(*_TEXT):
        return ""
    said = header.metadata.get("modelspec.architecture", "")
    by_name = next((family for start, family in _ARCHITECTURES.items() if said.startswith(start)), "")
    context = next((shape for name, shape in header.shapes.items() if name.endswith(".attn2.to_k.weight")), (0, 0))
    return by_name or (_WIDTHS.get(context[1], "") if len(context) == 2 else "")


def folder_family(header: Header) -> str:
    """Which of these families a folder of diffusers' is, by its text encoders; "" for another pipeline's."""
    if not str(header.configs[""].get("_class_name", "")).startswith("StableDiffusion") or "unet.conv_in.weight" not in header.shapes:
        return ""
    first, second = (any(name.startswith(part) for name in header.shapes) for part in ("text_encoder.", "text_encoder_2."))
    if second:
        return "sdxl" if first else "sdxl-refiner"
    text = header.configs.get("text_encoder", {})
    return "sd2" if text.get("hidden_act") == "gelu" or text.get("hidden_size") == 1024 else "sd1" if first else ""


def _channels(header: Header, first_convolution: str) -> str:
    first = header.shapes.get(first_convolution, (0, 4))
    channels = first[1] if len(first) > 1 else 4
    return _CHANNELS.get(channels, f"{channels} channels")


_COUPLED = ALL_FEATURES | {"attention_couple"}
SD1 = FamilySpec(
    "sd1",
    "Stable Diffusion 1.x",
    SD_LATENT,
    by_text_encoder("cond_stage_model.transformer.", "sd1"),
    loader="webui.models.families.sd1:load",
    variants=_VARIANTS,
    needs=_NEEDS,
    supports=_COUPLED,
)
SD2 = FamilySpec(
    "sd2",
    "Stable Diffusion 2.x",
    SD_LATENT,
    by_text_encoder("cond_stage_model.model.", "sd2"),
    loader="webui.models.families.sd2:load",
    defaults=ModelDefaults(width=768, height=768),
    variants=(*_VARIANTS, "depth"),
    needs=_NEEDS,
    supports=_COUPLED,
    usual=ModelFacts(text=340_387_840),
)
SDXL = FamilySpec(
    "sdxl",
    "SDXL",
    XL_LATENT,
    by_text_encoder("conditioner.embedders.1.", "sdxl"),
    loader="webui.models.families.sdxl:load",
    defaults=ModelDefaults(width=1024, height=1024),
    variants=_VARIANTS,
    needs=_NEEDS,
    supports=_COUPLED | {"size_conditioning"},
    usual=ModelFacts(unet=2_567_463_684, text=817_720_320),
    schedule_table="sdxl",
)
REFINER = replace(
    SDXL,
    name="sdxl-refiner",
    title="SDXL refiner",
    detect=by_text_encoder("conditioner.embedders.0.model.", "sdxl-refiner"),
    loader="webui.models.families.sdxl:load_refiner",
    whole=False,
    usual=ModelFacts(unet=2_257_203_204, text=694_659_840, unet_channels=384),
)
STABLE_DIFFUSION = (SDXL, REFINER, SD2, SD1)
"""In the order in which a file is compared with them."""
