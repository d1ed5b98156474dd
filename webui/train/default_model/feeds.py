"""What the stages of the GPU's recipe learn from: pictures painted on the device, and scenes encoded ahead.

A step's captions are worded and tokenised by other processes, some steps ahead; each step seeds its own, so their number changes nothing.
"""

from collections.abc import Iterator
from itertools import count, takewhile

import torch
from tokenizers import Tokenizer
from torch import nn
from torch.utils.data import DataLoader, Dataset

from webui.core.request import FrozenModel
from webui.train.default_model.bank import Bank
from webui.train.default_model.canvas import paint
from webui.train.default_model.compose import generator, normal
from webui.train.default_model.diffusion import Feed, length
from webui.train.default_model.networks import SCALE, precision
from webui.train.default_model.scenes import Mix, Scenes, draw, joined, kit
from webui.train.default_model.vae import Draw
from webui.train.default_model.vocabulary import encode, tokenizer
from webui.train.default_model.wording import captions

_AT_ONCE = 128
_SHORT = 32
_AHEAD = 4


def painting(bank: Bank, sizes: tuple[int, ...], batch: int, mix: Mix) -> Draw:
    """Batches of pictures for the autoencoder."""
    known = kit(bank)
    return lambda step, source: paint(bank, draw(known, batch, mix, source), sizes[step % len(sizes)])


class Store(FrozenModel):
    """Scenes with the means and deviations of their latents, of unit deviation together, in half precision on the device."""

    model_config = {"arbitrary_types_allowed": True, "frozen": True}

    scenes: Scenes
    mean: torch.Tensor
    deviation: torch.Tensor


@torch.no_grad()
def store(coder: nn.Module, bank: Bank, scenes: int, size: int, mix: Mix, seed: int) -> Store:
    """`scenes` random scenes, encoded; the same for the same seed."""
    known = kit(bank)
    drawn, means, deviations = list[Scenes](), [], []
    for number, start in enumerate(range(0, scenes, _AT_ONCE)):
        drawn.append(draw(known, min(_AT_ONCE, scenes - start), mix, generator(seed, 11, size, number)))
        pictures = paint(bank, drawn[-1], size)
        with precision(coder):
            found = coder.encode(pictures).latent_dist  # type: ignore[operator]
        means.append((found.mean * SCALE).half())
        deviations.append((found.std * SCALE).half())
    return Store(scenes=joined(drawn), mean=torch.cat(means), deviation=torch.cat(deviations))


class Sentences(Dataset[tuple[int, torch.Tensor, torch.Tensor]]):
    """Step → that step, which of its store's scenes it takes, and their captions' tokens."""

    def __init__(self, bank: Bank, scenes: list[Scenes], batch: int, seed: int) -> None:
        self.concepts, self.styles, self.vocabulary = bank.concepts, bank.styles, bank.vocabulary
        self.scenes, self.batch, self.seed = scenes, batch, seed
        self._words: Tokenizer | None = None

    def __getitem__(self, step: int) -> tuple[int, torch.Tensor, torch.Tensor]:
        if self._words is None:
            self._words = tokenizer(self.vocabulary)
        source, scenes = generator(self.seed, 12, step), self.scenes[step % len(self.scenes)]
        index = torch.randint(len(scenes), (self.batch,), generator=source)
        told = captions(scenes.rows(index), self.concepts, self.styles, source)
        return step, index, torch.tensor(encode(self._words, told, length(step, _SHORT)))


def teaching(bank: Bank, stores: list[Store], batch: int, seed: int, first: int, last: int = 0, readers: int = 0) -> Feed:
    """Batches for UNet and text encoder from step `first` on, to `last` (0: for ever); stores are taken in turn."""
    steps = takewhile(lambda step: not last or step < last, count(first))
    sentences = Sentences(bank, [one.scenes for one in stores], batch, seed)
    ahead = {"num_workers": readers, "prefetch_factor": _AHEAD} if readers else {}
    loader = DataLoader(sentences, batch_size=None, sampler=Endless(steps), **ahead)  # type: ignore[arg-type]
    batches = iter(loader)

    def made(step: int, source: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        found, index, tokens = next(batches)
        assert found == step, f"the captions are at step {found}, the training at {step}"
        kept = stores[step % len(stores)]
        index = index.to(kept.mean.device)
        mean, deviation = kept.mean[index].float(), kept.deviation[index].float()
        return mean + deviation * normal(mean.shape, source, mean.device), tokens

    return made


class Endless:
    """A sampler that a data loader takes: it only has to be iterated."""

    def __init__(self, steps: Iterator[int]) -> None:
        self._steps = steps

    def __iter__(self) -> Iterator[int]:
        return self._steps
