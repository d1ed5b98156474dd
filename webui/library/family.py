"""Which architecture a file is, as a table of tensor names; nothing here reads a weight."""

from collections.abc import Callable

from webui.core.request import FrozenModel
from webui.library.header import Header
from webui.library.lora_keys import lora_kinds, lora_layers

UNET = "model.diffusion_model."
_FIRST_CONV = UNET + "input_blocks.0.0.weight"
_CHANNELS = {4: "", 8: "ip2p", 9: "inpaint"}

NAMES = {
    "sd1": "Stable Diffusion 1.x",
    "sd2": "Stable Diffusion 2.x",
    "sdxl": "SDXL",
    "sdxl-refiner": "SDXL refiner",
    "sd3": "Stable Diffusion 3",
    "flux": "Flux",
    "lumina2": "Lumina 2",
    "auraflow": "AuraFlow",
    "qwen-image": "Qwen-Image",
    "wan": "Wan",
    "unet-only": "a UNet without text encoder or VAE",
}


WHOLE = ("sd1", "sd2", "sdxl")
"""Families of which one file alone makes a picture: a request without a checkpoint takes one of these first."""


def unsupported_message(family: str, source: str) -> str:
    """The sentence for a file of a family that is known by name and not loaded yet."""
    return f"{source} is {NAMES[family]}: coming; this version loads SD 1.x, SD 2.x and SDXL."


class Architecture(FrozenModel):
    """`family` is a key of `NAMES` (or "unknown"), `variant` "", "inpaint" or "ip2p", `kind` the sort of file."""

    family: str = "unknown"
    variant: str = ""
    prediction: str = "eps"
    kind: str = "unknown"


def _starts(*prefixes: str) -> Callable[[Header], bool]:
    return lambda header: any(name.startswith(prefixes) for name in header.shapes)


CHECKPOINTS: tuple[tuple[str, Callable[[Header], bool]], ...] = (
    ("sd3", _starts(UNET + "joint_blocks.")),
    ("flux", _starts("double_blocks.", UNET + "double_blocks.")),
    ("auraflow", _starts(UNET + "double_layers.")),
    ("lumina2", _starts(UNET + "cap_embedder.", "cap_embedder.")),
    ("qwen-image", _starts("transformer_blocks.0.attn.add_q_proj.", UNET + "transformer_blocks.0.attn.add_q_proj.")),
    ("wan", _starts("blocks.0.cross_attn.", UNET + "blocks.0.cross_attn.")),
    ("sdxl", _starts("conditioner.embedders.1.")),
    ("sdxl-refiner", _starts("conditioner.embedders.0.model.")),
    ("sd2", _starts("cond_stage_model.model.")),
    ("sd1", _starts("cond_stage_model.transformer.")),
    ("unet-only", _starts(UNET + "input_blocks.")),
)
OTHERS: tuple[tuple[str, Callable[[Header], bool]], ...] = (
    ("lora", lambda header: any(lora_kinds(parts) for parts in lora_layers(header.shapes).values())),
    ("controlnet", _starts("control_model.", "controlnet_cond_embedding.")),
    ("vae", _starts("decoder.mid.", "decoder.mid_block.", "first_stage_model.")),
    ("embedding", _starts("emb_params", "string_to_param", "clip_l", "clip_g")),
)


def detect(header: Header) -> Architecture:
    """Name a file's architecture by its tensors' names and shapes."""
    family = next((name for name, fits in CHECKPOINTS if fits(header)), None)
    if family is None:
        return Architecture(kind=next((kind for kind, fits in OTHERS if fits(header)), "unknown"))
    first = header.shapes.get(_FIRST_CONV, (0, 4))
    channels = first[1] if len(first) > 1 else 4
    variant = _CHANNELS.get(channels, f"{channels} channels") if family.startswith(("sd1", "sd2", "sdxl")) else ""
    return Architecture(family=family, variant=variant, prediction=_prediction(header), kind="checkpoint")


def _prediction(header: Header) -> str:
    said = header.metadata.get("modelspec.prediction_type") or header.metadata.get("prediction_type") or ""
    if "v_pred" in header.shapes or said in ("v", "v_prediction", "v-prediction"):
        return "v"
    return "eps"
