"""An extension's guider takes the place of classifier-free guidance, in the same passes; one that fails is left out with a note."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from webui import Branch, Guided, Guider
from webui.core.registry import Registry
from webui.core.request import GuidanceOptions
from webui.generation.cfg import CFGDenoiser
from webui.generation.conditioning import Encoded
from webui.generation.guiders import ClassifierFree, Guidance, GuidanceCall, InstructPix2Pix, builtin_guide
from webui.models.conditioning import Conditioning
from webui.prompts.encode import Part, Scheduled


class Mean:
    """Half of the prompt, half of the negative prompt: guidance with scale 0.5."""

    def branches(self, call):
        return [Branch(call.conds[0], call.concat), Branch(call.uncond, call.concat)]

    def combine(self, call, predicted):
        return Guided((predicted[0] + predicted[1]) / 2, predicted[1])


def with_guider(engine, make):
    guiders = Registry("guider", "guidance")
    guiders.register(Guider("mean", make), "toy")
    engine.context = replace(engine.context, guiders=guiders)
    return engine


def test_a_guider_makes_the_picture_that_its_formula_says(engine):
    plain = engine.make(prompt="cat", negative_prompt="dog", guidance=0.5)
    with_guider(engine, lambda request: Mean() if request.guidance == 9 else None)
    guided = engine.make(prompt="cat", negative_prompt="dog", guidance=9)
    assert np.abs(plain[0].astype(int) - guided[0].astype(int)).max() <= 1
    assert np.array_equal(engine.make(prompt="cat", negative_prompt="dog", guidance=0.5)[0], plain[0])  # not for this request


def test_a_guider_that_fails_is_left_out_and_named(engine, tmp_path):
    plain = engine.make(prompt="cat")[0]

    def fails(request):
        raise KeyError("gone")

    failures = []
    engine.context.extensions.on_failure = lambda owner, hook, text: failures.append((owner, hook, "KeyError" in text))
    with_guider(engine, fails)
    assert np.array_equal(engine.make(prompt="cat")[0], plain)
    assert failures == [("toy", "register_guiders", True)]


def call(guidance, number=0):
    cond, uncond = (Conditioning(torch.full((1, 77, 3), value)) for value in (3.0, 1.0))
    x = torch.zeros(1, 4, 2, 2)
    return GuidanceCall(number, x, torch.ones(1), [cond], [1.0], uncond, torch.ones(1, 4, 2, 2), guidance)


@pytest.mark.parametrize(("scale", "needs", "branches"), [(7.0, False, 2), (1.0, False, 1), (1.0, True, 2)])
def test_the_negative_prompt_is_asked_for_where_somebody_needs_it(scale, needs, branches):
    guidance = Guidance(scale, GuidanceOptions(), 10, needs_uncond=needs)
    guide = builtin_guide(guidance)
    assert isinstance(guide, ClassifierFree) and len(guide.branches(call(guidance))) == branches


def test_edits_ask_with_both_with_the_picture_and_with_neither():
    guidance = Guidance(3.0, GuidanceOptions(), 10, image=1.5)
    guide = builtin_guide(guidance)
    assert isinstance(guide, InstructPix2Pix)
    kinds = [(float(branch.cond.context.mean()), float(branch.concat.mean())) for branch in guide.branches(call(guidance))]
    assert kinds == [(3, 1), (1, 1), (1, 0)]
    predictions = [torch.full((1, 4, 2, 2), value) for value in (5.0, 2.0, 1.0)]
    assert float(guide.combine(call(guidance), predictions).result.mean()) == pytest.approx(1 + 1.5 * (2 - 1) + 3 * (5 - 2))


def test_branches_of_a_guide_go_through_the_network_together_and_the_sampler_gets_its_uncond():
    asked, extra = [], {}

    def network(x, sigma, cond, concat):
        asked.append(len(x))
        return cond.context.mean((1, 2)).view(-1, 1, 1, 1).expand_as(x)

    encoded = Encoded(
        (Part(1.0, (Scheduled(9, torch.full((77, 3), 4.0)),)),), Part(1.0, (Scheduled(9, torch.full((77, 3), 2.0)),)), torch.zeros(77, 3)
    )
    model = CFGDenoiser(network, encoded, Guidance(7.0, GuidanceOptions(), 3), None, extra, lambda: None, Mean())
    assert float(model(torch.zeros(2, 4, 2, 2), torch.ones(2)).mean()) == 3
    assert asked == [4] and float(extra["uncond"].mean()) == 2
