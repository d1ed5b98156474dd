"""`bench models`: what a checkpoint costs: loading beside reading, the peak beside what was told, three tabs, switches, sets of LoRAs.

Each part runs in a process of its own, so that its memory is that part's. What other checkpoints and parts gave earlier stays in the file.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from webui.bench import models_parts
from webui.bench.results import FOLDER, keep

GB = 1e9
GOALS: Mapping[str, float] = {
    "loading_to_reading": 1.5,
    "switch_growth_percent": 2.0,
    "tabs_to_one": 1.05,
    "set_switch_ms": 50.0,
    "set_first_seconds": 1.0,
}
"""At most this; `set_first_seconds` is SD 1.5's."""
PEAK_GB = {("sd1", "bfloat16"): 3.2, ("sdxl", "bfloat16"): 8.0}
PREDICTED = 0.10
"""How far the peak that was told may be from the real one."""


def run(words: Sequence[str]) -> int:
    """Print and keep the figures; 1 when a goal is missed. With `--part` one part's figures as JSON, for the process that asked."""
    options = parser().parse_args(list(words))
    if options.part:
        print(json.dumps(models_parts.PARTS[options.part](options)))
        return 0
    results, missed = _earlier(options.name), list[str]()
    for checkpoint in options.checkpoint:
        found = measure(options, checkpoint)
        name = f"{checkpoint} {options.dtype} {options.size}"
        results[name] = with_earlier(results.get(name, {}), found, options.only)
        missed += [f"{checkpoint}: {name}" for name in show(checkpoint, found)]
    print(keep(options.name, results))
    print(f"Missed: {', '.join(missed)}" if missed else "All goals are reached.")
    return int(bool(missed))


def parser() -> argparse.ArgumentParser:
    """The bench's flags."""
    made = argparse.ArgumentParser(prog="python -m webui bench models", description="Loading, memory and switching of checkpoints.")
    made.add_argument("--checkpoint", nargs="+", required=True, help="names of models")
    made.add_argument("--models-dir", type=Path, action="append", default=[])
    made.add_argument("--dtype", default="bfloat16", choices=["float32", "bfloat16", "float16"])
    made.add_argument("--device", default="cpu")
    made.add_argument("--size", type=int, default=512)
    made.add_argument("--steps", type=int, default=2)
    made.add_argument("--switches", type=int, default=20)
    made.add_argument("--only", nargs="+", default=list(models_parts.PARTS), choices=list(models_parts.PARTS))
    made.add_argument("--name", default="models", help="name of the result in docs/bench")
    made.add_argument("--part", choices=list(models_parts.PARTS), help=argparse.SUPPRESS)
    return made


def measure(options: argparse.Namespace, checkpoint: str) -> dict[str, Any]:
    """The figures of one checkpoint, each part in its own process; a part that fails has its last words instead."""
    found: dict[str, Any] = {}
    for part in options.only:
        asked = [sys.executable, "-m", "webui", "bench", "models", "--part", part, "--checkpoint", checkpoint]
        for name in ("dtype", "device", "size", "steps", "switches"):
            asked += [f"--{name}", str(getattr(options, name))]
        for folder in options.models_dir:
            asked += ["--models-dir", str(folder)]
        ended = subprocess.run(asked, capture_output=True, text=True, check=False)
        lines = ended.stdout.strip().splitlines()
        failed = ended.returncode or not lines
        found |= {f"{part}_error": (ended.stderr.strip().splitlines() or [""])[-1]} if failed else json.loads(lines[-1])
    return found


def with_earlier(earlier: Mapping[str, Any], found: Mapping[str, Any], parts: Sequence[str]) -> dict[str, Any]:
    """What is found now beside what other parts gave earlier; an error that a part has now, or no longer has, is this run's."""
    errors = {f"{part}_error" for part in parts}
    return {**{name: value for name, value in earlier.items() if name not in errors}, **found}


def show(checkpoint: str, found: Mapping[str, Any]) -> list[str]:
    """Print one checkpoint's figures; gives the names of those that miss their goal."""
    missed = []
    for name, value in found.items():
        goal = goal_of(name, found)
        is_missed = name.endswith("_error") or (goal is not None and isinstance(value, float) and not goal[0] <= value <= goal[1])
        missed += [name] if is_missed else []
        said = f"{value:.3f}" if isinstance(value, float) else str(value)
        print(f"{checkpoint:<24} {name:<28} {said}" + (f"   (goal {goal[0]:g} to {goal[1]:g})" if goal else ""), flush=True)
    return missed


def goal_of(name: str, found: Mapping[str, Any]) -> tuple[float, float] | None:
    """From what to what a figure should be; None for those that only tell."""
    if name == "predicted_to_real":
        return 1 - PREDICTED, 1 + PREDICTED
    if name == "peak_gb" and (most := PEAK_GB.get((str(found.get("family")), str(found.get("dtype"))))):
        return 0.0, most
    if name == "set_first_seconds" and found.get("set_family") != "sd1":
        return None
    return (0.0, GOALS[name]) if name in GOALS else None


def _earlier(name: str) -> dict[str, Any]:
    path = FOLDER / f"{name}.json"
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))["figures"]
    except (OSError, ValueError, KeyError):
        return {}
    return dict(figures)
