"""`bench fuzz`: files as strangers make them, at random from a seed, through the functions that read them.

A target makes one case from a random generator and raises when something that must hold does not: an exception of Python's, a value out of
bounds, a neighbour that is not read any more. `--target NAME --seed N --cases 1` makes one again.
"""

import argparse
import random
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec

from webui.bench.results import keep

Target = Callable[[random.Random], None]
TARGETS = {
    "weights": "webui.bench.fuzz_models:weights",
    "embeddings": "webui.bench.fuzz_models:embeddings",
    "pictures": "webui.bench.fuzz_pictures:pictures",
    "metadata": "webui.bench.fuzz_metadata:metadata",
}
"""Where each target is; one whose module is not in this version is left out."""


def targets() -> dict[str, Target]:
    """The targets that this version has."""
    found = {}
    for name, place in TARGETS.items():
        module, _, function = place.partition(":")
        if find_spec(module) is not None:
            found[name] = getattr(import_module(module), function)
    return found


def violations(target: Target, seed: int, seconds: float, cases: int = 2**31) -> Iterator[tuple[int, str | None]]:
    """Run cases with the seeds from `seed` on; gives each seed with the traceback of what went wrong, or None."""
    until = time.monotonic() + seconds
    for number in range(seed, seed + cases):
        if time.monotonic() > until:
            return
        try:
            target(random.Random(number))
        except Exception:
            yield number, traceback.format_exc()
        else:
            yield number, None


def run(words: Sequence[str]) -> int:
    """Run the targets one after another; 1 when something went wrong."""
    known = targets()
    parser = argparse.ArgumentParser(prog="bench fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="for all targets together (default: 60)")
    parser.add_argument("--seed", type=int, default=0, help="of the first case; the next one has the next number (default: 0)")
    parser.add_argument("--cases", type=int, default=2**31, help="at most so many of each target")
    parser.add_argument("--target", choices=sorted(known), action="append", help="only this one; repeatable")
    options = parser.parse_args(words)
    chosen = {name: known[name] for name in options.target or known}
    figures = {}
    for name, target in chosen.items():
        count, wrong = 0, list[int]()
        for seed, said in violations(target, options.seed, options.seconds / len(chosen), options.cases):
            count += 1
            if said is not None:
                wrong.append(seed)
                print(f"{name}, seed {seed}:\n{said}")
        print(f"{name}: {count} cases, {len(wrong)} violations{': seeds ' + ', '.join(map(str, wrong[:20])) if wrong else ''}")
        figures[name] = {"cases": count, "violations": len(wrong)}
    print(keep("fuzz", {"seed": options.seed, "seconds": options.seconds, "targets": figures}))
    return int(any(figure["violations"] for figure in figures.values()))
