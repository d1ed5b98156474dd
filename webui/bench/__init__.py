"""What `python -m webui bench NAME` measures. Each bench is a module with `run(words) -> int`, imported only when it is asked for."""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

BENCHES = {
    "start": "page ready, memory of web, first and next picture",
    "overhead": "our own code around the model, beside the bare model calls",
    "samplers": "what each sampler costs beside its model calls",
    "page": "the page in Chromium with an empty cache: first paint, usable, kilobytes, shifts, long tasks; arrow key to next picture",
    "parity": "pictures recorded from Forge, made again: PSNR of each",
    "calls": "what A1111's API costs beside its jobs, 200 polls a second, 100 clients at once",
    "queue": "10,000 queued jobs: submit, choose, start",
    "gallery": "100,000 pictures: the start, first rows, queries, 10,000 chosen and deleted with undo",
    "library": "5,000 model files: a look, a change, a search",
    "downloads": "a model from a server on loopback beside curl, and kill -9 while it comes",
    "models": "loading, peak memory beside what was told, three tabs, switches of checkpoints and LoRAs",
    "speed": "seconds a step and a picture, peak memory, beside plain diffusers",
    "layers": "a step on a CPU by the sum of its layers' fastest calls, by how weights and tensors lie",
    "batching": "several users in one batch, against one after another and against the bare UNet",
    "cluster": "a Ray cluster of two nodes, one of them killed; a choice among 10,000 jobs for 64 engines",
    "traffic": "20 users at random for 2,000 jobs: lost, mixed up, overtaken",
    "faults": "kill -9 at random moments: jobs lost, files torn, pictures made twice",
    "grids": "a grid planned, drawn, and made through three kills: cells lost or made twice",
    "previews": "what watching a picture form costs the run",
    "followers": "what twenty browsers that watch cost the web process",
    "fuzz": "broken and hostile files from a seed, through everything that reads them, for as long as you like",
    "fuzz-api": "calls made up from the API's schema, right and wrong ones: no 5xx, no hang, no words of Python's",
    "soak": "many jobs in a row: does memory grow?",
    "upscaling": "a 4× upscale by an RRDB network beside the bare network's calls, and its memory by size",
    "default-model": "the shipped model, scored by a judge that never saw it",
}


def run(name: str, words: Sequence[str]) -> int:
    """Run one bench with its own flags; 2 for a name that is unknown."""
    if name not in present():
        print(usage(), file=sys.stdout if name in ("-h", "--help") else sys.stderr)
        return 0 if name in ("-h", "--help") else 2
    return int(import_module(_module(name)).run(list(words)) or 0)


def present() -> dict[str, str]:
    """The benches that this version has, with what they measure."""
    return {name: text for name, text in BENCHES.items() if find_spec(_module(name)) is not None}


def usage() -> str:
    """What can be measured."""
    lines = [f"  {name:<16}{text}" for name, text in present().items()]
    return "\n".join(["python -m webui bench NAME …: measure, print, keep as JSON in docs/bench/", "", *lines])


def _module(name: str) -> str:
    return f"webui.bench.{name.replace('-', '_')}"
