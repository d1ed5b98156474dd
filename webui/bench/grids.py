"""`bench grids`: how long a grid takes to be planned and drawn, and what of it three kills lose.

The real app runs as its own process with the default model, and is killed, web, engine or both, while the grid is being made.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from webui.bench.faults import VICTIMS, AppProcess
from webui.bench.results import keep
from webui.core.grid import Axis, GridPlan
from webui.grids.sheet import Sheet, draw_sheet
from webui.images.png_writing import fast_png

BASE: dict[str, Any] = {"prompt": "a red apple", "steps": 2, "width": 64, "height": 64}
ADDRESS = "/api/v1/grids"


def run(words: Sequence[str]) -> int:
    """Print and keep the figures; 1 when a cell was lost or made twice."""
    parser = argparse.ArgumentParser(prog="bench grids")
    parser.add_argument("--cells", type=int, default=100)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(list(words))
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), options.cells, options.kills, random.Random(options.seed), lambda text: print(text, flush=True))
    for name, value in figures.items():
        print(f"{name:<20}{value}")
    print(keep("grids", figures))
    return 0 if not figures["lost"] and not figures["twice"] else 1


def measure(folder: Path, cells: int, kills: int, chance: random.Random, say: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """A grid of cells with kills at random moments, counted at its end; then planning 1,000 cells and drawing 100."""
    app = AppProcess(folder)
    app.start()
    try:
        figures = survive(app, folder, cells, kills, chance, say)
        return figures | {"planned_1000_s": plan_time(app), "drawn_100_s": draw_time()}
    finally:
        app.stop()


def survive(app: AppProcess, folder: Path, cells: int, kills: int, chance: random.Random, say: Callable[[str], None]) -> dict[str, int]:
    """Cells lost, made twice, and pictures of them, after so many kills spread over the grid."""
    wish = {"request": BASE, "axes": [{"kind": "Seed", "values": f"1-{cells}"}]}
    grid = app.http.post(ADDRESS, json=wish).raise_for_status().json()
    for number in range(kills):
        _wait(app, grid["id"], cells * (number + 0.5) / (kills + 1))
        time.sleep(chance.uniform(0, 0.3))
        victim = VICTIMS[number % len(VICTIMS)]
        app.kill(victim)
        say(f"{victim} killed at {_done(app, grid['id'])} of {cells}")
    _wait(app, grid["id"], cells)
    exported = app.http.get(f"{ADDRESS}/{grid['id']}/export").raise_for_status().json()
    seeds = [image["seed"] for cell in exported["cells"] for image in cell["images"]]
    files = list((folder / "outputs").rglob("*.png"))
    jobs = app.http.get("/api/v1/jobs", params={"limit": 1000}).json()["jobs"]
    twice = max(len(jobs) - cells, 0) + len(seeds) - len(set(seeds)) + max(len(files) - cells, 0)
    return {"cells": cells, "kills": kills, "lost": len(set(range(1, cells + 1)) - set(seeds)), "twice": twice, "pictures": len(files)}


def _done(app: AppProcess, grid_id: str) -> int:
    for _ in range(600):
        try:
            counts = app.http.get(f"{ADDRESS}/{grid_id}").raise_for_status().json()["counts"]
        except httpx.HTTPError:  # web is being started
            time.sleep(0.1)
            continue
        return int(counts.get("done", 0) + counts.get("failed", 0) + counts.get("cancelled", 0))
    raise RuntimeError("the app does not answer")


def _wait(app: AppProcess, grid_id: str, cells: float, seconds: float = 1800) -> None:
    until = time.monotonic() + seconds
    while _done(app, grid_id) < cells and time.monotonic() < until:
        time.sleep(0.1)


def plan_time(app: AppProcess) -> float:
    """Seconds until a grid of 1,000 cells is kept; it is stopped at once."""
    wish = {"request": BASE, "axes": [{"kind": "CFG Scale", "values": "1-10 [100]"}, {"kind": "Seed", "values": "1-10"}]}
    started = time.monotonic()
    grid = app.http.post(ADDRESS, json=wish).raise_for_status().json()
    seconds = time.monotonic() - started
    app.http.delete(f"{ADDRESS}/{grid['id']}").raise_for_status()
    return round(seconds, 3)


def draw_time() -> float:
    """Seconds that the labelled picture of 10 × 10 cells of 512 × 512 pixels takes, drawn and written."""
    numbers = tuple(range(10))
    axes = [Axis(kind=name, name=name, values=numbers, labels=tuple(map(str, numbers))) for name in ("steps", "guidance")]
    with tempfile.TemporaryDirectory() as folder:
        files = {(x, y, 0): Path(folder, f"{x}-{y}.png") for x in numbers for y in numbers}
        for (x, y, _), path in files.items():
            Image.effect_noise((64, 64), 60 + x + y).convert("RGB").resize((512, 512), Image.Resampling.BICUBIC).save(path)
        started = time.monotonic()
        drawn = draw_sheet(Sheet(GridPlan(base={}, axes=tuple(axes)), "", files, {}))
        Path(folder, "sheet.png").write_bytes(fast_png(drawn))
        return round(time.monotonic() - started, 3)
