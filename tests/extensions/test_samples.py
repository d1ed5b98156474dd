"""The sample of a LoRA format that the documentation prints reads plain files as the bundled loader does."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from webui.core.registry import Registry
from webui.plugins.manager import Extensions


def loader(folder, off=()):
    extensions = Extensions("engine")
    extensions.load([Path(folder)], off)
    registry = Registry("LoRA loader", "prompt")
    for _ in extensions.call("register_lora_loaders", register=registry.register):
        pass
    assert extensions.failed() == ()
    return next(iter(registry))


def test_the_sample_reads_as_the_bundled_loader_does(tmp_path):
    path, weight = tmp_path / "one.safetensors", torch.randn(6, 5)
    tensors = {"x.lora_up.weight": torch.randn(6, 2), "x.lora_down.weight": torch.randn(2, 5), "x.alpha": torch.tensor(1.0)}
    save_file(tensors, path)
    sample = loader("docs/samples")
    bundled = loader("extensions", ["aspect_calculator", "detail_euler", "film_grain", "frame"])
    assert sample.matches(frozenset(tensors)) and not sample.matches(frozenset(["x.lora_up.weight", "y.lora_down.weight"]))
    (first,), (second,) = sample.load(path), bundled.load(path)
    assert torch.allclose(first.apply(weight, 0.8), second.apply(weight, 0.8), atol=1e-6)
    assert sorted(first.keys) == sorted(second.keys) == sorted(tensors)
