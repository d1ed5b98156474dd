"""Self-attention guidance (Hong et al. 2022, arXiv:2210.00939): away from a prediction whose most regarded places were blurred."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d, interpolate, pad

from webui.core.guidance import SelfAttentionGuidance
from webui.generation.guiders import Ask, Branch, GuidanceCall, GuidancePart, GuidanceRun, Guided
from webui.models.conditioning import EVERYWHERE
from webui.models.patches import OwnAttention, SelfAttention, UNetPatch, in_the_middle

LEFT_OUT = "Self-attention guidance was left out: {why}."
NO_ATTENTION = "this checkpoint's network has no self-attention in its middle"
TILES = "with tiled diffusion the network never sees the whole picture"
EDITS = "checkpoints that follow instructions are guided in another way"
WEAK = "it needs a CFG scale above 1"
_WIDTH = 9
"""Of the blur, in latent pixels."""


def make(run: GuidanceRun) -> GuidancePart | None:
    """SAG for a run that asks for it; a note instead where it cannot be."""
    options = run.request.sag
    if options is None:
        return None
    why = ""
    if not in_the_middle(run.model.unet):
        why = NO_ATTENTION
    elif run.request.tiles is not None:
        why = TILES
    elif run.model.variant == "ip2p":
        why = EDITS
    elif run.request.guidance <= 1:
        why = WEAK
    if why:
        run.note(LEFT_OUT.format(why=why))
        return None
    return SelfGuidance(options)


class SelfGuidance(GuidancePart):
    """Sees what the negative prompt's prediction regards, blurs that, and adds scale · (blurred - what is predicted of it)."""

    def __init__(self, options: SelfAttentionGuidance) -> None:
        self._options = options
        self._watch = Watch()

    def branches(self, call: GuidanceCall, branches: Sequence[Branch]) -> Sequence[Branch]:
        self._watch = Watch()
        return [self._watched(branch) if branch.cond is call.uncond else branch for branch in branches]

    def _watched(self, branch: Branch) -> Branch:
        return branch._replace(patches=(*branch.patches, self._watch))

    def after(self, call: GuidanceCall, guided: Guided, ask: Ask) -> Guided:
        uncond, regarded = guided.negative, self._watch.regarded(len(call.x), everywhere=call.uncond.place == EVERYWHERE)
        if uncond is None or regarded is None:
            return guided
        mask = mask_of(regarded, uncond, self._options.threshold)
        blurred = torch.where(mask, blur(uncond, self._options.blur_sigma), uncond)
        [again] = ask(blurred + call.x - uncond, [Branch(call.uncond, call.concat)])
        return guided._replace(result=guided.result + self._options.scale * (blurred - again))


class Watch(UNetPatch):
    """Notes how much each place of the middle block is regarded; its first self-attention is asked."""

    def __init__(self) -> None:
        self._seen: list[Tensor] = []

    def attention(self, site: SelfAttention, processor: Callable[..., Tensor]) -> Callable[..., Tensor]:
        if not site.name.startswith("mid_block.") or ".transformer_blocks.0." not in site.name:
            return processor

        def attend(attn: Any, hidden_states: Tensor) -> Tensor:
            self._seen.append(regards(attn, hidden_states))
            return processor(attn, hidden_states)

        return OwnAttention(attend)

    def regarded(self, pictures: int, everywhere: bool) -> Tensor | None:
        """[n, places]; of several sets of adapters their mean. None where nothing was seen."""
        if not self._seen:
            return None
        rows = torch.cat(self._seen)
        return rows.view(-1, pictures, rows.shape[-1]).mean(0) if everywhere else rows


def regards(attn: Any, hidden_states: Tensor) -> Tensor:
    """How much all places together look at each: [n, places], the mean over the heads."""
    query, key = (layer(hidden_states).unflatten(-1, (attn.heads, -1)).transpose(1, 2).float() for layer in (attn.to_q, attn.to_k))
    looks = (query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5).softmax(-1)
    total: Tensor = looks.mean(1).sum(1)
    return total


def mask_of(regarded: Tensor, latents: Tensor, threshold: float) -> Tensor:
    """Where a place of the middle block is regarded more than `threshold`, at the latents' size [n, 1, h, w]."""
    height, width = latents.shape[-2:]
    while height * width > regarded.shape[-1]:
        height, width = (height + 1) // 2, (width + 1) // 2
    small = (regarded > threshold).view(-1, 1, height, width).float()
    return interpolate(small, size=latents.shape[-2:], mode="nearest").to(latents.device) > 0


def blur(latents: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur over 9 × 9 latent pixels whose edges are mirrored; none at sigma 0."""
    if sigma <= 0:
        return latents
    places = torch.arange(_WIDTH, dtype=latents.dtype, device=latents.device) - _WIDTH // 2
    line = torch.exp(-((places / sigma) ** 2) / 2)
    line = line / line.sum()
    kernel = (line[:, None] * line).expand(latents.shape[1], 1, -1, -1)
    reach = min(_WIDTH // 2, *(side - 1 for side in latents.shape[-2:]))
    rest = _WIDTH // 2 - reach
    padded = pad(pad(latents, [reach] * 4, mode="reflect"), [rest] * 4, mode="replicate")
    return conv2d(padded, kernel, groups=latents.shape[1])
