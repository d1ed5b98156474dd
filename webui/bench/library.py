"""`bench library`: what a look at 5,000 model files costs, how soon a change is seen, how long a search takes."""

import argparse
import gc
import json
import queue
import statistics
import struct
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from webui.bench.results import keep
from webui.collection.cards import Wish, page_of
from webui.collection.notes import NoteStore
from webui.collection.service import Collection
from webui.db import open_database
from webui.library import Library

BOUNDS = {"scan_cold_s": 3.0, "scan_warm_s": 0.3, "change_seen_s": 2.0, "moved_in_seen_s": 2.0, "query_ms_p95": 20.0}
_LAYERS = [f"lora_unet_down_blocks_{block}_attentions_0_transformer_blocks_0_attn2_to_k" for block in range(4)]
_LORA = {f"{layer}.lora_{part}.weight": shape for layer in _LAYERS for part, shape in (("down", (16, 768)), ("up", (320, 16)))}
_CHECKPOINT = {
    "cond_stage_model.transformer.text_model.x": (1, 1),
    "model.diffusion_model.input_blocks.0.0.weight": (320, 4),
    **{f"model.diffusion_model.block{number}.weight": (10_000, 10_000) for number in range(5)},
}
_WISHES = (Wish(), Wish(kind="lora", sort="-added"), Wish(q="fox 7"), Wish(family="sd1", sort="-size"), Wish(base="stable", q="model"))


def run(words: Sequence[str]) -> int:
    """Print and keep the figures; 1 when a bound of the issue is not met."""
    parser = argparse.ArgumentParser(prog="bench library")
    parser.add_argument("--files", type=int, default=5000)
    options = parser.parse_args(list(words))
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), options.files)
    for name, value in figures.items():
        print(f"{name:<24}{value:10.3f}" + (f"   (at most {BOUNDS[name]:g})" if name in BOUNDS else ""))
    print(keep("library", figures))
    return 0 if all(figures[name] <= bound for name, bound in BOUNDS.items()) else 1


def measure(folder: Path, files: int) -> dict[str, float]:
    """Make the files, with small headers and sparse weights, and measure."""
    models, cache = folder / "models", folder / "library.json"
    _fill(models, files)
    library = Library([models], cache)
    began = time.process_time()
    figures = {"files": float(files), "scan_cold_s": _timed(library.scan), "scan_cold_cpu_s": time.process_time() - began}
    figures["scan_warm_s"] = min(_timed(library.scan) for _ in range(3))
    again = Library([models], cache)
    figures["scan_at_start_s"] = _timed(again.scan)
    return figures | _served(folder, models, again) | _moved_in(folder, files)


def _fill(models: Path, files: int) -> None:
    for number in range(files):
        is_lora = number % 5 > 0
        place = models / ("Lora" if is_lora else "Stable-diffusion") / f"folder{number % 50}"
        metadata = {"modelspec.title": f"Fox number {number}", "ss_base_model_version": "sd_v1"}
        _write(place / f"model{number}.safetensors", _LORA if is_lora else _CHECKPOINT, metadata)


def _moved_in(folder: Path, files: int) -> dict[str, float]:
    """How long it takes until pages hear of a whole collection that is moved into a watched folder, and until a search lists it."""
    elsewhere, models, told = folder / "elsewhere", folder / "empty", queue.Queue[tuple[str, Mapping[str, Any]]]()
    _fill(elsewhere, files)
    for kind in ("Lora", "Stable-diffusion"):
        (models / kind).mkdir(parents=True)
    gc.freeze()  # as serving does
    database = open_database(folder / "moved")
    library = Library([models], folder / "moved" / "library.json")
    collection = Collection(library, NoteStore(database), lambda kind, body: told.put((kind, body)), lambda: False, lambda: False)
    collection.start()
    try:
        time.sleep(2)  # it has begun to watch
        began = time.perf_counter()
        for kind in ("Lora", "Stable-diffusion"):
            (elsewhere / kind).replace(models / kind / "mine")
        while len(library.all_models) < files:
            told.get(timeout=60)
        heard = time.perf_counter() - began
        collection.find(Wish())
        return {"moved_in_heard_s": heard, "moved_in_seen_s": time.perf_counter() - began}
    finally:
        collection.stop()
        database.close()


def _served(folder: Path, models: Path, library: Library) -> dict[str, float]:
    told: queue.Queue[tuple[str, Mapping[str, Any]]] = queue.Queue()
    database = open_database(folder)
    collection = Collection(library, NoteStore(database), lambda kind, body: told.put((kind, body)), lambda: False, lambda: False)
    collection.start()
    try:
        cards = _timed(collection.entries)
        began = time.process_time()
        times = [_timed(partial(_search, collection, wish)) * 1000 for _ in range(20) for wish in _WISHES]
        query_cpu_ms = (time.process_time() - began) * 1000 / len(times)
        time.sleep(5)  # files that have just been made are looked at once more
        seen = []
        for number in range(5):
            began = time.perf_counter()
            _write(models / "Lora" / f"new{number}.safetensors", _LORA, {})
            while f"lora/new{number}" not in told.get(timeout=60)[1].get("added", ()):
                pass
            seen.append(time.perf_counter() - began)
    finally:
        collection.stop()
        database.close()
    p95 = statistics.quantiles(times, n=20)[-1]
    return {
        "describe_all_s": cards,
        "query_cpu_ms": query_cpu_ms,
        "query_ms_median": statistics.median(times),
        "query_ms_p95": p95,
        "change_seen_s": max(seen),
    }


def _search(collection: Collection, wish: Wish) -> object:
    return page_of(collection.find(wish), "", 100)


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _write(path: Path, shapes: Mapping[str, tuple[int, int]], metadata: Mapping[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for name, (rows, columns) in shapes.items():
        header[name] = {"dtype": "F16", "shape": [rows, columns], "data_offsets": [end, end + 2 * rows * columns]}
        end += 2 * rows * columns
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
