"""What a network beside the denoiser is, by its tensors: ControlNets and their kin, which lie in one folder with A1111 and ComfyUI."""

from collections.abc import Mapping

from webui.library.beginnings import any_begins

_STARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Control-LoRA", ("lora_controlnet",)),
    ("ControlNet-LLLite", ("lllite_",)),
    ("IP-Adapter", ("ip_adapter.", "image_proj.", "image_proj_model.")),
    (
        "ControlNet",
        (
            "control_model.",
            "controlnet_cond_embedding.",
            "input_hint_block.",
            "zero_convs.",
            "controlnet_blocks.",
            "controlnet_down_blocks.",
        ),
    ),
    ("T2I-Adapter", ("adapter.conv_in.", "adapter.body.", "transformer_layes.", "style_embedding")),
)
_ADAPTER_WIDTHS = {192: "sd1", 64: "sd1", 768: "sdxl", 256: "sdxl"}
"""How many channels a T2I-Adapter's first convolution sees: the picture's, of blocks of 8×8 or 16×16 pixels, in colour or grey."""


def control_sort(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """The sort in words, "" for what is none of them."""
    for sort, starts in _STARTS:
        if any_begins(shapes, *starts):
            return sort
    is_adapter = "conv_in.weight" in shapes and any_begins(shapes, "body.0.block", "body.0.in_conv", "body.0.resnets")
    return "T2I-Adapter" if is_adapter else ""


def adapter_family(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """The family that a T2I-Adapter or an IP-Adapter is for, "" where its shapes do not tell."""
    first = shapes.get("conv_in.weight", shapes.get("adapter.conv_in.weight", ()))
    if len(first) == 4:
        return _ADAPTER_WIDTHS.get(first[1], "")
    reads = next((shape for name, shape in shapes.items() if name.endswith(".to_k_ip.weight") and len(shape) == 2), (0, 0))
    return {768: "sd1", 1024: "sd2", 2048: "sdxl"}.get(reads[1], "")
