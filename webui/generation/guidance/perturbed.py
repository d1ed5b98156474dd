"""Perturbed-attention guidance (Ahn et al. 2024, arXiv:2403.17377): away from a prediction in whose middle no place regards another."""

from collections.abc import Callable, Hashable
from typing import Any

from torch import Tensor

from webui.core.guidance import PerturbedAttentionGuidance
from webui.generation.guiders import Ask, Branch, GuidanceCall, GuidancePart, GuidanceRun, Guided
from webui.models.patches import OwnAttention, SelfAttention, UNetPatch, in_the_middle
from webui.samplers.guidance import unguided

LEFT_OUT = "Perturbed-attention guidance was left out: this checkpoint's network has no self-attention in its middle."


def make(run: GuidanceRun) -> GuidancePart | None:
    """PAG for a run that asks for it; a note instead where the network has nothing to perturb."""
    options = run.request.pag
    if options is None:
        return None
    if not in_the_middle(run.model.unet):
        run.note(LEFT_OUT)
        return None
    return PerturbedGuidance(options)


class PerturbedGuidance(GuidancePart):
    """Adds scale · (prompt's prediction - perturbed one). The scale falls with each call in which it was added."""

    def __init__(self, options: PerturbedAttentionGuidance) -> None:
        self._options, self._scale = options, options.scale

    def after(self, call: GuidanceCall, guided: Guided, ask: Ask) -> Guided:
        options, scale = self._options, self._scale
        if scale <= 0 or not options.start_step <= call.share <= options.end_step:
            return guided
        self._scale -= options.scale * options.attenuation / 100
        perturbed = unguided(ask(call.x, [Branch(cond, call.concat, (PERTURBED,)) for cond in call.conds]), call.weights)
        cond = guided.cond
        if cond is None:
            cond = unguided(ask(call.x, [Branch(cond, call.concat) for cond in call.conds]), call.weights)
        return guided._replace(result=guided.result + scale * (cond - perturbed))


class PerturbedAttention(UNetPatch):
    """The middle block's self-attention gives each place its own value."""

    @property
    def key(self) -> Hashable:
        return "perturbed attention"

    def attention(self, site: SelfAttention, processor: Callable[..., Tensor]) -> Callable[..., Tensor]:
        return OwnAttention(values_alone) if site.name.startswith("mid_block.") else processor


def values_alone(attn: Any, hidden_states: Tensor) -> Tensor:
    """An attention's output where it looks at nothing: its values."""
    output: Tensor = attn.to_out[1](attn.to_out[0](attn.to_v(hidden_states)))
    return output


PERTURBED = PerturbedAttention()
