"""`bench default-model`: how good the shipped model is, by a judge that learned from the art alone.

Prompts and seeds are ones that training never used. The judge's own accuracy is printed first: no score can be trusted further.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from webui.train.default_model import judge
from webui.train.default_model.data import prepare
from webui.train.default_model.score import Scores, painter, score
from webui.train.default_model.sheet import contact_sheet

_MODEL = Path("models/Stable-diffusion/darkroom-tiny.safetensors")
_COLUMNS = 12


def run(words: Sequence[str]) -> int:
    """Score a file, print the table, keep the numbers as JSON and the pictures as a contact sheet."""
    options = _parser().parse_args(list(words))
    torch.set_num_threads(options.threads)
    lesson = prepare(options.folder, options.list)
    critic = judge.kept(options.folder, lesson.listed(), options.judge_steps, options.seed)
    found, made, prompts = score(options.model, lesson, critic, options.seed)
    print(table(found))
    options.out.mkdir(parents=True, exist_ok=True)
    contact_sheet(made, prompts, _COLUMNS).save(options.out / "default-model.webp", quality=85)
    content = {"model": options.model.name, "list": options.list, "seed": options.seed, **speed(options.model), **found.model_dump()}
    (options.out / "default-model.json").write_text(json.dumps(content, indent=1) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m webui bench default-model", description="Score the default model.")
    made.add_argument("--model", type=Path, default=_MODEL)
    made.add_argument(
        "--list", default="first", choices=["first", "second", "nouns"], help="which concepts, see train/default_model/concepts.py"
    )
    made.add_argument("--folder", type=Path, default=Path(".train"), help="where the art is kept (default: .train)")
    made.add_argument("--out", type=Path, default=Path("docs/bench"))
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--judge-steps", type=int, default=300)
    made.add_argument("--threads", type=int, default=1)
    return made


def table(found: Scores) -> str:
    """The numbers as lines of text."""
    rows = [
        ("the judge itself, on art it was not trained on", f"{found.judge_accuracy:.1%}"),
        (f"right concept of {found.concepts}, background named", f"{found.top1:.1%}"),
        (f"right concept of {found.concepts}, no background named", f"{found.top1_bare:.1%}"),
        ("right background colour of 12", f"{found.background:.1%}"),
        ("autoencoder, PSNR on listed art", f"{found.vae_psnr:.1f} dB"),
    ]
    lines = [f"{name:<52}{value:>10}" for name, value in rows]
    return "\n".join([*lines, "taken for another: " + (", ".join(f"{asked} → {seen}" for asked, seen in found.wrong) or "none")])


def speed(path: Path) -> dict[str, float]:
    """Seconds to read the file and to make one picture with its native request, with the reference sampler."""
    start = time.perf_counter()
    model, _ = painter(path)
    ready = time.perf_counter()
    model.paint(["a red apple"], [1])
    done = time.perf_counter()
    print(f"loaded in {ready - start:.2f} s, 20 steps with guidance in {done - ready:.2f} s ({torch.get_num_threads()} thread)")
    return {"load_seconds": round(ready - start, 2), "picture_seconds": round(done - ready, 2)}
