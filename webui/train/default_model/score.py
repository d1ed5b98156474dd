"""The numbers that go on the model card: retrieval, background and reconstruction, with prompts and seeds that training never used."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from webui.core.request import FrozenModel
from webui.train.default_model import judge, vae
from webui.train.default_model.captions import UNSEEN, UNSEEN_BARE, fill
from webui.train.default_model.compose import COLOURS, centred, generator, pick, to_pixels
from webui.train.default_model.concepts import Concept
from webui.train.default_model.data import Lesson
from webui.train.default_model.export import Exported, read
from webui.train.default_model.networks import build_text, build_unet, build_vae
from webui.train.default_model.sample import Painter
from webui.train.default_model.vocabulary import Vocabulary, tokenizer


class Scores(FrozenModel):
    """Shares are 0..1; `wrong` lists asked and seen labels."""

    concepts: int
    pictures: int
    judge_accuracy: float
    top1: float
    top1_bare: float
    background: float
    vae_psnr: float
    wrong: tuple[tuple[str, str], ...]


def painter(path: Path, device: str = "cpu") -> tuple[Painter, Exported]:
    """The networks of an exported file."""
    found = read(path)
    unet, coder, text = build_unet(found.shape), build_vae(found.shape), build_text(found.shape)
    for module, weights in ((unet, found.unet), (coder, found.vae), (text, found.text)):
        module.load_state_dict(weights, strict=False)
        module.to(device)
    merges = tuple(found.metadata["darkroom.tokenizer.merges"].splitlines()[1:])
    ids = {str(token): int(number) for token, number in json.loads(found.metadata["darkroom.tokenizer.vocab"]).items()}
    return Painter(unet, coder, text, tokenizer(Vocabulary(ids=ids, merges=merges)), found.shape.size), found


def prompts(concepts: Sequence[Concept], seed: int) -> tuple[list[str], list[str]]:
    """For each concept one prompt with a random background colour, from templates that training does not have; and those colours."""
    source, colours = generator(seed, 7), list(COLOURS)
    chosen = [colours[pick(len(colours), source)] for _ in concepts]
    return [
        fill(UNSEEN[pick(len(UNSEEN), source)], concept.label, colour) for concept, colour in zip(concepts, chosen, strict=True)
    ], chosen


def bare_prompts(concepts: Sequence[Concept], seed: int) -> list[str]:
    source = generator(seed, 8)
    return [fill(UNSEEN_BARE[pick(len(UNSEEN_BARE), source)], concept.label, "") for concept in concepts]


def reconstruction(coder: nn.Module, art: Sequence[list[torch.Tensor]], seed: int) -> float:
    """Mean PSNR over the listed art on random backgrounds."""
    source, colours = generator(seed, 10), list(COLOURS)
    pixels = to_pixels([centred(sizes[-1], colours[pick(len(colours), source)]) for sizes in art])
    seen = torch.cat([vae.reconstruct(coder, part) for part in torch.split(pixels, 16)])
    return sum(vae.psnr(float((one - other).square().mean())) for one, other in zip(seen, pixels, strict=True)) / len(pixels)


def score(path: Path, lesson: Lesson, critic: nn.Module, seed: int) -> tuple[Scores, torch.Tensor, list[str]]:
    """Scores, the pictures they were taken from, and their prompts: one with a background colour and one bare per concept."""
    model, _ = painter(path)
    told, asked = prompts(lesson.concepts, seed)
    bare = bare_prompts(lesson.concepts, seed)
    made = model.paint([*told, *bare], [seed * 10_000 + number for number in range(2 * len(told))])
    return marks(made, lesson, critic, asked, seed, reconstruction(model.vae, lesson.listed(), seed)), made, [*told, *bare]


def marks(made: torch.Tensor, lesson: Lesson, critic: nn.Module, asked: Sequence[str], seed: int, psnr: float) -> Scores:
    """Judge the pictures: first one per concept on the background that was asked for, then one per concept on none."""
    count, labels = len(lesson.concepts), [concept.label for concept in lesson.concepts]
    seen = judge.verdicts(critic, made)
    right = seen == torch.arange(count).repeat(2)
    backgrounds = [name == want for name, want in zip(judge.background_names(made[:count]), asked, strict=True)]
    return Scores(
        concepts=count,
        pictures=len(made),
        judge_accuracy=judge.own_accuracy(critic, judge.showing(lesson.listed()), 500, seed),
        top1=float(right[:count].float().mean()),
        top1_bare=float(right[count:].float().mean()),
        background=sum(backgrounds) / count,
        vae_psnr=psnr,
        wrong=tuple((labels[index % count], labels[int(seen[index])]) for index in range(2 * count) if not right[index]),
    )
