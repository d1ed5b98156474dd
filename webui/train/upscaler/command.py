"""`python -m webui train upscaler`: fetch the art, learn for some minutes, write the file, and measure it beside Lanczos."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import torch

from webui.settings import PROJECT
from webui.train.upscaler.course import Course, train
from webui.train.upscaler.network import Compact, read, write
from webui.train.upscaler.pictures import gather
from webui.train.upscaler.score import measure


def parser() -> argparse.ArgumentParser:
    """The flags."""
    made = argparse.ArgumentParser(prog="python -m webui train upscaler", description="Train an upscaler on the default model's art.")
    made.add_argument("--minutes", type=float, default=15.0, help="how long to learn (default: 15)")
    made.add_argument("--steps", type=int, default=0, help="steps instead of minutes: the same result on every run")
    made.add_argument("--art", type=int, default=600, help="pieces of art of each style (default: 600)")
    made.add_argument("--pairs", type=int, default=16, help="patches in a step (default: 16)")
    made.add_argument("--width", type=int, default=24, help="channels of each colour (default: 24)")
    made.add_argument("--layers", type=int, default=12, help="convolutions in the middle (default: 12)")
    made.add_argument("--from", dest="start", type=Path, metavar="FILE", help="go on from the weights of this file")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--folder", type=Path, default=Path(".train"), help="where packages are kept (default: .train)")
    made.add_argument("--model", type=Path, default=PROJECT / "models" / "Stable-diffusion" / "darkroom-tiny.safetensors")
    made.add_argument("--out", type=Path, default=Path(".train/darkroom-4x.safetensors"), help="the file that is written")
    return made


def run(words: Sequence[str]) -> int:
    """The whole recipe: one process, one thread."""
    options = parser().parse_args(list(words))
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    gallery = gather(options.folder / "art", options.model, options.seed, options.art)
    print(f"{len(gallery.art)} pieces of art, {len(gallery.by_model)} through the default model", flush=True)
    network = read(options.start) if options.start else Compact(options.width, options.layers)
    course = Course(options.steps, options.minutes * 60, options.pairs, options.seed)
    weights, steps = train(network, gallery, course, lambda said: print(said, flush=True))
    about = {"title": "Darkroom 4x", "license": "Apache-2.0 (trained on MIT and Apache-2.0 licensed art, see NOTICE)", "steps": str(steps)}
    write(options.out, weights, about)
    scores = measure(read(options.out).eval(), options.folder / "art", options.model)
    for score in scores:
        print(f"{score.what}: Lanczos {score.lanczos} dB, network {score.network} dB ({score.pictures} pictures)")
    options.out.with_suffix(".json").write_text(json.dumps([score.model_dump() for score in scores], indent=1) + "\n")
    return 0
