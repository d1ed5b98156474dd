"""What is known of ComfyUI's nodes: which hand on what, by which input, to which output slot."""

from collections.abc import Mapping

CONTROLS = ("fixed", "increment", "decrement", "randomize")
_SEEDED = ("seed", "control_after_generate")

WIDGETS: Mapping[str, tuple[str, ...]] = {
    "BasicScheduler": ("scheduler", "steps", "denoise"),
    "BetaSamplingScheduler": ("steps", "alpha", "beta"),
    "CFGGuider": ("cfg",),
    "CLIPSetLastLayer": ("stop_at_clip_layer",),
    "CLIPTextEncode": ("text",),
    "CheckpointLoaderSimple": ("ckpt_name",),
    "ConditioningAverage": ("conditioning_to_strength",),
    "ConditioningSetTimestepRange": ("start", "end"),
    "DynamicThresholdingFull": (
        "mimic_scale", "threshold_percentile", "mimic_mode", "mimic_scale_min", "cfg_mode", "cfg_scale_min", "sched_val",
        "separate_feature_channels", "scaling_startpoint", "variability_measure", "interpolate_phi",
    ),
    "EmptyLatentImage": ("width", "height", "batch_size"),
    "EmptySD3LatentImage": ("width", "height", "batch_size"),
    "ExponentialScheduler": ("steps", "sigma_max", "sigma_min"),
    "FreeU_V2": ("b1", "b2", "s1", "s2"),
    "ImageScale": ("upscale_method", "width", "height", "crop"),
    "ImageScaleBy": ("upscale_method", "scale_by"),
    "KSampler": (*_SEEDED, "steps", "cfg", "sampler_name", "scheduler", "denoise"),
    "KSamplerAdvanced": (
        "add_noise", "noise_seed", "control_after_generate", "steps", "cfg", "sampler_name", "scheduler",
        "start_at_step", "end_at_step", "return_with_leftover_noise",
    ),
    "KSamplerSelect": ("sampler_name",),
    "KarrasScheduler": ("steps", "sigma_max", "sigma_min", "rho"),
    "LatentUpscale": ("upscale_method", "width", "height", "crop"),
    "LatentUpscaleBy": ("upscale_method", "scale_by"),
    "LoadImage": ("image", "upload"),
    "LoraLoader": ("lora_name", "strength_model", "strength_clip"),
    "LoraLoaderModelOnly": ("lora_name", "strength_model"),
    "PatchModelAddDownscale": (
        "block_number", "downscale_factor", "start_percent", "end_percent", "downscale_after_skip", "downscale_method", "upscale_method",
    ),
    "PerturbedAttentionGuidance": ("scale",),
    "PrimitiveNode": ("value", "control_after_generate"),
    "RandomNoise": ("noise_seed", "control_after_generate"),
    "RepeatLatentBatch": ("amount",),
    "RescaleCFG": ("multiplier",),
    "SamplerCustom": ("add_noise", "noise_seed", "control_after_generate", "cfg"),
    "SaveImage": ("filename_prefix",),
    "SelfAttentionGuidance": ("scale", "blur_sigma"),
    "StringConcatenate": ("string_a", "string_b", "delimiter"),
    "UNETLoader": ("unet_name", "weight_dtype"),
    "UpscaleModelLoader": ("model_name",),
    "VAEEncodeForInpaint": ("grow_mask_by",),
    "VAELoader": ("vae_name",),
}  # fmt: skip
"""The order of the editor's widgets, for workflows that do not name them."""

SCHEDULERS: Mapping[str, str] = {
    "AlignYourStepsScheduler": "Align Your Steps",
    "BetaSamplingScheduler": "Beta",
    "ExponentialScheduler": "Exponential",
    "GITSScheduler": "Align Your Steps GITS",
    "KarrasScheduler": "Karras",
    "LaplaceScheduler": "Laplace",
    "PolyexponentialScheduler": "Polyexponential",
    "SDTurboScheduler": "Turbo",
}
"""Nodes that are a schedule by themselves."""
SCHEDULE_OPTIONS = {"sigma_min": "sigma_min", "sigma_max": "sigma_max", "rho": "rho", "alpha": "beta_alpha", "beta": "beta_beta"}
SAMPLERS: Mapping[str, str] = {
    "SamplerDPMAdaptative": "DPM adaptive",
    "SamplerDPMPP_2M_SDE": "DPM++ 2M SDE",
    "SamplerDPMPP_2S_Ancestral": "DPM++ 2S a",
    "SamplerDPMPP_3M_SDE": "DPM++ 3M SDE",
    "SamplerDPMPP_SDE": "DPM++ SDE",
    "SamplerER_SDE": "ER SDE",
    "SamplerEulerAncestral": "Euler a",
    "SamplerEulerAncestralCFGPP": "Euler a CFG++",
    "SamplerEulerCFGpp": "Euler CFG++",
    "SamplerLMS": "LMS",
    "SamplerSASolver": "SA-Solver",
}
"""Nodes that are a sampler by themselves."""
SAMPLER_OPTIONS = {"eta": "eta", "s_noise": "noise_scale", "solver_type": "solver_type"}

ENCODERS: Mapping[str, tuple[str, ...]] = {
    "BNK_CLIPTextEncodeAdvanced": ("text",),
    "CLIPTextEncode": ("text",),
    "CLIPTextEncodeFlux": ("t5xxl", "clip_l"),
    "CLIPTextEncodeHunyuanDiT": ("bert", "mt5xl"),
    "CLIPTextEncodeLumina2": ("user_prompt",),
    "CLIPTextEncodePixArtAlpha": ("text",),
    "CLIPTextEncodeSD3": ("clip_g", "clip_l", "t5xxl"),
    "CLIPTextEncodeSDXL": ("text_g", "text_l"),
    "CLIPTextEncodeSDXLRefiner": ("text",),
    "smZ CLIPTextEncode": ("text",),
}
"""Nodes that make a conditioning of texts; the first text is the prompt, others are listed where they differ."""
PAIRS: Mapping[str, tuple[str, ...]] = {
    "ACN_AdvancedControlNetApply": ("positive", "negative"),
    "ACN_AdvancedControlNetApply_v2": ("positive", "negative"),
    "CR Apply Multi-ControlNet": ("base_positive", "base_negative"),
    "ControlNetApplyAdvanced": ("positive", "negative"),
    "ControlNetApplySD3": ("positive", "negative"),
    "ControlNetInpaintingAliMamaApply": ("positive", "negative"),
    "INPAINT_VAEEncodeInpaintConditioning": ("positive", "negative"),
    "InpaintModelConditioning": ("positive", "negative"),
    "InstructPixToPixConditioning": ("positive", "negative"),
    "ApplyInstantID": ("", "positive", "negative"),
    "ApplyInstantIDAdvanced": ("", "positive", "negative"),
    "ApplyInstantIDControlNet": ("positive", "negative"),
    "KSampler (Efficient)": ("", "positive", "negative"),
    "KSampler Adv. (Efficient)": ("", "positive", "negative"),
}
"""Nodes that hand on two conditionings: the input behind each output slot."""
SILENT_PAIRS = ("InpaintModelConditioning", "INPAINT_VAEEncodeInpaintConditioning", "KSampler (Efficient)", "KSampler Adv. (Efficient)")
PASSING = (
    "ConditioningSetArea", "ConditioningSetAreaPercentage", "ConditioningSetAreaStrength", "ConditioningSetMask",
    "ControlNetApply", "FluxGuidance", "GLIGENTextBoxApply", "ReferenceLatent", "StyleModelApply", "unCLIPConditioning",
)  # fmt: skip
"""Nodes that change a conditioning but not its words."""

CHECKPOINTS = ("ckpt_name", "unet_name", "model_path")
"""Inputs that name a model's file."""
EFFICIENT = ("Efficient Loader", "Eff. Loader SDXL")
HARMLESS_PATCHES = ("TorchCompileModel", "ModelSamplingDiscrete", "DifferentialDiffusion")
LATENTS = ("samples", "latent_image", "latent", "latents", "image", "images", "pixels", "optional_latent")
"""Inputs by which a picture or latent goes on through a node."""
UPSCALES = ("LatentUpscale", "LatentUpscaleBy", "ImageScale", "ImageScaleBy", "ImageUpscaleWithModel")
PLAIN = ("VAEDecode", "VAEDecodeTiled", "VAEEncode", "VAEEncodeTiled", "SaveImage", "PreviewImage")
LATENT_UPSCALERS = {"nearest-exact": "Latent (nearest-exact)", "bilinear": "Latent", "bicubic": "Latent (bicubic)"}
PIXEL_UPSCALERS = {"lanczos": "Lanczos", "nearest-exact": "Nearest"}
