"""Each part's arithmetic, written once more by hand: FreeU, SAG, PAG, thresholding, latent modifiers, HRFix, token merging."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers.utils.torch_utils import fourier_filter

from webui.core.guidance import (
    DynamicThresholding,
    LatentModifier,
    PerturbedAttentionGuidance,
    SelfAttentionGuidance,
)
from webui.core.request import GuidanceOptions
from webui.generation.guidance import freeu, hrfix, latent_modifier, perturbed, self_attention, thresholding, token_merging
from webui.generation.guiders import ClassifierFree, Guidance, GuidanceCall, Guided
from webui.models.conditioning import Conditioning
from webui.models.prediction import EpsPrediction
from webui.samplers.guidance import rescale
from webui.samplers.schedules import model_levels

PREDICTION = EpsPrediction(model_levels())
SHAPE = (2, 4, 8, 8)


def draw(seed, shape=SHAPE):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def call(scale=7.0, sigma=2.0, share=0.0, parts=(), x=None):
    cond, uncond = (Conditioning(torch.full((1, 77, 3), value)) for value in (3.0, 1.0))
    guidance = Guidance(scale, GuidanceOptions(), 10, parts=parts)
    x = draw(9) * sigma if x is None else x
    return GuidanceCall(0, x, torch.full((len(x),), sigma), [cond], [1.0], uncond, None, guidance, share)


def test_freeu_strengthens_half_of_the_channels_where_their_mean_is_high():
    h = draw(1, (2, 6, 4, 4))
    found = freeu.strengthened(h, 1.4).numpy()
    for before, after in zip(h.numpy(), found, strict=True):
        mean = before.mean(0)
        share = (mean - mean.min()) / (mean.max() - mean.min())
        assert np.allclose(after[:3], before[:3] * (1 + 0.4 * share), atol=1e-5) and np.array_equal(after[3:], before[3:])


@pytest.mark.parametrize("size", [(8, 8), (5, 7), (16, 12)])
def test_freeu_filters_the_lowest_frequencies_as_diffusers_does(size):
    skip = draw(2, (1, 3, *size))
    assert torch.allclose(freeu.low_frequencies_scaled(skip, 0.3), fourier_filter(skip, threshold=1, scale=0.3), atol=1e-5)


def test_freeu_of_one_place_is_no_nan():
    h = draw(1, (1, 4, 1, 1))
    assert torch.equal(freeu.strengthened(h, 1.4), h)


@pytest.mark.parametrize(
    ("scale", "attenuation", "expected"), [(3.0, 0.0, [3, 3, 3]), (4.0, 20.0, [4, 3.2, 2.4]), (2.0, 60.0, [2, 0.8, 0])]
)
def test_pag_goes_away_from_the_perturbed_prediction_and_loses_scale(scale, attenuation, expected):
    part = perturbed.PerturbedGuidance(PerturbedAttentionGuidance(scale=scale, attenuation=attenuation))
    guided, cond, away = draw(1), draw(2), draw(3)
    asked = []

    def ask(x, branches):
        asked.append([branch.patches for branch in branches])
        return [away]

    for now in expected:
        found = part.after(call(), Guided(guided, draw(4), cond), ask).result
        assert torch.allclose(found, guided + now * (cond - away), atol=1e-5)
    assert asked == [[(perturbed.PERTURBED,)]] * sum(1 for now in expected if now > 0)


def test_pag_is_on_between_its_start_and_its_end_and_only_then_loses_scale():
    part = perturbed.PerturbedGuidance(PerturbedAttentionGuidance(scale=1, attenuation=50, start_step=0.2, end_step=0.6))
    guided, shares = Guided(torch.zeros(SHAPE), torch.zeros(SHAPE), torch.ones(SHAPE)), [0, 0, 0.2, 0.4, 0.6, 0.8]
    found = [float(part.after(call(share=share), guided, lambda x, branches: [torch.zeros(SHAPE)]).result.mean()) for share in shares]
    assert found == [0, 0, 1, 0.5, 0, 0]


def test_a_perturbed_attention_gives_each_place_its_own_value():
    attn = SimpleNamespace(to_v=lambda tokens: tokens * 2, to_out=[lambda values: values + 1, lambda values: values])
    assert torch.equal(perturbed.values_alone(attn, torch.ones(1, 4, 8)), torch.full((1, 4, 8), 3.0))


def test_sag_blurs_with_mirrored_edges():
    latents = draw(5, (1, 2, 6, 7))
    weights = [math.exp(-((place / 1.5) ** 2) / 2) for place in range(-4, 5)]
    line = np.array(weights) / sum(weights)
    wide = np.pad(latents.numpy(), ((0, 0), (0, 0), (4, 4), (4, 4)), mode="reflect")
    expected = sum(line[row] * line[column] * wide[..., row : row + 6, column : column + 7] for row in range(9) for column in range(9))
    assert np.allclose(self_attention.blur(latents, 1.5).numpy(), expected, atol=1e-5)
    assert torch.equal(self_attention.blur(latents, 0), latents)


def test_sag_asks_again_for_what_was_blurred_where_it_is_regarded():
    part = self_attention.SelfGuidance(SelfAttentionGuidance(scale=0.75, blur_sigma=2, threshold=1))
    now = call()
    [branch] = part.branches(now, ClassifierFree(now.guidance).branches(now)[1:])
    watch = branch.patches[0]
    watch._seen.append(torch.tensor([[1.5, 0.5, 0.5, 1.0], [0.1, 0.1, 0.1, 1.2]]))
    uncond, again, asked = draw(1), draw(2), []

    def ask(x, branches):
        asked.append(x)
        assert branches[0].cond is now.uncond
        return [again]

    result = part.after(now, Guided(torch.zeros(SHAPE), uncond, draw(3), uncond), ask).result
    soft = self_attention.blur(uncond, 2)
    blurred = uncond.clone()
    blurred[0, :, :4, :4], blurred[1, :, 4:, 4:] = soft[0, :, :4, :4], soft[1, :, 4:, 4:]
    assert torch.allclose(asked[0], blurred + now.x - uncond, atol=1e-6)
    assert torch.allclose(result, 0.75 * (blurred - again), atol=1e-6)


def test_how_much_places_are_regarded_is_the_softmax_summed_over_who_looks():
    tokens = draw(4, (1, 3, 4))
    attn = SimpleNamespace(heads=2, to_q=lambda tokens: tokens, to_k=lambda tokens: tokens * 2)
    expected = np.zeros(3)
    for head in range(2):
        part = tokens[0, :, head * 2 : head * 2 + 2].numpy()
        looks = np.exp(part @ (2 * part).T / math.sqrt(2))
        expected += (looks / looks.sum(1, keepdims=True)).sum(0) / 2
    assert np.allclose(self_attention.regards(attn, tokens)[0].numpy(), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("Constant", 1, 1),
        ("Linear Down", 1, 0.7),
        ("Linear Up", 1, 0.3),
        ("Cosine Down", 1, math.cos(1.5707 * 0.3)),
        ("Half Cosine Up", 1, 1 - math.cos(0.3)),
        ("Power Up", 2, 0.09),
        ("Power Down", 2, 0.91),
        ("Sawtooth", 4, 0.2),
        ("Linear Repeating", 4, 0.6),
        ("Cosine Repeating", 2, (1 + math.cos(6.28318 * 0.6)) / 2),
    ],
)
def test_the_scales_of_thresholding_go_with_the_noise(mode, value, expected):
    assert thresholding.factor(mode, 0.3, value) == pytest.approx(expected)


@pytest.mark.parametrize("separate", ["enable", "disable"])
@pytest.mark.parametrize("start", ["MEAN", "ZERO"])
@pytest.mark.parametrize("measure", ["AD", "STD"])
def test_thresholding_spreads_a_pictures_values_as_far_as_the_lower_scales(separate, start, measure):
    options = DynamicThresholding(
        threshold_percentile=0.9, separate_feature_channels=separate, scaling_startpoint=start, variability_measure=measure
    )
    mimic, guided = draw(1), draw(2) * 3 + 1
    found = thresholding.thresholded(mimic, guided, options).numpy()
    for number in range(2):
        m, g = mimic[number].flatten(1).numpy(), guided[number].flatten(1).numpy()
        mean = g.mean(1, keepdims=True)
        m, centred = m - m.mean(1, keepdims=True), g - mean
        axis = None if separate == "disable" else 1
        keep = {} if axis is None else {"keepdims": True}
        if measure == "AD":
            sizes = np.abs(m).max(axis, **keep), np.quantile(np.abs(centred), 0.9, axis, **keep)
        else:
            sizes = m.std(axis, ddof=1, **keep), centred.std(axis, ddof=1, **keep)
        if start == "ZERO":
            expected = g * sizes[0] / sizes[1]
        elif measure == "AD":
            most = np.maximum(*sizes)
            expected = np.clip(centred, -most, most) / most * sizes[0] + mean
        else:
            expected = centred / sizes[1] * sizes[0] + mean
        assert np.allclose(found[number], expected.reshape(4, 8, 8), atol=1e-4)


def test_thresholding_mixes_with_plain_guidance_by_phi():
    options = DynamicThresholding(mimic_scale=3, interpolate_phi=0.0)
    part = thresholding.Thresholding(options, PREDICTION)
    cond, uncond = draw(1), draw(2)
    assert torch.allclose(part.formula(call(scale=7), cond, uncond), uncond + 7 * (cond - uncond), atol=1e-5)


def test_the_modifiers_rescaling_is_that_of_its_paper():
    now, cond, uncond = call(scale=9), draw(1), draw(2)
    plain = uncond + 9 * (cond - uncond)
    found = latent_modifier.Modifier(LatentModifier(rescale_cfg_phi=0.6), PREDICTION).formula(now, cond, uncond)
    assert torch.allclose(found, rescale(plain, cond, 0.6, now.x, now.sigma), atol=1e-4)
    same = latent_modifier.Modifier(LatentModifier(), PREDICTION).formula(now, cond, uncond)
    assert torch.allclose(same, plain, atol=1e-4)


def test_reinhards_curve_bends_long_vectors():
    noise = draw(3)
    found = latent_modifier.tonemapped(noise, 0.5, 80.0).numpy()
    for before, after in zip(noise.numpy(), found, strict=True):
        length = np.sqrt((before**2).sum(0))
        top = (3 * length.std(ddof=1) * 100 / 80 + length.mean()) * 0.5
        assert np.allclose(after, before / length * top * (length / top) / (length / top + 1), atol=1e-5)


def test_sharpness_mixes_a_blur_in_that_keeps_edges_less_at_high_noise():
    now, cond, uncond = call(scale=1.0, sigma=1.0, x=draw(9)), draw(1), draw(2)
    still, length = now.x / 2, math.sqrt(2)
    v = ((still - cond) * length).numpy()
    wide = np.pad(v, ((0, 0), (0, 0), (6, 6), (6, 6)), mode="reflect")
    total, counted = np.zeros_like(v), np.zeros((2, 1, 8, 8))
    for row in range(13):
        for column in range(13):
            other = wide[..., row : row + 8, column : column + 8]
            far = np.abs(other - v).sum(1, keepdims=True) ** 2
            weight = np.exp(-(far + (row - 6) ** 2 + (column - 6) ** 2) / 18)
            total, counted = total + other * weight, counted + weight
    amount = 0.004 * (1 - float(PREDICTION.timestep(now.sigma[:1])[0]) / 999)
    expected = still.numpy() - (amount * total / counted + (1 - amount) * v) / length
    found = latent_modifier.Modifier(LatentModifier(sharpness_multiplier=4), PREDICTION).formula(now, cond, uncond)
    assert amount > 0.001 and np.allclose(found.numpy(), expected, atol=1e-6)
    assert not np.allclose(cond.numpy(), expected, atol=1e-5)


def test_of_two_formulas_the_later_parts_counts():
    first = thresholding.Thresholding(DynamicThresholding(), PREDICTION)
    last = latent_modifier.Modifier(LatentModifier(rescale_cfg_phi=0.7), PREDICTION)
    now, cond, uncond = call(parts=(first, last)), draw(1), draw(2)
    made = ClassifierFree(now.guidance).combine(now, [cond, uncond])
    assert torch.equal(made.result, last.formula(now, cond, uncond)) and made.cond is cond and made.negative is uncond


@pytest.mark.parametrize(("share", "time"), [(0.1, 899.1), (0.35, 649.35), (0.999, 0.999)])
def test_hrfix_counts_shares_as_noise_levels(share, time):
    table = model_levels()
    assert hrfix.level_at(table, share) == pytest.approx(float(table.sigma(time)), rel=1e-6)
    assert hrfix.level_at(table, 0) == math.inf and hrfix.level_at(table, 1) == 0


def merged_by_hand(tokens, chosen, ratio):
    """One picture: what asks, and for each token the place of its asker."""
    unit = tokens / np.linalg.norm(tokens, axis=1, keepdims=True)
    others = [place for place in range(len(tokens)) if place not in chosen]
    likeness = {place: max((float(unit[place] @ unit[target]), target) for target in chosen) for place in others}
    goes = sorted(others, key=lambda place: -likeness[place][0])[: int(len(tokens) * ratio)]
    asks = {place: [place] for place in range(len(tokens)) if place not in goes}
    for place in goes:
        asks[likeness[place][1]].append(place)
    return {place: tokens[group].mean(0) for place, group in asks.items()}, {
        p: likeness[p][1] if p in goes else p for p in range(len(tokens))
    }


@pytest.mark.parametrize("size", [(4, 4), (5, 6)])
def test_tokens_are_merged_into_the_target_that_they_are_most_like(size):
    height, width = size
    tokens, drawn = (
        draw(7, (2, height * width, 8)),
        torch.randint(4, (2, height // 2, width // 2), generator=torch.Generator().manual_seed(1)),
    )
    is_target = token_merging.targets(drawn, height, width)
    merge = token_merging.merge_of(tokens, is_target, 0.5)
    asked, back = merge.merged(tokens), merge.unmerged(merge.merged(tokens))
    for number in range(2):
        chosen = [
            (row * 2 + int(which) // 2) * width + column * 2 + int(which) % 2
            for row, line in enumerate(drawn[number])
            for column, which in enumerate(line)
        ]
        assert sorted(is_target[number].nonzero().flatten().tolist()) == sorted(chosen)
        asks, asker = merged_by_hand(tokens[number].numpy(), chosen, 0.5)
        assert asked.shape[1] == len(asks) == height * width - int(height * width * 0.5)
        for place in range(height * width):
            assert np.allclose(back[number, place].numpy(), asks[asker[place]], atol=1e-5)


def test_targets_are_drawn_once_for_each_attention_and_call():
    generators = [torch.Generator().manual_seed(34506)]
    expected = torch.Generator().manual_seed(34506)
    first, second = (torch.randint(4, (4, 4, 1), generator=expected)[..., 0] for _ in range(2))
    draws = token_merging.Draws(generators)
    assert torch.equal(draws.of("a", 4, 4)[0], first) and torch.equal(draws.of("a", 4, 4)[0], first)
    assert torch.equal(draws.of("b", 4, 4)[0], second)
