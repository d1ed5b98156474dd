"""`python -m webui train default-model`: stage after stage, each resumable; run it again and it goes on where it was.

Time is shared out between the stages; a stage that was finished is not begun again. States lie in a folder per list and starting
file (`.train/first`, `.train/second-from-NAME`): delete it to begin afresh.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from webui.train.default_model import diffusion, pack, staged, vae
from webui.train.default_model.compose import generator
from webui.train.default_model.data import Lesson, prepare
from webui.train.default_model.export import Exported, Native, metadata, read, write
from webui.train.default_model.latents import Latents, encode, preview
from webui.train.default_model.networks import SCALE, Shape, build_text, build_unet, build_vae
from webui.train.default_model.recipe import STYLES, Part, Recipe, gpu, short
from webui.train.default_model.report import Paused, Reporter
from webui.train.default_model.vocabulary import tokenizer
from webui.train.default_model.workers import Budget, WorkerGroup, join, start_others

_FOLD_PICTURES = 128
_DECODER_RATE = 1e-3
Weights = dict[str, torch.Tensor]


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m webui train default-model", description="Train the default model, or go on training it.")
    made.add_argument(
        "--recipe",
        default="cpu",
        choices=["cpu", "gpu", "gpu-short"],
        help="cpu: flat icons, 128 pixels; gpu: three styles, 256 pixels, arranged scenes; gpu-short: flat icons, 256 pixels, arranged "
        "scenes, all parts within --minutes",
    )
    made.add_argument("--hours", type=float, default=2.0, help="time for the stages together (default: 2)")
    made.add_argument("--minutes", type=float, default=0.0, help="end this run after so long; the same command goes on from there")
    made.add_argument("--steps", type=int, default=0, help="steps per stage instead of hours: the same result on every run")
    made.add_argument("--list", default="", choices=["", "first", "second", "nouns"], help="which concepts, see concepts.py")
    made.add_argument("--folder", type=Path, default=Path(".train"), help="where packages and states are kept (default: .train)")
    made.add_argument("--out", type=Path, default=Path(".train/darkroom-tiny.safetensors"), help="the exported file")
    made.add_argument("--device", default="", help="cpu or cuda (default: as the recipe is named)")
    made.add_argument("--batch", type=int, default=0, help="pictures per step in the diffusion stages (cpu: 20, gpu: 512, then 256)")
    made.add_argument("--vae-batch", type=int, default=0, help="the same for the autoencoder's stages (cpu: 4, gpu: 128, then 48)")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument(
        "--from",
        dest="start",
        type=Path,
        default=None,
        metavar="FILE",
        help="start from an exported file, with fresh optimisers (gpu: from its autoencoder)",
    )
    made.add_argument("--rank", type=int, default=0, help=argparse.SUPPRESS)
    _cpu_flags(made.add_argument_group("only with --recipe cpu"))
    _gpu_flags(made.add_argument_group("only with --recipe gpu or gpu-short"))
    return made


def _cpu_flags(made: "argparse._ArgumentGroup") -> None:
    made.add_argument("--vae-share", type=float, default=0.3, help="the autoencoder's part of the time (default: 0.3)")
    made.add_argument("--decoder-share", type=float, default=0.15, help="the part for sharpening the decoder at the end (default: 0.15)")
    made.add_argument("--stage", default="all", choices=["all", "vae", "diffusion", "decoder"])
    made.add_argument("--workers", type=int, default=2, help="processes of one thread each")


def _gpu_flags(made: "argparse._ArgumentGroup") -> None:
    made.add_argument("--size", type=int, default=256, choices=[128, 256], help="native size in pixels (default: 256)")
    made.add_argument("--styles", default="", help=f"which of the styles, by commas (default: {','.join(STYLES)}; gpu-short: {STYLES[0]})")
    made.add_argument("--pack", type=Path, default=None, metavar="FILE", help="only write the art into one file to carry")
    made.add_argument("--art", type=Path, default=None, metavar="FILE", help="take the art from such a file, without a network")
    made.add_argument("--readers", type=int, default=-1, help="processes that word and tokenise captions ahead (gpu: 8, gpu-short: 12)")
    made.add_argument("--scenes", type=int, default=0, help="scenes that are encoded ahead, for each size (gpu: 262144, then 65536)")
    made.add_argument("--shares", default="", help="the parts' shares of the time, by commas")


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
    if options.recipe != "cpu":
        return _run_staged(options)
    _fill_in(options)
    options.work = options.folder / (f"{options.list}-from-{options.start.stem}" if options.start else options.list)
    torch.set_num_threads(1)
    lesson = prepare(options.folder, options.list)
    meeting = options.folder.resolve() / "meeting"
    others = start_others(list(words), options.workers, meeting) if options.rank == 0 else []
    group = join(options.rank, options.workers, meeting)
    start = read(options.start) if options.start else None
    try:
        if options.stage in ("all", "vae"):
            train_vae(options, lesson, group, start)
        if options.stage in ("all", "diffusion"):
            train_diffusion(options, lesson, group, start)
        if options.stage in ("all", "decoder"):
            train_decoder(options, lesson, group, start)
    except Paused as pause:
        print(pause, flush=True)
    group.close()
    return max([0, *(abs(other.wait()) for other in others)])


def _fill_in(options: argparse.Namespace) -> None:
    """The values of the recipe for a CPU where no flag says otherwise."""
    options.list, options.device = options.list or "first", options.device or "cpu"
    options.batch, options.vae_batch = options.batch or 20, options.vae_batch or 4
    if options.minutes and options.workers > 1:
        raise SystemExit("--minutes needs --workers 1 here: several workers must stop at the same step. Or set --hours.")
    options.until = time.monotonic() + options.minutes * 60 if options.minutes else 0.0


def _run_staged(options: argparse.Namespace) -> int:
    recipe = chosen_recipe(options)
    if options.pack:
        pack.write(options.pack, options.folder / "art", recipe.list, recipe.styles)
        return 0
    return staged.run(recipe, options)


def chosen_recipe(options: argparse.Namespace) -> Recipe:
    """The recipe for a GPU, changed by the flags."""
    styles = tuple(style.strip() for style in options.styles.split(",") if style.strip())
    preset = short if options.recipe == "gpu-short" else gpu
    made = preset(options.size, styles) if styles else preset(options.size)
    unknown = [style for style in made.styles if style not in STYLES]
    if unknown:
        raise SystemExit(f"There is no style {unknown[0]!r}. Styles: {', '.join(STYLES)}.")
    changed = {
        "device": options.device or made.device,
        "list": options.list or made.list,
        "readers": made.readers if options.readers < 0 else options.readers,
        "parts": changed_parts(options, made.parts),
    }
    return made.model_copy(update=changed)


def changed_parts(options: argparse.Namespace, parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """The parts with the batches, scenes and shares that flags ask for."""
    try:
        shares = [float(word) for word in options.shares.split(",")] if options.shares else [part.share for part in parts]
    except ValueError:
        shares = []
    if len(shares) != len(parts) or min(shares) <= 0:
        names = ", ".join(part.name for part in parts)
        raise SystemExit(
            f"--shares {options.shares!r} must be {len(parts)} numbers above 0, one for each of {names}, for instance 0.2,0.4,0.4."
        )
    batches = {"vae": options.vae_batch, "diffusion": options.batch}
    found = []
    for part, share in zip(parts, shares, strict=True):
        scenes = options.scenes if options.scenes and part.scenes else part.scenes
        found.append(part.model_copy(update={"batch": batches[part.kind] or part.batch, "share": share, "scenes": scenes}))
    return tuple(found)


def budget(options: argparse.Namespace, share: float) -> Budget:
    whole = options.stage != "all"
    return Budget(steps=options.steps) if options.steps else Budget(seconds=options.hours * 3600 * (1.0 if whole else share))


def train_vae(options: argparse.Namespace, lesson: Lesson, group: WorkerGroup, start: Exported | None) -> None:
    torch.manual_seed(options.seed)
    path = options.work / "vae.state"
    peak = 1e-3 if start else 2e-3
    state = vae.stage(build_vae(start.shape if start else Shape()).to(options.device), peak, group)
    if not state.load(path) and start:
        state.warm("vae", start.vae)
    batches = vae.drawing(lesson.listed(), lesson.others(), options.vae_batch)
    limit, report = budget(options, options.vae_share), Reporter(path, group, until=options.until)
    vae.train(state, batches, group, limit, report, seed=options.seed, lr=peak)


def train_diffusion(options: argparse.Namespace, lesson: Lesson, group: WorkerGroup, start: Exported | None) -> None:
    torch.manual_seed(options.seed + 1)
    shape = start.shape if start else Shape()
    coder = folded(options, lesson, shape, start)
    latents = encoded(options, lesson, coder, group)
    peak = 7e-4 if start else 1.5e-3
    state = diffusion.stage(build_unet(shape).to(options.device), build_text(shape).to(options.device), peak, group)
    path = options.work / "diffusion.state"
    if not state.load(path) and start:
        state.warm("unet", start.unet)
        state.warm("text", start.text)
    export = Exporter(options, shape, lesson, latents)
    report = Reporter(path, group, lambda stage: export(coder.state_dict(), stage.averages, stage.step), options.until)
    feed = diffusion.feed(lesson.concepts, latents, tokenizer(lesson.vocabulary), options.batch)
    limit = budget(options, 1 - options.vae_share - options.decoder_share)
    diffusion.train(state, feed, group, limit, report, seed=options.seed, lr=peak)


def train_decoder(options: argparse.Namespace, lesson: Lesson, group: WorkerGroup, start: Exported | None) -> None:
    shape = start.shape if start else Shape()
    coder = folded(options, lesson, shape, start)
    latents = encoded(options, lesson, coder, group)
    learned = torch.load(options.work / "diffusion.state", map_location="cpu", weights_only=True)
    state = vae.stage(coder.train(), _DECODER_RATE, group)
    path = options.work / "decoder.state"
    state.load(path)
    export = Exporter(options, shape, lesson, latents)
    report = Reporter(path, group, lambda stage: export(stage.averages["vae"], learned["averages"], learned["step"]), options.until)
    data = (latents, lesson.listed())
    limit = budget(options, options.decoder_share)
    vae.train_decoder(state, data, group, limit, report, vae.Course(options.seed, options.vae_batch, _DECODER_RATE))


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


def encoded(options: argparse.Namespace, lesson: Lesson, coder: nn.Module, group: WorkerGroup) -> Latents:
    """The list's pictures as latents: made by worker 0, read by the others."""
    path = options.work / "latents.pt"
    if group.rank == 0 and not path.exists():
        made = encode(coder, lesson.listed(), SCALE, options.seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save([made.mean, made.deviation], path)
    group.wait()
    mean, deviation = torch.load(path, weights_only=True)
    return Latents(mean=mean, deviation=deviation)


if __name__ == "__main__":
    raise SystemExit(run(sys.argv[1:]))
