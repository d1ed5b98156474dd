"""The parts of `bench models`: each measures one checkpoint in the process that it is called in."""

import argparse
import gc
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from webui.core.events import Event, Failed
from webui.core.job import Plan
from webui.core.protocol import RunJob
from webui.core.request import GenerationRequest, ResolvedRequest
from webui.local import LocalRunner
from webui.settings import Settings, load_settings

Figures = dict[str, Any]
RANK = 16


def loading(options: argparse.Namespace) -> Figures:
    """Seconds from a file in the page cache to a model, beside those to read its bytes; the best of three."""
    with _alone(options) as (alone, settings):
        path = alone.context.library.find("checkpoint", options.checkpoint[0]).path
        plan = _plan(alone, settings, _request(alone, options))
        reading, made = [], []
        for _ in range(3):
            reading.append(_timed(lambda: _read(path)))
            made.append(_timed(lambda: alone.context.models.get(options.checkpoint[0], None, plan)))
            alone.context.models.unload()
        return {
            "file_gb": path.stat().st_size / 1e9,
            "reading_seconds": min(reading),
            "loading_seconds": min(made),
            "loading_to_reading": min(made) / min(reading),
        }


def peak(options: argparse.Namespace) -> Figures:
    """The most memory that this process takes for one picture, and what the plan said before; the bare process counts in both."""
    with _alone(options) as (alone, settings):
        request = _request(alone, options)
        plan = _plan(alone, settings, request)
        bare, taken_before = _now(), _highest()
        made = _timed(lambda: _make(alone, request))
        highest = max(_highest(), taken_before)
        file = alone.context.library.find("checkpoint", options.checkpoint[0])
        return {
            "family": file.family,
            "dtype": plan.dtype,
            "packed": plan.packed,
            "seconds": made,
            "bare_gb": bare / 1e9,
            "peak_gb": highest / 1e9,
            "predicted_gb": (bare + plan.peak) / 1e9,
            "predicted_to_real": (bare + plan.peak) / highest,
        }


def tabs(options: argparse.Namespace) -> Figures:
    """Peak memory after txt2img, and after img2img and inpaint beside it."""
    with _alone(options) as (alone, _):
        (first,) = _make(alone, _request(alone, options))
        one = _highest()
        start = alone.keep(first)
        _make(alone, _request(alone, options, mode="img2img", init=start, strength=1.0))
        _make(alone, _request(alone, options, mode="inpaint", init=start, mask=start, strength=1.0))
        return {"one_tab_gb": one / 1e9, "three_tabs_gb": _highest() / 1e9, "tabs_to_one": _highest() / one}


def switches(options: argparse.Namespace) -> Figures:
    """Memory after each of many switches between two checkpoints of which one fits, beside the first round's end."""
    with _alone(options, ram_limit=0.001) as (alone, settings):
        plan = _plan(alone, settings, _request(alone, options))
        names = (options.checkpoint[0], "bench-other")
        sizes = []
        for number in range(options.switches + 2):
            alone.context.models.get(names[number % 2], None, plan)
            gc.collect()
            sizes.append(_now())
        return {
            "switches": options.switches,
            "first_round_gb": sizes[1] / 1e9,
            "last_gb": statistics.median(sizes[-2:]) / 1e9,
            "switch_growth_percent": (max(sizes[-2:]) / max(sizes[:2]) - 1) * 100,
        }


def sets(options: argparse.Namespace) -> Figures:
    """What it costs to put a set of LoRAs on for the first time, and to change between two that were used before."""
    from webui.models.adapters import LoraUse
    from webui.models.patcher import patched

    with _alone(options) as (alone, settings):
        model = alone.context.models.get(options.checkpoint[0], None, _plan(alone, settings, _request(alone, options)))
        lora_folder = Path(settings.models_dirs[0]) / "Lora"
        for name in ("bench-one", "bench-two"):
            _write_lora(lora_folder / f"{name}.safetensors", model.unet)
        alone.context.library.scan()
        loaders = tuple(alone.context.loras)

        def put_on(name: str) -> float:
            began = time.perf_counter()
            with patched(model, [LoraUse(name)], alone.context.library, loaders) as notes:
                taken = time.perf_counter() - began
            if notes:
                raise RuntimeError(notes[0])
            return taken

        first = min(put_on(name) for name in ("bench-one", "bench-two"))
        again = [put_on(name) for _ in range(5) for name in ("bench-one", "bench-two")]
        return {"set_family": model.family, "set_first_seconds": first, "set_switch_ms": statistics.median(again) * 1000}


PARTS: dict[str, Callable[[argparse.Namespace], Figures]] = {
    "loading": loading,
    "peak": peak,
    "tabs": tabs,
    "switches": switches,
    "sets": sets,
}


@contextmanager
def _alone(options: argparse.Namespace, **changes: Any) -> Iterator[tuple[LocalRunner, Settings]]:
    """An engine over a folder of our own, in which the checkpoint lies under a second name too."""
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "models"
        (own / "Lora").mkdir(parents=True)
        flags = {"data_dir": folder, "models_dirs": (own, *options.models_dir), "devices": (options.device,), "dtype": options.dtype}
        settings = load_settings(flags | changes, environment={})
        alone = LocalRunner(settings)
        try:
            source = alone.context.library.find("checkpoint", options.checkpoint[0]).path
            (own / "Stable-diffusion").mkdir()
            (own / "Stable-diffusion" / f"bench-other{source.suffix}").symlink_to(source)
            alone.context.library.scan()
            yield alone, settings
        finally:
            alone.close()


def _request(alone: LocalRunner, options: argparse.Namespace, **changes: Any) -> ResolvedRequest:
    wanted = GenerationRequest(prompt="a red apple", seed=1, width=options.size, height=options.size, sampler="Euler", steps=options.steps)
    return alone.resolve(wanted.model_copy(update={"checkpoint": options.checkpoint[0], **changes}))


def _plan(alone: LocalRunner, settings: Settings, request: ResolvedRequest) -> Plan:
    from webui.engine.bootstrap import make_plan

    return make_plan(RunJob(job_id="bench", owner="local", attempt=1, request=request), alone.context, alone.device, settings)


def _make(alone: LocalRunner, request: ResolvedRequest) -> list[Path]:
    failures: list[str] = []

    def take(event: Event) -> None:
        if isinstance(event, Failed):
            failures.append(event.error.message)

    made = alone.run(request, take)
    if failures:
        raise RuntimeError(failures[0])
    return made


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _read(path: Path) -> None:
    """All bytes of a file into memory, as a program does that keeps them."""
    with path.open("rb", buffering=0) as file:
        content = bytearray(os.fstat(file.fileno()).st_size)
        rest = memoryview(content)
        while taken := file.readinto(rest):
            rest = rest[taken:]


def _now() -> int:
    return int(psutil.Process().memory_info().rss)


def _highest() -> int:
    """The most bytes that this process has held."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(taken if sys.platform == "darwin" else taken * 1024)


def _write_lora(path: Path, unet: Any) -> None:
    """A LoRA for every linear layer of the UNet's attentions, in kohya's names."""
    import torch
    from safetensors.torch import save_file

    random = torch.Generator().manual_seed(len(path.name) + sum(path.name.encode()))
    tensors = {}
    for name, layer in unet.named_modules():
        if isinstance(layer, torch.nn.Linear) and ".attn" in name:
            key = "lora_unet_" + name.replace(".", "_")
            tensors[f"{key}.lora_down.weight"] = torch.randn(RANK, layer.in_features, generator=random) / 100
            tensors[f"{key}.lora_up.weight"] = torch.randn(layer.out_features, RANK, generator=random) / 100
    save_file(tensors, path)
