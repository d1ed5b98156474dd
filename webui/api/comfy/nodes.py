"""The nodes that are understood: the types of their inputs and outputs, as /object_info lists them."""

from collections.abc import Mapping
from typing import Any

from webui.images.dialects.comfyui_guidance import PARTS, inputs_of
from webui.images.dialects.comfyui_nodes import ENCODERS, SAMPLERS

_PICTURE_SIZE = {"width": "INT", "height": "INT"}
_PLACE = {"x": "INT", "y": "INT", **_PICTURE_SIZE}
_SAMPLING = {"steps": "INT", "cfg": "FLOAT", "sampler_name": "SAMPLERS", "scheduler": "SCHEDULERS"}
_CONDITIONS = {"positive": "CONDITIONING", "negative": "CONDITIONING"}
_TILES = {"tile_size": "INT", "overlap": "INT"}
_MASKED = {"image": "IMAGE", "mask": "MASK"}
_SPREAD = {"blur": "INT", "blur_type": "STRING"}
_SIGMAS = {"steps": "INT", "sigma_max": "FLOAT", "sigma_min": "FLOAT"}

MODELS: Mapping[str, dict[str, str]] = {
    "CheckpointLoaderSimple": {"ckpt_name": "CHECKPOINTS"},
    "VAELoader": {"vae_name": "VAES"},
    "LoraLoader": {"model": "MODEL", "clip": "CLIP", "lora_name": "LORAS", "strength_model": "FLOAT", "strength_clip": "FLOAT"},
    "LoraLoaderModelOnly": {"model": "MODEL", "lora_name": "LORAS", "strength_model": "FLOAT"},
    "UpscaleModelLoader": {"model_name": "UPSCALERS"},
    "CLIPSetLastLayer": {"clip": "CLIP", "stop_at_clip_layer": "INT"},
    "CLIPTextEncode": {"text": "STRING", "clip": "CLIP"},
    "ConditioningZeroOut": {"conditioning": "CONDITIONING"},
    "DifferentialDiffusion": {"model": "MODEL"},
    "ModelSamplingDiscrete": {"model": "MODEL", "sampling": "STRING", "zsnr": "BOOLEAN"},
    "RescaleCFG": {"model": "MODEL", "multiplier": "FLOAT"},
    **{kind: {"model": "MODEL", **inputs_of(kind)} for kind in PARTS},
    "EasyCache": {"model": "MODEL", "reuse_threshold": "FLOAT", "start_percent": "FLOAT", "end_percent": "FLOAT", "verbose": "BOOLEAN"},
}
"""Loaders, texts, and what changes a model or a conditioning."""
LATENTS: Mapping[str, dict[str, str]] = {
    "EmptyLatentImage": {**_PICTURE_SIZE, "batch_size": "INT"},
    "VAEDecode": {"samples": "LATENT", "vae": "VAE"},
    "VAEDecodeTiled": {"samples": "LATENT", "vae": "VAE", **_TILES},
    "VAEEncode": {"pixels": "IMAGE", "vae": "VAE"},
    "VAEEncodeTiled": {"pixels": "IMAGE", "vae": "VAE", **_TILES},
    "VAEEncodeForInpaint": {"pixels": "IMAGE", "vae": "VAE", "mask": "MASK", "grow_mask_by": "INT"},
    "InpaintModelConditioning": {**_CONDITIONS, "vae": "VAE", "pixels": "IMAGE", "mask": "MASK", "noise_mask": "BOOLEAN"},
    "INPAINT_VAEEncodeInpaintConditioning": {**_CONDITIONS, "vae": "VAE", "pixels": "IMAGE", "mask": "MASK"},
    "SetLatentNoiseMask": {"samples": "LATENT", "mask": "MASK"},
    "LatentUpscale": {"samples": "LATENT", "upscale_method": "STRING", **_PICTURE_SIZE, "crop": "STRING"},
    "LatentUpscaleBy": {"samples": "LATENT", "upscale_method": "STRING", "scale_by": "FLOAT"},
    "RepeatLatentBatch": {"samples": "LATENT", "amount": "INT"},
}
SAMPLING: Mapping[str, dict[str, str]] = {
    "KSampler": {"model": "MODEL", "seed": "INT", **_SAMPLING, **_CONDITIONS, "latent_image": "LATENT", "denoise": "FLOAT"},
    "KSamplerAdvanced": {
        "model": "MODEL",
        "add_noise": "STRING",
        "noise_seed": "INT",
        **_SAMPLING,
        **_CONDITIONS,
        "latent_image": "LATENT",
        "start_at_step": "INT",
        "end_at_step": "INT",
        "return_with_leftover_noise": "STRING",
    },
    "SamplerCustom": {
        "model": "MODEL",
        "add_noise": "BOOLEAN",
        "noise_seed": "INT",
        "cfg": "FLOAT",
        **_CONDITIONS,
        "sampler": "SAMPLER",
        "sigmas": "SIGMAS",
        "latent_image": "LATENT",
    },
    "SamplerCustomAdvanced": {"noise": "NOISE", "guider": "GUIDER", "sampler": "SAMPLER", "sigmas": "SIGMAS", "latent_image": "LATENT"},
    "KSamplerSelect": {"sampler_name": "SAMPLERS"},
    **{kind: {} for kind in SAMPLERS},
    "BasicScheduler": {"model": "MODEL", "scheduler": "SCHEDULERS", "steps": "INT", "denoise": "FLOAT"},
    "AlignYourStepsScheduler": {"model_type": "STRING", "steps": "INT", "denoise": "FLOAT"},
    "BetaSamplingScheduler": {"model": "MODEL", "steps": "INT", "alpha": "FLOAT", "beta": "FLOAT"},
    "ExponentialScheduler": _SIGMAS,
    "GITSScheduler": {"coeff": "FLOAT", "steps": "INT", "denoise": "FLOAT"},
    "KarrasScheduler": {**_SIGMAS, "rho": "FLOAT"},
    "LaplaceScheduler": {**_SIGMAS, "mu": "FLOAT", "beta": "FLOAT"},
    "PolyexponentialScheduler": {**_SIGMAS, "rho": "FLOAT"},
    "SDTurboScheduler": {"model": "MODEL", "steps": "INT", "denoise": "FLOAT"},
    "SplitSigmas": {"sigmas": "SIGMAS", "step": "INT"},
    "CFGGuider": {"model": "MODEL", **_CONDITIONS, "cfg": "FLOAT"},
    "BasicGuider": {"model": "MODEL", "conditioning": "CONDITIONING"},
    "RandomNoise": {"noise_seed": "INT"},
    "DisableNoise": {},
}
PICTURES: Mapping[str, dict[str, str]] = {
    "LoadImage": {"image": "STRING"},
    "LoadImageMask": {"image": "STRING", "channel": "STRING"},
    "ETN_LoadImageBase64": {"image": "STRING"},
    "ETN_LoadImageCache": {"id": "STRING"},
    "ETN_LoadMaskBase64": {"mask": "STRING"},
    "EmptyImage": {**_PICTURE_SIZE, "batch_size": "INT", "color": "INT"},
    "ImageCompositeMasked": {"destination": "IMAGE", "source": "IMAGE", "x": "INT", "y": "INT", "resize_source": "BOOLEAN", "mask": "MASK"},
    "ImageCrop": {"image": "IMAGE", **_PLACE},
    "ImageInvert": {"image": "IMAGE"},
    "ImageScale": {"image": "IMAGE", "upscale_method": "STRING", **_PICTURE_SIZE, "crop": "STRING"},
    "ImageScaleBy": {"image": "IMAGE", "upscale_method": "STRING", "scale_by": "FLOAT"},
    "ImageUpscaleWithModel": {"upscale_model": "UPSCALE_MODEL", "image": "IMAGE"},
    "JoinImageWithAlpha": {"image": "IMAGE", "alpha": "MASK"},
    "ETN_ApplyMaskToImage": _MASKED,
    "INPAINT_ColorMatch": {"target": "IMAGE", "reference": "IMAGE", "strength": "FLOAT", "exclude_mask": "MASK"},
    "INPAINT_MaskedBlur": {**_MASKED, "blur": "INT", "falloff": "INT"},
    "INPAINT_MaskedFill": {**_MASKED, "fill": "STRING", "falloff": "INT"},
    "MaskToImage": {"mask": "MASK"},
}
MASKS: Mapping[str, dict[str, str]] = {
    "CropMask": {"mask": "MASK", **_PLACE},
    "GrowMask": {"mask": "MASK", "expand": "INT", "tapered_corners": "BOOLEAN"},
    "ImageToMask": {"image": "IMAGE", "channel": "STRING"},
    "INPAINT_ExpandMask": {"mask": "MASK", "grow": "INT", **_SPREAD},
    "INPAINT_ShrinkMask": {"mask": "MASK", "shrink": "INT", **_SPREAD},
    "INPAINT_StabilizeMask": {"mask": "MASK", "epsilon": "FLOAT"},
    "InvertMask": {"mask": "MASK"},
    "SolidMask": {"value": "FLOAT", **_PICTURE_SIZE},
    "ThresholdMask": {"mask": "MASK", "value": "FLOAT"},
}
ENDS: Mapping[str, dict[str, str]] = {
    "SaveImage": {"images": "IMAGE", "filename_prefix": "STRING"},
    "ETN_SaveImageCache": {"images": "IMAGE", "format": "STRING"},
    "ETN_SendImageWebSocket": {"images": "IMAGE", "format": "STRING"},
    "ETN_KritaOutput": {"images": "IMAGE"},
    "SaveImageWebsocket": {"images": "IMAGE"},
    "PreviewImage": {"images": "IMAGE"},
}
"""Nodes that a graph may end in; the first that it has is the one whose picture is made."""
SENT = ("ETN_SendImageWebSocket", "ETN_KritaOutput", "SaveImageWebsocket")
"""Ends whose pictures come through the websocket."""

INPUTS: Mapping[str, dict[str, str]] = {
    **MODELS,
    **LATENTS,
    **SAMPLING,
    **PICTURES,
    **MASKS,
    **ENDS,
    "ETN_Translate": {"text": "STRING"},
}
"""The nodes that /object_info lists, and the types of their inputs."""
EMPTY: Mapping[str, dict[str, str]] = {
    "CLIPLoader": {"clip_name": "FILES", "type": "STRING"},
    "CLIPVisionLoader": {"clip_name": "FILES"},
    "ControlNetLoader": {"control_net_name": "FILES"},
    "DiffControlNetLoader": {"model": "MODEL", "control_net_name": "FILES"},
    "DualCLIPLoader": {"clip_name1": "FILES", "clip_name2": "FILES", "type": "STRING"},
    "GLIGENLoader": {"gligen_name": "FILES"},
    "HypernetworkLoader": {"model": "MODEL", "hypernetwork_name": "FILES", "strength": "FLOAT"},
    "ImageOnlyCheckpointLoader": {"ckpt_name": "FILES"},
    "StyleModelLoader": {"style_model_name": "FILES"},
    "TripleCLIPLoader": {"clip_name1": "FILES", "clip_name2": "FILES", "clip_name3": "FILES"},
    "UNETLoader": {"unet_name": "FILES", "weight_dtype": "STRING"},
    "unCLIPCheckpointLoader": {"ckpt_name": "FILES"},
}
"""ComfyUI's own loaders of what graphs have not here: clients read their lists unasked, so they are listed, without files."""
UNDERSTOOD = frozenset({*INPUTS, *ENCODERS, "Reroute"})
OPTIONAL: Mapping[str, tuple[str, ...]] = {"ImageCompositeMasked": ("mask",), "INPAINT_ColorMatch": ("exclude_mask",)}
"""Inputs that a node may do without."""
_OUTPUTS: Mapping[str, tuple[str, ...]] = {
    "CheckpointLoaderSimple": ("MODEL", "CLIP", "VAE"),
    "VAELoader": ("VAE",),
    "CLIPLoader": ("CLIP",),
    "CLIPVisionLoader": ("CLIP_VISION",),
    "ControlNetLoader": ("CONTROL_NET",),
    "DiffControlNetLoader": ("CONTROL_NET",),
    "DualCLIPLoader": ("CLIP",),
    "GLIGENLoader": ("GLIGEN",),
    "HypernetworkLoader": ("MODEL",),
    "ImageOnlyCheckpointLoader": ("MODEL", "CLIP_VISION", "VAE"),
    "StyleModelLoader": ("STYLE_MODEL",),
    "TripleCLIPLoader": ("CLIP",),
    "UNETLoader": ("MODEL",),
    "unCLIPCheckpointLoader": ("MODEL", "CLIP", "VAE", "CLIP_VISION"),
    "LoraLoader": ("MODEL", "CLIP"),
    "UpscaleModelLoader": ("UPSCALE_MODEL",),
    "CLIPSetLastLayer": ("CLIP",),
    "CLIPTextEncode": ("CONDITIONING",),
    "ConditioningZeroOut": ("CONDITIONING",),
    "VAEDecode": ("IMAGE",),
    "VAEDecodeTiled": ("IMAGE",),
    "InpaintModelConditioning": ("CONDITIONING", "CONDITIONING", "LATENT"),
    "INPAINT_VAEEncodeInpaintConditioning": ("CONDITIONING", "CONDITIONING", "LATENT", "LATENT"),
    "SamplerCustom": ("LATENT", "LATENT"),
    "SamplerCustomAdvanced": ("LATENT", "LATENT"),
    "SplitSigmas": ("SIGMAS", "SIGMAS"),
    "CFGGuider": ("GUIDER",),
    "BasicGuider": ("GUIDER",),
    "RandomNoise": ("NOISE",),
    "DisableNoise": ("NOISE",),
    "LoadImage": ("IMAGE", "MASK"),
    "LoadImageMask": ("MASK",),
    "ETN_LoadImageBase64": ("IMAGE", "MASK"),
    "ETN_LoadImageCache": ("IMAGE", "MASK"),
    "ETN_LoadMaskBase64": ("MASK",),
    "ETN_Translate": ("STRING",),
}
LINKED = ("MODEL", "CLIP", "VAE", "CONDITIONING", "LATENT", "IMAGE", "MASK", "GUIDER", "NOISE", "SAMPLER", "SIGMAS", "UPSCALE_MODEL")
"""Types that only a link can give."""
_WITHOUT = {
    "the first version of FreeU": ("freeu",),
    "ControlNet": ("controlnet", "etn_control", "preprocessor"),
    "IP-Adapter": ("ipadapter", "clipvision", "referenceimage"),
    "regions in a prompt": ("region", "attentionmask"),
    "a checkpoint in several files": ("unetloader", "cliploader"),
    "inpainting models": ("inpaint_load", "inpaint_inpaint", "inpaint_apply"),
}


def outputs_of(kind: str) -> tuple[str, ...]:
    """The types of a listed node's outputs."""
    if kind in _OUTPUTS:
        return _OUTPUTS[kind]
    if kind in SAMPLERS or kind == "KSamplerSelect":
        return ("SAMPLER",)
    if kind.endswith("Scheduler"):
        return ("SIGMAS",)
    groups: dict[str, Mapping[str, Any]] = {"MODEL": MODELS, "LATENT": {**LATENTS, **SAMPLING}, "IMAGE": PICTURES, "MASK": MASKS}
    return next(((name,) for name, group in groups.items() if kind in group), ())


def lacking(kind: str) -> str:
    """What a node needs that Darkroom has not, as a sentence; empty where nothing is known of it."""
    found = next((name for name, marks in _WITHOUT.items() if any(mark in kind.lower() for mark in marks)), "")
    return f"It needs {found}, which Darkroom has not for ComfyUI's graphs." if found else ""
