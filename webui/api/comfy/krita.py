"""What Krita AI Diffusion insists on before it lets one choose a style: nodes and files of ControlNet, IP-Adapter and inpainting models.

Darkroom has none of them for graphs. Their names are told to Krita alone, and a graph that uses one is refused by that name.
"""

from collections.abc import Mapping
from typing import Any

from webui.api.comfy.graphs import ABSENT

_FILES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "CLIPVisionLoader": {"clip_name": ("clip-vision_vit-h.safetensors",)},
    "ControlNetLoader": {"control_net_name": ("control_v11p_sd15_inpaint.safetensors", "control_v11f1e_sd15_tile.safetensors")},
    "DepthAnythingV2Preprocessor": {},
    "INPAINT_LoadFooocusInpaint": {"head": ("fooocus_inpaint_head.pth",), "patch": ("inpaint_v26.fooocus.patch",)},
    "INPAINT_LoadInpaintModel": {
        "model_name": ("MAT_Places512_G_fp16.safetensors", "fooocus_inpaint_head.pth", "inpaint_v26.fooocus.patch")
    },
    "IPAdapter": {},
    "IPAdapterModelLoader": {"ipadapter_file": ("ip-adapter_sd15.safetensors", "ip-adapter_sdxl_vit-h.safetensors")},
    "InpaintPreprocessor": {},
}
_BESIDE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "LoraLoader": {"lora_name": ("Hyper-SD15-8steps-CFG-lora.safetensors", "Hyper-SDXL-8steps-CFG-lora.safetensors")},
    "UpscaleModelLoader": {"model_name": ("4x_NMKD-Superscale-SP_178000_G.pth", "OmniSR_X2_DIV2K.safetensors")},
}
"""Files of nodes that are understood. In place of these upscalers Lanczos runs."""


def with_absent(info: Mapping[str, Any]) -> dict[str, Any]:
    """/object_info with what Krita insists on; a file that is there stands before its like."""
    made = dict(info)
    for kind, inputs in _FILES.items():
        required = {name: [[ABSENT + file for file in names]] for name, names in inputs.items()}
        made[kind] = {"input": {"required": required}, "output": [], "output_name": [], "name": kind, "output_node": False}
    for kind, inputs in _BESIDE.items():
        required = dict(made[kind]["input"]["required"])
        for name, files in inputs.items():
            here = required[name][0]
            required[name] = [[*here, *(ABSENT + file for file in files if not any(file in each for each in here))]]
        made[kind] = {**made[kind], "input": {**made[kind]["input"], "required": required}}
    return made
