"""Read LoRA files in kohya-ss' format, asked for by `<lora:name:0.8>` in the prompt.

For each layer there is `<layer>.lora_down.weight` (rank rows), `<layer>.lora_up.weight` and `<layer>.alpha`; the change is
up · down · alpha / rank (Hu et al. 2021). LoCon's convolutions may have a `lora_mid` between the two.
"""

from functools import partial

from webui import LoraLoader, WeightChange, hookimpl

TITLE = "Kohya LoRA"
VERSION = "1.0"

DOWN = ".lora_down.weight"
ENDS = (DOWN, ".lora_up.weight", ".lora_mid.weight", ".alpha")
PARTS = (
    ("lora_unet_", "unet."),
    ("lora_te1_", "text_encoder."),
    ("lora_te2_", "text_encoder_2."),
    ("lora_te_", "text_encoder."),
)


def matches(names):
    """Told the file's tensor names: is it ours to read?"""
    return any(name.endswith(DOWN) for name in names)


def load(path):
    """One change for each layer in the file."""
    from webui import read_tensors

    tensors = read_tensors(path)
    for name in tensors:
        layer = name.removesuffix(DOWN)
        if name.endswith(DOWN) and f"{layer}.lora_up.weight" in tensors:
            down, up, mid = tensors[name], tensors[f"{layer}.lora_up.weight"], tensors.get(f"{layer}.lora_mid.weight")
            scale = float(tensors.get(f"{layer}.alpha", len(down))) / len(down)
            keys = tuple(key for ending in ENDS if (key := layer + ending) in tensors)
            yield WeightChange(target(layer), partial(change, up, mid, down, scale), keys=keys)


def target(layer):
    """kohya's prefix says which part of the model a layer belongs to."""
    for theirs, ours in PARTS:
        if layer.startswith(theirs):
            return ours + layer.removeprefix(theirs)
    return layer


def change(up, mid, down, scale, base):
    """What is added to the weight `base`."""
    import torch

    up, down = up.float().flatten(1), down.float()
    if mid is not None:
        return scale * torch.einsum("or,rshw,si->oihw", up, mid.float(), down.flatten(1))
    return scale * (up @ down.flatten(1)).reshape(base.shape)


@hookimpl
def register_lora_loaders(register):
    register(LoraLoader("kohya", matches, load))
