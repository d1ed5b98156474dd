"""The numbers of a model that was taught styles and arranged scenes: by sentences and seeds that training never used."""

import torch
from torch import nn
from torch.nn import functional as F

from webui.core.request import FrozenModel
from webui.train.default_model import judge, vae
from webui.train.default_model.bank import HUES, Bank, hsv
from webui.train.default_model.canvas import paint
from webui.train.default_model.compose import COLOURS, SIZE, generator
from webui.train.default_model.sample import Painter
from webui.train.default_model.scenes import KINDS, Mix, Scenes, draw, joined, kit
from webui.train.default_model.wording import UNSEEN, sentences

Picture = tuple[torch.Tensor, str]
_CROP = 0.5
_NOTHING = dict.fromkeys(KINDS[1:], 0.0)
_JUDGED = Mix(**{**_NOTHING, "moved": 0.6})
_RECONSTRUCTED = 64


class SceneScores(FrozenModel):
    """Shares are 0..1. A pair is right when both things are, each on its side; `hue_measure` is the colour measure on the art itself."""

    concepts: int
    pictures: int
    judge_accuracy: float
    styles: dict[str, float]
    background: float
    pairs: float
    hues: float
    hue_measure: float
    vae_psnr: float


def showing(bank: Bank) -> judge.Show:
    """Art in every style, anywhere, for the judge's lessons."""
    known = kit(bank)

    def shown(count: int, source: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        scenes = draw(known, count, _JUDGED, source)
        return (paint(bank, scenes, SIZE) + 1) / 2, scenes.what[:, 0].to(bank.device)

    return shown


def score(model: Painter, bank: Bank, critic: nn.Module, seed: int, pairs: int, hues: int) -> tuple[SceneScores, list[Picture]]:
    """One picture per concept and style, then `pairs` of two things and `hues` coloured things; and what was made, with its prompt."""
    scenes = asked(bank, seed, pairs, hues)
    told = sentences(UNSEEN, scenes, bank.concepts, bank.styles, generator(seed, 14), named=True)
    made = model.paint(told, [seed * 1_000_000 + number for number in range(len(told))])
    reconstructed = paint(bank, draw(kit(bank), _RECONSTRUCTED, Mix(**_NOTHING), generator(seed, 10)), model.size)
    squared = (vae.reconstruct(model.vae, reconstructed) - reconstructed).square().mean((1, 2, 3))
    psnr = sum(vae.psnr(float(one)) for one in squared) / len(squared)
    return marks(made, scenes, bank, critic, seed, psnr), list(zip(made, told, strict=True))


def asked(bank: Bank, seed: int, pairs: int, hues: int) -> Scenes:
    """Every concept in every style, plain; then pairs; then coloured things."""
    known, source = kit(bank), generator(seed, 13)
    concepts, styles = len(bank.concepts), len(bank.styles)
    plain = draw(known, concepts * styles, Mix(**_NOTHING), source)
    plain.what[:, 0] = torch.arange(concepts).repeat(styles)
    plain.style[:] = torch.arange(styles).repeat_interleave(concepts)
    others = [draw(known, count, Mix(**{**_NOTHING, kind: 1.0}), source) for kind, count in (("pair", pairs), ("hue", hues)) if count]
    return joined([plain, *others])


def marks(made: torch.Tensor, scenes: Scenes, bank: Bank, critic: nn.Module, seed: int, psnr: float) -> SceneScores:
    """Judge pictures [n, 3, h, w] in 0..1 of these scenes."""
    plain, pair = (scenes.kind == KINDS.index(kind) for kind in ("plain", "pair"))
    tinted = scenes.hue >= 0
    right = judge.verdicts(critic, made[plain]).cpu() == scenes.what[plain, 0]
    names = judge.background_names(made[plain].cpu())
    grounds = [list(COLOURS).index(name) for name in names]
    style = scenes.style[plain]
    known = paint(bank, scenes.rows(tinted), SIZE).cpu() / 2 + 0.5
    return SceneScores(
        concepts=len(bank.concepts),
        pictures=len(made),
        judge_accuracy=judge.own_accuracy(critic, showing(bank), 500, seed),
        styles={name: share(right[style == number]) for number, name in enumerate(bank.styles)},
        background=share(torch.tensor(grounds) == scenes.ground[plain]),
        pairs=share(both(made[pair], scenes.rows(pair), critic)),
        hues=share(object_hues(made[tinted].cpu()) == scenes.hue[tinted]),
        hue_measure=share(object_hues(known) == scenes.hue[tinted]),
        vae_psnr=psnr,
    )


def share(right: torch.Tensor) -> float:
    return float(right.float().mean()) if len(right) else 0.0


def both(made: torch.Tensor, scenes: Scenes, critic: nn.Module) -> torch.Tensor:
    """Whether the judge finds each of the two things in its half of the picture."""
    right = torch.ones(len(made), dtype=torch.bool)
    for layer in range(2):
        crops = [cut(picture, *box) for picture, box in zip(made, scenes.boxes[:, layer, :2].tolist(), strict=True)]
        if crops:
            right &= judge.verdicts(critic, torch.stack(crops)).cpu() == scenes.what[:, layer]
    return right


def cut(picture: torch.Tensor, x: float, y: float) -> torch.Tensor:
    """The half-size square around a place, as large as the judge's pictures."""
    size = picture.shape[-1]
    side = int(size * _CROP)
    left, top = (min(max(0, round(at * size - side / 2)), size - side) for at in (x, y))
    return F.interpolate(picture[None, :, top : top + side, left : left + side], (SIZE, SIZE), mode="bilinear")[0]


def object_hues(made: torch.Tensor) -> torch.Tensor:
    """The number of the colour word nearest to the hue of what differs from the frame's colour."""
    if not len(made):
        return torch.zeros(0, dtype=torch.long)
    frame = torch.cat([made[..., :4, :].flatten(2), made[..., -4:, :].flatten(2)], 2).median(2).values[:, :, None, None]
    hue, saturation, _ = hsv(made)
    weight = ((made - frame).square().sum(1).sqrt() > 0.25) * (saturation > 0.3)
    angle = torch.deg2rad(hue)
    found = torch.rad2deg(torch.atan2((weight * angle.sin()).sum((1, 2)), (weight * angle.cos()).sum((1, 2))))
    apart = (found[:, None] - torch.tensor(list(HUES.values())) + 180) % 360 - 180
    return apart.abs().argmin(1)
