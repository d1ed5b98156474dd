"""A judge that learned from the art alone: a small classifier which never sees a picture made by the model.

Its inputs are 64-pixel pictures with any background, moved, blurred and with noise, so that it looks at the object; its accuracy on
art pictures it was not trained on (other places and shades) is part of the result: a score can be trusted only as far as its judge.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from webui.train.default_model.compose import COLOURS, SIZE, chance, generator, normal, pick, scattered, shifted
from webui.train.default_model.networks import device_of

Show = Callable[[int, torch.Generator], tuple[torch.Tensor, torch.Tensor]]
"""Count and generator → pictures in 0..1 and the numbers of their concepts."""

_SIDE = 64
_BATCH = 64
_AT_ONCE = 256


def network(classes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in ((3, 24), (24, 48), (48, 96), (96, 128)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.2), nn.Linear(128 * 16, classes))


def seen(pictures: torch.Tensor) -> torch.Tensor:
    """What the judge is shown of pictures in 0..1."""
    return F.interpolate(pictures, (_SIDE, _SIDE), mode="area") - 0.5


def pictures(art: Sequence[list[torch.Tensor]], count: int, source: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Art in random layouts and shades, softened a little, with the number of its concept."""
    colours = list(COLOURS)
    made, labels = [], []
    for _ in range(count):
        number = pick(len(art), source)
        colour = colours[pick(len(colours), source)]
        layout = scattered if chance(source) < 0.3 else shifted
        made.append(layout(art[number], colour, source))
        labels.append(number)
    return torch.stack(made) / 255, torch.tensor(labels)


def showing(art: Sequence[list[torch.Tensor]]) -> Show:
    """`pictures` of this art."""
    return lambda count, source: pictures(art, count, source)


def soften(batch: torch.Tensor, source: torch.Generator) -> torch.Tensor:
    """Blur by a random factor, a shade, and noise."""
    side = (24, 32, 48, SIZE)[pick(4, source)]
    soft = F.interpolate(F.interpolate(batch, (side, side), mode="area"), (SIZE, SIZE), mode="bilinear")
    shade = 1 + 0.2 * (torch.rand((len(batch), 3, 1, 1), generator=source) - 0.5).to(batch.device)
    return (soft * shade + 0.04 * normal(batch.shape, source, batch.device) * chance(source)).clamp(0, 1)


def kept(path: Path, show: Show, classes: int, steps: int, seed: int, kind: str = "", device: str = "cpu") -> nn.Module:
    """The judge of an earlier run with the same seed, steps, number of concepts and `kind`, else a new one that is kept."""
    name = path / f"judge-{kind}{classes}-{steps}-{seed}.pt"
    if not name.exists():
        path.mkdir(parents=True, exist_ok=True)
        torch.save(train(show, classes, steps, seed, device).state_dict(), name)
    judge = network(classes)
    judge.load_state_dict(torch.load(name, map_location="cpu", weights_only=True))
    return judge.to(device).eval()


def train(show: Show, classes: int, steps: int, seed: int, device: str = "cpu") -> nn.Module:
    """The judge of a list of concepts, the same for the same seed."""
    torch.manual_seed(seed)
    judge = network(classes).to(device)
    optimiser = torch.optim.AdamW(judge.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    for step in range(steps):
        source = generator(seed, 5, step)
        batch, labels = show(_BATCH, source)
        torch.autograd.backward(F.cross_entropy(judge(seen(soften(batch, source))), labels))
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
    return judge.eval()


@torch.no_grad()
def verdicts(judge: nn.Module, made: torch.Tensor) -> torch.Tensor:
    """The number of the concept that each picture in 0..1 looks like most."""
    device = device_of(judge)
    parts = [judge(seen(part.to(device))).argmax(1) for part in torch.split(made, _AT_ONCE)]
    return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.long)


def own_accuracy(judge: nn.Module, show: Show, count: int, seed: int) -> float:
    """Top-1 on art pictures from a seed that training did not use, not softened."""
    batch, labels = show(count, generator(seed, 6))
    return float((verdicts(judge, batch) == labels).float().mean())


def background_names(made: torch.Tensor) -> list[str]:
    """The named colour nearest to the median of each picture's frame (4 pixels)."""
    names = list(COLOURS)
    table = torch.tensor([COLOURS[name] for name in names], dtype=torch.float32) / 255
    frame = torch.cat([made[..., :4, :].flatten(2), made[..., -4:, :].flatten(2), made[..., :4].flatten(2), made[..., -4:].flatten(2)], 2)
    nearest = (frame.median(2).values[:, None] - table).square().sum(2).argmin(1)
    return [names[int(index)] for index in nearest]
