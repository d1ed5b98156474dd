"""`bench default-model`: how good the shipped model is, by a judge that learned from the art alone.

Prompts and seeds are ones that training never used. The judge's own accuracy is printed first: no score can be trusted further.
What a model says it was not taught is not scored, and counts as not passed.
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from webui.bench.edits import EditScores, edits
from webui.train.default_model import judge, scene_score
from webui.train.default_model.bank import load
from webui.train.default_model.data import prepare
from webui.train.default_model.pack import write as write_pack
from webui.train.default_model.scene_score import SceneScores
from webui.train.default_model.score import Scores, painter, score
from webui.train.default_model.sheet import contact_sheet

_MODEL = Path("models/Stable-diffusion/darkroom-tiny.safetensors")
_COLUMNS, _EDIT_COLUMNS, _ROWS = 12, 4, 100
"""More rows than that would be higher than a WebP picture may be (16,383 pixels)."""
_STYLES, _SCENES = "darkroom.styles", "darkroom.scenes"
NOT_TAUGHT = "not taught"
Row = tuple[str, str]


def run(words: Sequence[str]) -> int:
    """Score a file, print the table, keep the numbers as JSON and the pictures as contact sheets."""
    options = _parser().parse_args(list(words))
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    about = painter(options.model)[1].metadata
    staged = _STYLES in about and _SCENES in about
    found, critic, labels = (_scenes if staged else _objects)(options, about)
    content = {"model": options.model.name, "seed": options.seed, **speed(options.model), **found.model_dump()}
    print("\n".join(f"{name:<60}{value:>12}" for name, value in rows(found)))
    if isinstance(found, Scores):
        print("taken for another: " + (", ".join(f"{asked} → {seen}" for asked, seen in found.wrong) or "none"))
        content["list"] = options.list
    if options.edits:
        changed, pictures, told = edits(options.model, labels, critic.cpu(), options.edits, options.seed, options.threads)
        print("\n".join(f"{name:<60}{value:>12}" for name, value in edit_rows(changed)))
        contact_sheet(pictures, told, _EDIT_COLUMNS, 192).save(options.out / "default-model-edits.webp", quality=85)
        content["changes"] = changed.model_dump()
    (options.out / "default-model.json").write_text(json.dumps(content, indent=1) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m webui bench default-model", description="Score the default model.")
    made.add_argument("--model", type=Path, default=_MODEL)
    made.add_argument(
        "--list", default="first", choices=["first", "second", "nouns"], help="which concepts, see train/default_model/concepts.py"
    )
    made.add_argument("--folder", type=Path, default=Path(".train"), help="where the art is kept (default: .train)")
    made.add_argument("--art", type=Path, default=None, metavar="FILE", help="for a model of the GPU's recipe: the packed art")
    made.add_argument("--out", type=Path, default=Path("docs/bench"))
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--judge-steps", type=int, default=300)
    made.add_argument("--threads", type=int, default=1)
    made.add_argument("--edits", type=int, default=12, help="pictures to change by img2img and inpainting (default: 12, 0: none)")
    made.add_argument("--device", default="cpu", help="cpu or cuda, for a model of the GPU's recipe")
    made.add_argument("--pairs", type=int, default=100, help="pictures of two things (default: 100)")
    made.add_argument("--hues", type=int, default=70, help="pictures of things with a colour word (default: 70)")
    return made


def _objects(options: argparse.Namespace, about: Mapping[str, str]) -> tuple[Scores, nn.Module, list[str]]:
    """A model of single objects in one style."""
    lesson = prepare(options.folder, options.list)
    critic = judge.kept(options.folder, judge.showing(lesson.listed()), len(lesson.concepts), options.judge_steps, options.seed)
    found, made, prompts = score(options.model, lesson, critic, options.seed)
    contact_sheet(made, prompts, _COLUMNS).save(options.out / "default-model.webp", quality=85)
    return found, critic, [concept.label for concept in lesson.concepts]


def _scenes(options: argparse.Namespace, about: Mapping[str, str]) -> tuple[SceneScores, nn.Module, list[str]]:
    """A model that was taught styles and arranged scenes."""
    styles, art = tuple(json.loads(about[_STYLES])), options.art or options.folder / f"art-{options.list}.zip"
    if not art.exists():
        write_pack(art, options.folder / "art", options.list, styles)
    model, found = painter(options.model, options.device)
    bank = load(art, styles, found.shape.size, options.device, options.folder)
    shown = scene_score.showing(bank)
    kind, classes = f"{len(styles)}-styles-", len(bank.concepts)
    critic = judge.kept(options.folder, shown, classes, options.judge_steps, options.seed, kind, options.device)
    scores, made = scene_score.score(model, bank, critic, options.seed, options.pairs, options.hues)
    pictures = torch.stack([picture for picture, _ in made])
    contact_sheet(pictures, [text for _, text in made], columns(len(made))).save(options.out / "default-model.webp", quality=85)
    return scores, critic, [concept.label for concept in bank.concepts]


def columns(pictures: int) -> int:
    """How wide the contact sheet of so many pictures is."""
    return max(_COLUMNS, -(-pictures // _ROWS))


def rows(found: Scores | SceneScores) -> list[Row]:
    """What is measured, and the number; a model that was not taught something says so."""
    judged = ("the judge itself, on art it was not trained on", percent(found.judge_accuracy))
    decibels = ("autoencoder, PSNR on listed art", f"{found.vae_psnr:.1f} dB")
    if isinstance(found, SceneScores):
        styles = [(f"right concept of {found.concepts}, {style}", percent(share)) for style, share in found.styles.items()]
        return [
            judged,
            *styles,
            ("right background colour of 12", percent(found.background)),
            ("two things, both right and each on its side", percent(found.pairs)),
            ("a thing in the colour that is asked for", percent(found.hues)),
            ("that colour measure itself, on the art", percent(found.hue_measure)),
            decibels,
        ]
    return [
        judged,
        (f"right concept of {found.concepts}, background named", percent(found.top1)),
        (f"right concept of {found.concepts}, no background named", percent(found.top1_bare)),
        ("right background colour of 12", percent(found.background)),
        ("by style", NOT_TAUGHT),
        ("two things, both right and each on its side", NOT_TAUGHT),
        ("a thing in the colour that is asked for", NOT_TAUGHT),
        decibels,
    ]


def edit_rows(found: EditScores) -> list[Row]:
    """The three ways of changing a picture."""
    return [
        (f"img2img: new background, same thing ({found.edits} pictures)", percent(found.img2img)),
        ("inpainting: new background, same thing", percent(found.background)),
        ("inpainting: another thing, same background", percent(found.object)),
    ]


def percent(value: float) -> str:
    return f"{value:.1%}"


def speed(path: Path) -> dict[str, Any]:
    """Seconds to read the file and to make one picture with its native request, with the reference sampler."""
    start = time.perf_counter()
    model, _ = painter(path)
    ready = time.perf_counter()
    model.paint(["a red apple"], [1])
    done = time.perf_counter()
    print(f"loaded in {ready - start:.2f} s, 20 steps with guidance in {done - ready:.2f} s ({torch.get_num_threads()} thread)")
    return {"load_seconds": round(ready - start, 2), "picture_seconds": round(done - ready, 2)}
