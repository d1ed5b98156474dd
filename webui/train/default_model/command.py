"""`python -m webui train default-model`: stage after stage, each resumable; run it again and it goes on where it was.

Time is shared out between the stages; a stage that was finished is not begun again. States lie in a folder per list and starting
file (`.train/first`, `.train/second-from-NAME`): delete it to begin afresh.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import nn

from webui.train.default_model import diffusion, vae
from webui.train.default_model.compose import generator
from webui.train.default_model.data import Lesson, prepare
from webui.train.default_model.export import Exported, Native, metadata, read, write
from webui.train.default_model.latents import Latents, encode, preview
from webui.train.default_model.networks import SCALE, Shape, build_text, build_unet, build_vae
from webui.train.default_model.sheet import plot
from webui.train.default_model.state import Stage
from webui.train.default_model.vocabulary import tokenizer
from webui.train.default_model.workers import Budget, World, join, start_others

_SAVE_EVERY, _EXPORT_EVERY, _SAY_EVERY = 60.0, 600.0, 20
_FOLD_PICTURES = 128
_DECODER_RATE = 1e-3
Weights = dict[str, torch.Tensor]


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m webui train default-model", description="Train the default model, or go on training it.")
    made.add_argument("--hours", type=float, default=2.0, help="time for the stages together (default: 2)")
    made.add_argument("--steps", type=int, default=0, help="steps per stage instead of hours: the same result on every run")
    made.add_argument("--vae-share", type=float, default=0.3, help="the autoencoder's part of the time (default: 0.3)")
    made.add_argument("--decoder-share", type=float, default=0.15, help="the part for sharpening the decoder at the end (default: 0.15)")
    made.add_argument("--stage", default="all", choices=["all", "vae", "diffusion", "decoder"])
    made.add_argument("--list", default="first", choices=["first", "second", "nouns"], help="which concepts, see concepts.py")
    made.add_argument(
        "--from", dest="start", type=Path, default=None, metavar="FILE", help="start from an exported file, with fresh optimisers"
    )
    made.add_argument("--folder", type=Path, default=Path(".train"), help="where packages and states are kept (default: .train)")
    made.add_argument("--out", type=Path, default=Path(".train/darkroom-tiny.safetensors"), help="the exported file")
    made.add_argument("--batch", type=int, default=20, help="pictures per step and worker in the diffusion stage (GPU: 512)")
    made.add_argument("--vae-batch", type=int, default=4, help="pictures per step and worker in the autoencoder's stages (GPU: 128)")
    made.add_argument("--workers", type=int, default=2, help="processes of one thread each (GPU: 1)")
    made.add_argument("--device", default="cpu", help="cpu or cuda")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--rank", type=int, default=0, help=argparse.SUPPRESS)
    return made


class Reporter:
    """In worker 0: saves the state every minute, exports every ten, and writes a line every few steps."""

    def __init__(self, path: Path, world: World, finish: Callable[[Stage], None] | None = None) -> None:
        self.path, self.world, self.finish = path, world, finish
        self.saved = self.exported = time.monotonic()

    def __call__(self, state: Stage, progress: float) -> None:
        if self.world.rank != 0:
            return
        if state.step % _SAY_EVERY == 0:
            recent = state.log[-_SAY_EVERY:]
            means = {key: round(sum(entry[key] for entry in recent) / len(recent), 4) for key in recent[0] if key not in ("step", "worked")}
            print(f"{time.strftime('%H:%M:%S')} {self.path.stem} step {state.step} {progress:.1%} {json.dumps(means)}", flush=True)
        if time.monotonic() - self.saved > _SAVE_EVERY or progress >= 1:
            state.save(self.path)
            plot(state.log, "loss", self.path.with_suffix(".png"))
            self.saved = time.monotonic()
        if self.finish and (time.monotonic() - self.exported > _EXPORT_EVERY or progress >= 1):
            self.finish(state)
            self.exported = time.monotonic()


class Exporter:
    """Writes averaged weights as one file."""

    def __init__(self, options: argparse.Namespace, shape: Shape, lesson: Lesson, latents: Latents) -> None:
        self.options, self.shape, self.lesson, self.latents = options, shape, lesson, latents

    def __call__(self, coder: Weights, averages: dict[str, Weights], step: int) -> None:
        native = Native(width=self.shape.size, height=self.shape.size)
        facts = {
            "title": "Darkroom Tiny",
            "license": "Apache-2.0 (trained on MIT-licensed art, see NOTICE)",
            "description": f"Trained from scratch on {len(self.lesson.concepts)} concepts, {step} steps, seed {self.options.seed}.",
        }
        about = metadata(self.shape, self.lesson.vocabulary, native, facts)
        about["darkroom.concepts"] = json.dumps([concept.label for concept in self.lesson.concepts])
        about["darkroom.latent_rgb"] = json.dumps(preview(self.latents, self.lesson.listed(), self.options.seed))
        write(self.options.out, self.shape, averages["unet"], coder, averages["text"], about)


def run(words: Sequence[str]) -> int:
    """The whole recipe, or one stage of it."""
    options = parser().parse_args(list(words))
    options.work = options.folder / (f"{options.list}-from-{options.start.stem}" if options.start else options.list)
    torch.set_num_threads(1)
    lesson = prepare(options.folder, options.list)
    meeting = options.folder.resolve() / "meeting"
    others = start_others(list(words), options.workers, meeting) if options.rank == 0 else []
    world = join(options.rank, options.workers, meeting)
    start = read(options.start) if options.start else None
    if options.stage in ("all", "vae"):
        train_vae(options, lesson, world, start)
    if options.stage in ("all", "diffusion"):
        train_diffusion(options, lesson, world, start)
    if options.stage in ("all", "decoder"):
        train_decoder(options, lesson, world, start)
    world.close()
    return max([0, *(abs(other.wait()) for other in others)])


def budget(options: argparse.Namespace, share: float) -> Budget:
    whole = options.stage != "all"
    return Budget(steps=options.steps) if options.steps else Budget(seconds=options.hours * 3600 * (1.0 if whole else share))


def train_vae(options: argparse.Namespace, lesson: Lesson, world: World, start: Exported | None) -> None:
    torch.manual_seed(options.seed)
    path = options.work / "vae.state"
    peak = 1e-3 if start else 2e-3
    state = vae.stage(build_vae(start.shape if start else Shape()).to(options.device), peak, world)
    if not state.load(path) and start:
        state.warm("vae", start.vae)
    art = (lesson.listed(), lesson.others())
    time, report = budget(options, options.vae_share), Reporter(path, world)
    vae.train(state, art, world, time, report, seed=options.seed, batch=options.vae_batch, lr=peak)


def train_diffusion(options: argparse.Namespace, lesson: Lesson, world: World, start: Exported | None) -> None:
    torch.manual_seed(options.seed + 1)
    shape = start.shape if start else Shape()
    coder = folded(options, lesson, shape, start)
    latents = encoded(options, lesson, coder, world)
    peak = 7e-4 if start else 1.5e-3
    state = diffusion.stage(build_unet(shape).to(options.device), build_text(shape).to(options.device), peak, world)
    path = options.work / "diffusion.state"
    if not state.load(path) and start:
        state.warm("unet", start.unet)
        state.warm("text", start.text)
    export = Exporter(options, shape, lesson, latents)
    report = Reporter(path, world, lambda stage: export(coder.state_dict(), stage.averages, stage.step))
    data = (lesson.concepts, latents, tokenizer(lesson.vocabulary))
    time = budget(options, 1 - options.vae_share - options.decoder_share)
    diffusion.train(state, data, world, time, report, seed=options.seed, batch=options.batch, lr=peak)


def train_decoder(options: argparse.Namespace, lesson: Lesson, world: World, start: Exported | None) -> None:
    shape = start.shape if start else Shape()
    coder = folded(options, lesson, shape, start)
    latents = encoded(options, lesson, coder, world)
    learned = torch.load(options.work / "diffusion.state", map_location="cpu", weights_only=True)
    state = vae.stage(coder.train(), _DECODER_RATE, world)
    path = options.work / "decoder.state"
    state.load(path)
    export = Exporter(options, shape, lesson, latents)
    report = Reporter(path, world, lambda stage: export(stage.averages["vae"], learned["averages"], learned["step"]))
    data = (latents, lesson.listed())
    time = budget(options, options.decoder_share)
    vae.train_decoder(state, data, world, time, report, seed=options.seed, batch=options.vae_batch, lr=_DECODER_RATE)


def folded(options: argparse.Namespace, lesson: Lesson, shape: Shape, start: Exported | None) -> nn.Module:
    """The averaged autoencoder of this folder, else the starting file's, with latents of unit deviation."""
    coder, state = build_vae(shape).to(options.device), options.work / "vae.state"
    if state.exists():
        coder.load_state_dict(torch.load(state, map_location=options.device, weights_only=True)["averages"]["vae"])
    elif start:
        coder.load_state_dict(start.vae)
    else:
        raise SystemExit(f"There is no autoencoder in {options.work}: run the stage vae first, or name a file with --from.")
    coder.eval()
    vae.fold(coder, vae.pictures(lesson.listed(), [], _FOLD_PICTURES, generator(options.seed, 4)).to(options.device), SCALE)
    return coder


def encoded(options: argparse.Namespace, lesson: Lesson, coder: nn.Module, world: World) -> Latents:
    """The list's pictures as latents: made by worker 0, read by the others."""
    path = options.work / "latents.pt"
    if world.rank == 0 and not path.exists():
        made = encode(coder, lesson.listed(), SCALE, options.seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save([made.mean, made.deviation], path)
    world.wait()
    mean, deviation = torch.load(path, weights_only=True)
    return Latents(mean=mean, deviation=deviation)


if __name__ == "__main__":
    raise SystemExit(run(sys.argv[1:]))
