"""Read plain LoRA files, as an example: the change of a layer is up · down · alpha / rank (Hu et al. 2021)."""

from functools import partial

from webui import LoraLoader, WeightChange, hookimpl, lora_layers

TITLE = "Plain LoRA"
VERSION = "1.0"


def matches(names):
    """Told the file's tensor names: is it ours to read?"""
    return any("up" in parts and "down" in parts for parts in lora_layers(names).values())


def load(path):
    """One change for each layer in the file."""
    from webui import read_tensors

    tensors = read_tensors(path)
    for layer, names in lora_layers(tensors).items():
        if "up" in names and "down" in names:
            up, down = tensors[names["up"]], tensors[names["down"]]
            scale = float(tensors[names["alpha"]]) / len(down) if "alpha" in names else 1.0
            yield WeightChange(layer, partial(change, up, down, scale), keys=tuple(names.values()))


def change(up, down, scale, weight):
    """What is added to the weight at strength 1."""
    return scale * (up.float().flatten(1) @ down.float().flatten(1)).reshape(weight.shape)


@hookimpl
def register_lora_loaders(register):
    register(LoraLoader("plain", matches, load))
