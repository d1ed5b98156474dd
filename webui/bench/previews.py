"""`bench previews`: what watching costs a run, by method: its processor time beside the same run with nobody looking."""

import argparse
import dataclasses
import time
from collections.abc import Sequence
from functools import partial

from webui.bench.results import keep
from webui.core.events import Event
from webui.core.request import GenerationRequest
from webui.generation.preview import PreviewSettings
from webui.local import LocalRunner
from webui.models.preview_decoders import Method
from webui.settings import load_settings

GOAL = 0.03
METHODS: tuple[Method, ...] = ("linear", "full")


def run(words: Sequence[str]) -> int:
    """Measure, print, keep; 0 when every method is within the goal."""
    parser = argparse.ArgumentParser(prog="bench previews")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--period", type=float, default=0.25)
    options = parser.parse_args(list(words))
    alone = LocalRunner(load_settings({"threads": 1}))
    try:
        figures = measure(alone, options.rounds, options.period)
    finally:
        alone.close()
    for name, value in figures.items():
        print(f"{name:<24}{value:8.4f}")
    print(keep("previews", {**figures, "goal": GOAL}))
    return 0 if all(figures[f"{method}_share"] <= GOAL for method in METHODS) else 1


def measure(alone: LocalRunner, rounds: int, period: float) -> dict[str, float]:
    """Share of the run's processor time (the least of each way) and frames per run; the ways take turns, the first round is not counted."""
    request = alone.resolve(GenerationRequest(prompt="a red apple", seed=1, steps=40, batch_count=2))
    wishes: dict[str, PreviewSettings] = {"none": PreviewSettings()}
    for method in METHODS:
        wishes[method] = PreviewSettings(period=period, method=method)
    quiet = alone.context
    spent: dict[str, list[float]] = {name: [] for name in wishes}
    frames: dict[str, int] = {}
    for _ in range(rounds + 1):
        for name, settings in wishes.items():
            alone.context = dataclasses.replace(quiet, preview_settings=partial(_same, settings))
            seen: list[Event] = []
            began = time.process_time()
            alone.run(request, seen.append)
            spent[name].append(time.process_time() - began)
            frames[name] = sum(event.type == "preview" for event in seen)
    bare = min(spent["none"][1:])
    figures = {"run_seconds": bare, "period": period}
    for method in METHODS:
        figures |= {f"{method}_share": min(spent[method][1:]) / bare - 1, f"{method}_frames": float(frames[method])}
    return figures


def _same(settings: PreviewSettings) -> PreviewSettings:
    return settings
