"""Pictures from an exported file or from averages in training, with a reference sampler that is not the app's own."""

from collections.abc import Sequence

import torch
from diffusers import DPMSolverMultistepScheduler
from tokenizers import Tokenizer
from torch import nn

from webui.train.default_model.compose import generator
from webui.train.default_model.networks import FACTOR, LATENT, SCALE, SCHEDULER, TOKENS, device_of
from webui.train.default_model.vocabulary import encode

_AT_ONCE, _AT_ONCE_GPU = 16, 128


class Painter:
    """The three networks and the tokenizer, ready to make pictures of `size` pixels."""

    def __init__(self, unet: nn.Module, vae: nn.Module, text: nn.Module, words: Tokenizer, size: int) -> None:
        self.unet, self.vae, self.text, self.words, self.size = unet.eval(), vae.eval(), text.eval(), words, size

    @property
    def device(self) -> torch.device:
        return device_of(self.unet)

    @torch.no_grad()
    def paint(self, prompts: Sequence[str], seeds: Sequence[int], steps: int = 20, guidance: float = 4.0) -> torch.Tensor:
        """Pictures [n, 3, size, size] in 0..1."""
        count = _AT_ONCE_GPU if self.device.type == "cuda" else _AT_ONCE
        parts = [self._paint(prompts[at : at + count], seeds[at : at + count], steps, guidance) for at in range(0, len(prompts), count)]
        return torch.cat(parts).cpu()

    def _paint(self, prompts: Sequence[str], seeds: Sequence[int], steps: int, guidance: float) -> torch.Tensor:
        scheduler = DPMSolverMultistepScheduler.from_config({**SCHEDULER, "use_karras_sigmas": True, "algorithm_type": "dpmsolver++"})
        scheduler.set_timesteps(steps)
        side = self.size // FACTOR
        latents = torch.stack([torch.randn(LATENT, side, side, generator=generator(seed, 9)) for seed in seeds]).to(self.device)
        context = self.context(prompts)
        for time in scheduler.timesteps:
            inputs = torch.cat([latents, latents]).contiguous(memory_format=torch.channels_last)
            empty, told = self.unet(inputs, time, context).sample.chunk(2)
            latents = scheduler.step(empty + guidance * (told - empty), time, latents).prev_sample
        return self.vae.decode(latents / SCALE).sample.clamp(-1, 1).add(1).div(2)  # type: ignore[operator, no-any-return]

    def context(self, prompts: Sequence[str]) -> torch.Tensor:
        """The empty prompt for each picture, then the prompts."""
        tokens = torch.tensor(encode(self.words, ["", *prompts], TOKENS)).to(self.device)
        found: torch.Tensor = self.text(input_ids=tokens).last_hidden_state
        return torch.cat([found[:1].expand(len(prompts), -1, -1), found[1:]])
