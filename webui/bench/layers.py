"""`bench layers`: a step of the UNet on a CPU, as the sum of each layer's fastest call, by how weights and tensors lie.

A whole step is never undisturbed where other programs take the processor; a layer's call of a few milliseconds is, once in many. So each
layer is timed by itself, many times, in every form in turn, and its fastest call counts. What lies between the layers is the fastest
step's time without them. Speed does not depend on weights, so random ones do.
"""

import argparse
import gc
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from webui.bench.results import keep
from webui.core.job import Plan
from webui.devices.attention import tiled_attention
from webui.library import Library
from webui.models.attention import Processor
from webui.models.cache import ModelCache
from webui.models.conditioning import Conditioning
from webui.models.model import Model

FORMS: dict[str, Plan] = {
    "contiguous": Plan(dtype="bfloat16", channels_last=False),
    "channels last": Plan(dtype="bfloat16", channels_last=True, attention="tiled"),
    "laid out": Plan(dtype="bfloat16", channels_last=True, attention="tiled", packed=True),
}
"""As diffusers has it by default; as it was before weights were laid out; weights laid out once and GEGLU fused."""
_KINDS = {"Conv2d": "convolutions", "PackedConv2d": "convolutions", "GEGLU": "GEGLU", "PackedGEGLU": "GEGLU"}
_KINDS |= {"Linear": "linears", "GroupNorm": "norms", "LayerNorm": "norms"}
_OF_PROMPT = ("attn2.to_k", "attn2.to_v")


@dataclass
class Times:
    """The fastest call of each layer, by kind and name; `rest` is the fastest step's time outside of them."""

    best: dict[tuple[str, str], float] = field(default_factory=dict)
    rest: float = float("inf")
    spent: float = 0.0

    def timed(self, kind: str, name: str, call: Callable[..., Tensor]) -> Callable[..., Tensor]:
        """The call, timed."""

        def work(*values: Any, **named: Any) -> Tensor:
            began = time.perf_counter()
            result = call(*values, **named)
            took = time.perf_counter() - began
            self.best[kind, name] = min(self.best.get((kind, name), took), took)
            self.spent += took
            return result

        return work

    def step(self, call: Callable[[], object]) -> None:
        """One step."""
        self.spent = 0.0
        began = time.perf_counter()
        call()
        self.rest = min(self.rest, time.perf_counter() - began - self.spent)

    @property
    def sums(self) -> dict[str, float]:
        """Seconds by kind, the rest, and all together."""
        found: dict[str, float] = {}
        for (kind, _), seconds in self.best.items():
            found[kind] = found.get(kind, 0.0) + seconds
        return {**found, "rest": self.rest, "step": sum(found.values()) + self.rest}


def run(words: Sequence[str]) -> int:
    """Print and keep a table."""
    options = parser().parse_args(list(words))
    rows = measure(options)
    for row in rows:
        parts = "  ".join(f"{kind} {spent:.0f}" for kind, spent in row["ms"].items())
        print(f"{row['size']:>5}²  {row['form']:<14} {row['share']:.2f} of {options.form[0]}  {parts}", flush=True)
    print(keep("layers", {"threads": options.threads, "rounds": options.rounds * options.passes, "rows": rows}))
    return 0


def parser() -> argparse.ArgumentParser:
    """The bench's flags."""
    made = argparse.ArgumentParser(prog="python -m webui bench layers", description="A step by the sum of its layers' fastest calls.")
    made.add_argument("--checkpoint", required=True, help="name of the model")
    made.add_argument("--models-dir", type=Path, action="append", required=True)
    made.add_argument("--size", type=int, nargs="+", default=[256, 512])
    made.add_argument(
        "--form", nargs="+", default=list(FORMS), choices=list(FORMS), help="the first one is what the others are compared with"
    )
    made.add_argument("--threads", type=int, default=1)
    made.add_argument("--rounds", type=int, default=10, help="steps of each form and size in a pass")
    made.add_argument("--passes", type=int, default=2, help="how often all forms have their turn")
    return made


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each size and form: milliseconds by kind of layer, and the step's share of the first form's."""
    found = {(size, form): Times() for size in options.size for form in options.form}
    before = torch.get_num_threads()
    torch.set_num_threads(options.threads)
    try:
        for form in options.form * options.passes:
            model = _loaded(options, form)
            for size in options.size:
                _time(model, size, options.rounds, found[size, form])
            del model
            gc.collect()
    finally:
        torch.set_num_threads(before)
    return [_row(size, form, times.sums, found[size, options.form[0]].sums["step"]) for (size, form), times in found.items()]


def _row(size: int, form: str, sums: dict[str, float], first: float) -> dict[str, Any]:
    return {"size": size, "form": form, "share": sums["step"] / first, "ms": {kind: seconds * 1000 for kind, seconds in sums.items()}}


def _loaded(options: argparse.Namespace, form: str) -> Model:
    return ModelCache(Library(options.models_dir)).get(
        options.checkpoint, None, FORMS[form].model_copy(update={"threads": options.threads})
    )


def _time(model: Model, size: int, rounds: int, times: Times) -> None:
    """Steps with guidance, of one picture."""
    side = size // model.downscale
    noise, levels = torch.randn(2, model.latent_channels, side, side), torch.full((2,), 500.0)
    prompts = Conditioning(torch.randn(2, 77, model.text_width))
    plain = dict(_layers(model.unet))
    try:
        for name, layer in plain.items():
            layer.forward = times.timed(_kind(name, layer), name, layer.forward)
        for name, processor in _kernels(model, times):
            model.unet.get_submodule(name).set_processor(processor)  # type: ignore[operator]
        for _ in range(rounds):
            times.step(lambda: model.predict(noise, levels, prompts))
    finally:
        for layer in plain.values():
            del layer.forward  # the instance's: the class' own counts again


def _layers(unet: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for name, layer in unet.named_modules():
        if type(layer).__name__ in _KINDS and ".net.0.proj" not in name:  # that one is a part of GEGLU
            yield name, layer


def _kind(name: str, layer: nn.Module) -> str:
    return "keys and values of the prompt" if name.endswith(_OF_PROMPT) else _KINDS[type(layer).__name__]


def _kernels(model: Model, times: Times) -> Iterator[tuple[str, Processor]]:
    kernel = tiled_attention if model.place.attention == "tiled" else scaled_dot_product_attention
    for name in model.unet.attn_processors:  # type: ignore[union-attr]
        yield name.removesuffix(".processor"), Processor(times.timed("attention", name, kernel))
