"""Guidance: what the denoiser asks the network at each call, and what it makes of the answers."""

import pytest
import torch

from webui.core.request import GuidanceOptions
from webui.generation.cfg import CFGDenoiser
from webui.generation.conditioning import Encoded
from webui.generation.guiders import Guidance
from webui.prompts.encode import Part, Scheduled

X = torch.zeros(1, 4, 2, 2)


def cond(value: float, tokens: int = 77) -> torch.Tensor:
    return torch.full((tokens, 3), value)


def part(value: float, weight: float = 1.0, tokens: int = 77) -> Part:
    return Part(weight, (Scheduled(100, cond(value, tokens)),))


class Network:
    """Predicts the mean of the prompt it is given (plus that of the further channels), and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def __call__(self, x, sigma, cond, concat):
        self.asked.append((len(x), cond.tokens))
        assert len(x) == len(sigma) == len(cond.context)
        value = cond.context.mean((1, 2)) + (0 if concat is None else 100 * concat.mean((1, 2, 3)))
        return value.reshape(-1, 1, 1, 1).expand(len(x), 4, 2, 2).clone()


def denoiser(network, positive, scale=7.0, options=None, image=None, concat=None, extra=None, negative=None, calls=10):
    encoded = Encoded(tuple(positive), negative or part(1.0), cond(9.0))
    guidance = Guidance(scale, options or GuidanceOptions(), calls, image)
    return CFGDenoiser(network, encoded, guidance, concat, {} if extra is None else extra, lambda: None)


def value(model, sigma=1.0, size=1):
    result = model(X.expand(size, -1, -1, -1), torch.full((size,), sigma))
    assert torch.allclose(result, result.flatten()[0])
    return pytest.approx(float(result.flatten()[0]), abs=1e-4)


def test_both_prompts_go_through_the_network_together():
    network, extra = Network(), {}
    assert value(denoiser(network, [part(3.0)], extra=extra), size=2) == 1 + 7 * (3 - 1)
    assert network.asked == [(4, 77)]
    assert float(extra["uncond"].mean()) == 1


def test_prompts_are_joined_once_for_as_long_as_they_hold():
    given = []

    class Noting(Network):
        def __call__(self, x, sigma, cond, concat):
            given.append(cond)
            return super().__call__(x, sigma, cond, concat)

    edited = Part(1.0, (Scheduled(1, cond(3.0)), Scheduled(100, cond(5.0))))
    model = denoiser(Noting(), [edited])
    assert [value(model), value(model), value(model), value(model), value(model, size=2)] == [15, 15, 29, 29, 29]
    assert [left is right for left, right in zip(given, given[1:], strict=False)] == [True, False, True, False]


def test_prompts_of_unequal_length_go_apart():
    network = Network()
    assert value(denoiser(network, [part(3.0, tokens=154)])) == 15
    assert sorted(network.asked) == [(1, 77), (1, 154)]


def test_and_adds_up_by_weight():
    assert value(denoiser(Network(), [part(3.0, 0.5), part(2.0, -1.0)], scale=2.0)) == 1 + 2 * (0.5 * 2 - 1 * 1)


def test_and_without_guidance_is_the_sum_by_weight():
    """As Forge has it, also where the weights do not add up to one."""
    network = Network()
    assert value(denoiser(network, [part(3.0, 0.5), part(2.0, 1.5)], scale=1.0)) == 0.5 * 3 + 1.5 * 2
    assert network.asked == [(2, 77)]
    early = denoiser(Network(), [part(3.0), part(2.0, -0.5)], options=GuidanceOptions(skip_early=1.0))
    assert value(early) == 3 - 0.5 * 2


def test_the_shorter_sides_of_and_repeat_their_last_vector():
    network = Network()
    long = torch.cat([cond(3.0), cond(5.0)])
    model = denoiser(network, [Part(1.0, (Scheduled(100, long),)), part(2.0)], scale=1.0)
    assert value(model) == 4 + 2
    assert network.asked == [(2, 154)]


def test_a_scale_of_one_leaves_the_negative_prompt_out():
    network, extra = Network(), {}
    assert value(denoiser(network, [part(3.0)], scale=1.0, extra=extra)) == 3
    assert network.asked == [(1, 77)]
    assert float(extra["uncond"].mean()) == 3


def test_the_first_calls_can_go_without_guidance():
    model = denoiser(Network(), [part(3.0)], options=GuidanceOptions(skip_early=0.2), calls=10)
    assert [value(model) for _ in range(4)] == [3, 3, 3, 15]


def test_below_a_noise_level_every_other_call_or_all_go_without():
    every_other = denoiser(Network(), [part(3.0)], options=GuidanceOptions(min_sigma=2))
    assert [value(every_other, sigma) for sigma in (5, 1, 1, 1)] == [15, 3, 15, 3]
    every = denoiser(Network(), [part(3.0)], options=GuidanceOptions(min_sigma=2, min_sigma_all=True))
    assert [value(every, sigma) for sigma in (5, 1, 1)] == [15, 3, 3]


def test_prompts_change_with_the_call():
    edited = Part(1.0, (Scheduled(1, cond(3.0)), Scheduled(10, cond(5.0))))
    model = denoiser(Network(), [edited], scale=1.0)
    assert [value(model) for _ in range(4)] == [3, 3, 5, 5]  # A1111: an entry holds one call longer than it says


def test_padding_makes_one_call_of_two():
    network = Network()
    denoiser(network, [part(3.0, tokens=154)], options=GuidanceOptions(pad=True))(X, torch.ones(1))
    denoiser(network, [part(3.0, tokens=154)], options=GuidanceOptions(pad_v0=True))(X, torch.ones(1))
    assert network.asked == [(2, 154), (2, 154)]


def test_instruct_pix2pix_has_two_scales():
    concat = torch.ones(1, 4, 2, 2)
    model = denoiser(Network(), [part(3.0)], scale=7.0, image=1.5, concat=concat)
    assert value(model) == 1 + 1.5 * 100 + 7 * (3 - 1)  # the picture's part is its 100
    plain = denoiser(Network(), [part(3.0)], scale=7.0, image=1.0, concat=concat)
    assert value(plain) == 101 + 7 * 2


def test_rescaling_pulls_the_contrast_back():
    class Spread:
        def __call__(self, x, sigma, cond, concat):
            ramp = torch.linspace(-1, 1, 16).reshape(1, 4, 2, 2)
            return cond.context.mean((1, 2)).reshape(-1, 1, 1, 1) * ramp

    full = denoiser(Spread(), [part(3.0)], options=GuidanceOptions(rescale=1.0))(X, torch.ones(1))
    assert float(full.std()) == pytest.approx(float((3 * torch.linspace(-1, 1, 16)).std()), rel=1e-5)


def test_cfgpp_gets_the_true_unconditional_prediction_also_without_guidance():
    network, extra = Network(), {}
    encoded = Encoded((part(3.0),), part(1.0), cond(9.0))
    model = CFGDenoiser(network, encoded, Guidance(1.0, GuidanceOptions(), 10, needs_uncond=True), None, extra, lambda: None)
    assert value(model) == 3
    assert float(extra["uncond"].mean()) == 1


def test_many_prompts_joined_by_and_go_through_the_network_in_bounded_batches():
    network = Network()
    assert value(denoiser(network, [part(3.0, weight=0.02) for _ in range(50)]), size=4) == 1 + 7 * 50 * 0.02 * (3 - 1)
    assert {rows for rows, _ in network.asked} <= {16, 12} and sum(rows for rows, _ in network.asked) == 4 * 51
