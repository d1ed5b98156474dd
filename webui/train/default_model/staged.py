"""The recipe for a GPU, part after part: each has a state of its own, so that the same command, run again, goes on where it was."""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from webui.train.default_model import diffusion, pack, vae
from webui.train.default_model.bank import HUES, load
from webui.train.default_model.canvas import paint
from webui.train.default_model.compose import generator
from webui.train.default_model.export import Native, metadata, read, write
from webui.train.default_model.feeds import Store, painting, store, teaching
from webui.train.default_model.latents import factors
from webui.train.default_model.networks import SCALE, Shape, build_text, build_unet, build_vae
from webui.train.default_model.recipe import Part, Recipe
from webui.train.default_model.report import Paused, Reporter
from webui.train.default_model.scenes import KINDS, OBJECTS, draw, kit
from webui.train.default_model.state import Stage
from webui.train.default_model.workers import Budget, WorkerGroup

Weights = dict[str, torch.Tensor]
_FOLD_PICTURES, _PREVIEW_PICTURES = 128, 128
_LAST_SECONDS, _EXPORT_EVERY = 6.0, 60.0
"""Of a run that ends all parts: what the last save and export may take, and how often it exports, in case it is cut off."""
ALONE = WorkerGroup(0, 1)


class Run:
    """One run of a recipe: where its states lie, how long it may take, and what all of its parts share."""

    def __init__(self, recipe: Recipe, options: argparse.Namespace) -> None:
        self.recipe, self.options = recipe, options
        self.work: Path = options.folder / f"{recipe.list}-{recipe.shape.size}"
        self.until = time.monotonic() + options.minutes * 60 if options.minutes else 0.0
        art = options.art or self._packed()
        self.bank = load(art, recipe.styles, recipe.shape.size, recipe.device, options.folder)
        self.shape = recipe.shape.model_copy(update={"vocabulary": len(self.bank.vocabulary.ids)})

    def _packed(self) -> Path:
        path: Path = self.options.folder / f"art-{self.recipe.list}.zip"
        if not path.exists():
            pack.write(path, self.options.folder / "art", self.recipe.list, self.recipe.styles)
        return path

    def state(self, part: Part) -> Path:
        return self.work / f"{part.name}.state"

    def budget(self, part: Part, worked: float = 0.0) -> Budget:
        """`worked`: the seconds that this part has had already; it matters only where one run ends all parts."""
        if self.options.steps:
            return Budget(steps=self.options.steps)
        if not self.recipe.at_once:
            return Budget(seconds=self.options.hours * 3600 * part.share)
        left = self.until - time.monotonic() - _LAST_SECONDS
        coming = sum(one.share for one in self.recipe.parts[self.recipe.parts.index(part) :])
        return Budget(seconds=worked + max(1.0, left) * part.share / coming)

    def report(self, part: Part, finish: Callable[[Stage], None] | None = None) -> Reporter:
        made = Reporter(self.state(part), ALONE, finish, self.until)
        if self.recipe.at_once:
            made.export_every = _EXPORT_EVERY
        return made

    def begun(self) -> Weights:
        """The autoencoder of the file that was named with --from, if any; it must have this recipe's shape."""
        if not self.options.start:
            return {}
        found = read(self.options.start)
        if (found.shape.vae, found.shape.vae_layers) != (self.shape.vae, self.shape.vae_layers):
            raise SystemExit(
                f"{self.options.start} has an autoencoder of {found.shape.vae} channels, this recipe one of {self.shape.vae}. "
                "Leave --from out, or name a file of this shape."
            )
        return dict(found.vae)

    def before(self, part: Part) -> dict[str, Weights]:
        """Averages of the last part of this kind before this one; for the first what --from gives, else empty."""
        earlier = [one for one in self.recipe.parts[: self.recipe.parts.index(part)] if one.kind == part.kind]
        if earlier:
            return averages(self.state(earlier[-1]), self.recipe.device)
        start = self.begun() if part.kind == "vae" else {}
        return {"vae": start} if start else {}


def averages(path: Path, device: str) -> dict[str, Weights]:
    found: dict[str, Weights] = torch.load(path, map_location=device, weights_only=True)["averages"]
    return found


def run(recipe: Recipe, options: argparse.Namespace) -> int:
    """All parts that are not finished yet; 0 also when the time of this run ended first."""
    if recipe.device.startswith("cuda"):
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    if recipe.at_once and not (options.minutes or options.steps):
        raise SystemExit("This recipe ends all of its parts in one run: say how long it may take with --minutes.")
    running = Run(recipe, options)
    try:
        for part in recipe.parts:
            (train_vae if part.kind == "vae" else train_diffusion)(running, part)
    except Paused as pause:
        print(pause, flush=True)
    return 0


def opened(running: Run, part: Part, state: Stage) -> Stage:
    """With its own saved state, else with the averages of the part before."""
    if not state.load(running.state(part)):
        for name, weights in running.before(part).items():
            state.warm(name, weights)
    return state


def train_vae(running: Run, part: Part) -> None:
    torch.manual_seed(running.options.seed)
    state = opened(running, part, vae.stage(build_vae(running.shape).to(running.recipe.device), part.rate, ALONE))
    batches = painting(running.bank, part.sizes, part.batch, part.mix)
    budget = running.budget(part, state.worked)
    vae.train(state, batches, ALONE, budget, running.report(part), seed=running.options.seed, lr=part.rate)


def train_diffusion(running: Run, part: Part) -> None:
    options, device = running.options, running.recipe.device
    torch.manual_seed(options.seed + 1)
    unet, text = build_unet(running.shape).to(device), build_text(running.shape).to(device)
    state = opened(running, part, diffusion.stage(unet, text, part.rate, ALONE))
    if running.budget(part, state.worked).progress(state.step, state.worked) >= 1:
        return
    coder = folded(running)
    stores = [store(coder, running.bank, part.scenes, size, part.mix, options.seed) for size in dict.fromkeys(part.sizes)]
    taken = [stores[list(dict.fromkeys(part.sizes)).index(size)] for size in part.sizes]
    report, budget = running.report(part, lambda stage: export(running, coder, stage)), running.budget(part, state.worked)
    feed = teaching(running.bank, taken, part.batch, options.seed, state.step, budget.steps, running.recipe.readers)
    diffusion.train(state, feed, ALONE, budget, report, seed=options.seed, lr=part.rate)


def folded(running: Run) -> nn.Module:
    """The averaged autoencoder of the last of its parts, with latents of unit deviation."""
    last = [part for part in running.recipe.parts if part.kind == "vae"][-1]
    coder = build_vae(running.shape).to(running.recipe.device)
    coder.load_state_dict(averages(running.state(last), running.recipe.device)["vae"])
    coder.eval()
    scenes = draw(kit(running.bank), _FOLD_PICTURES, OBJECTS, generator(running.options.seed, 4))
    vae.fold(coder, paint(running.bank, scenes, running.shape.size), SCALE)
    return coder


def export(running: Run, coder: nn.Module, stage: Stage) -> None:
    """The averaged weights as one file, which says what they were taught."""
    facts = {
        "title": "Darkroom Tiny",
        "license": "Apache-2.0 (trained on art under MIT and Apache-2.0, see NOTICE)",
        "description": f"Trained from scratch on {len(running.bank.concepts)} concepts in {len(running.bank.styles)} styles, "
        f"seed {running.options.seed}.",
    }
    about = metadata(running.shape, running.bank.vocabulary, native(running.shape), facts)
    about["darkroom.concepts"] = json.dumps([concept.label for concept in running.bank.concepts])
    about["darkroom.styles"] = json.dumps(running.bank.styles)
    about["darkroom.scenes"] = json.dumps(KINDS)
    about["darkroom.hues"] = json.dumps(list(HUES))
    about["darkroom.latent_rgb"] = json.dumps(preview(running, coder))
    write(running.options.out, running.shape, stage.averages["unet"], coder.state_dict(), stage.averages["text"], about)


def native(shape: Shape) -> Native:
    return Native(width=shape.size, height=shape.size)


def preview(running: Run, coder: nn.Module) -> list[list[float]]:
    size, seed = running.shape.size, running.options.seed
    known: Store = store(coder, running.bank, _PREVIEW_PICTURES, size, OBJECTS, seed + 1)
    return factors(known.mean.float().cpu(), paint(running.bank, known.scenes, size).cpu())
