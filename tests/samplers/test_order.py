"""Deterministic samplers converge to the exact solution, as fast as the catalog says."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from samplers.gaussian import HIGH, LOW, Gaussian, falling, quiet

from webui.samplers.catalog import BUILTIN_SAMPLERS, get_sampler

JUMPS = {"LCM", "DDPM", "ER SDE"}
"""Never deterministic: they put noise back by definition."""
CONTROLLED = {"DPM adaptive"}
SMOOTH = [sampler for sampler in BUILTIN_SAMPLERS if sampler.name not in JUMPS | CONTROLLED | {"Restart"}]


def error(sampler, steps: int, s: float = 0.35, **knobs) -> float:
    model, x = Gaussian(s), torch.full((1, 1, 2, 2), HIGH, dtype=torch.float64)
    result = sampler.function(model, x, falling(steps), **quiet(sampler), **knobs)
    return float((result - model.end(x, LOW, HIGH)).abs().max())


@pytest.mark.parametrize("sampler", SMOOTH, ids=lambda sampler: sampler.name)
def test_halving_the_steps_cuts_the_error_by_the_order(sampler):
    coarse, fine = error(sampler, 120), error(sampler, 240)
    assert math.log2(coarse / fine) > sampler.order - 0.25
    assert fine < 0.01


@pytest.mark.parametrize("name", ["Euler", "Heun", "DPM++ 2M", "DEIS", "SEEDS-3"])
@settings(max_examples=15, deadline=None)
@given(s=st.floats(0.2, 3.0))
def test_the_order_holds_for_any_width_of_the_data(name, s):
    sampler = get_sampler(name)
    assert math.log2(error(sampler, 100, s) / error(sampler, 200, s)) > sampler.order - 0.5


@pytest.mark.parametrize("variant", ["bh1", "bh2"])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_unipc_converges_in_each_variant(variant, order):
    sampler = get_sampler("UniPC")
    coarse, fine = (error(sampler, steps, variant=variant, order=order) for steps in (60, 240))
    assert math.log2(coarse / fine) / 2 > 1.7


def test_unipc_with_varying_coefficients_converges_as_published():
    sampler = get_sampler("UniPC")
    coarse, fine = (error(sampler, steps, variant="vary_coeff") for steps in (60, 240))
    assert math.log2(coarse / fine) / 2 > 0.8


def test_step_size_control_keeps_the_tolerance():
    sampler = get_sampler("DPM adaptive")
    assert error(sampler, 5, rtol=1e-3, atol=1e-4) < 2e-3
    assert error(sampler, 5, rtol=1e-3, atol=1e-4, order=2) < 2e-2


def test_deis_in_sigma_is_lms():
    deis, lms = get_sampler("DEIS"), get_sampler("LMS")
    levels = falling(12)
    start = torch.full((1, 1, 2, 2), HIGH, dtype=torch.float64)
    ours, theirs = deis.function(Gaussian(), start, levels, deis_mode="rhoab"), lms.function(Gaussian(), start, levels, order=3)
    assert torch.allclose(ours, theirs, rtol=1e-10) and not torch.allclose(ours, deis.function(Gaussian(), start, levels), rtol=1e-4)


def test_churn_in_heunpp2_raises_the_level_of_each_step():
    seen, drawn = [], []

    def noise(sigma, sigma_next):
        drawn.append(float(sigma))
        return torch.zeros(1, 1, 2, 2, dtype=torch.float64)

    levels = falling(6)
    start = torch.full((1, 1, 2, 2), HIGH, dtype=torch.float64)
    tell = lambda state: seen.append(float(state["sigma_hat"]) / float(state["sigma"]))  # noqa: E731
    get_sampler("HeunPP2").function(Gaussian(), start, levels, callback=tell, s_churn=1.2, s_tmin=0.1, noise_sampler=noise)
    steps = len(levels) - 1
    assert drawn == pytest.approx(levels[:-1].tolist())
    assert seen == pytest.approx([1 + 1.2 / steps if level >= 0.1 else 1 for level in levels[:-1].tolist()])


def test_restarts_of_ones_own():
    seen = []
    levels = torch.tensor([10.0, 5.0, 2.0, 1.0, 0.5, 0.1, 0.0], dtype=torch.float64)
    start = torch.full((1, 1, 2, 2), HIGH, dtype=torch.float64)
    restarts = {0.5: [3, 2, 2.0]}
    tell = lambda state: seen.append(float(state["sigma"]))  # noqa: E731
    get_sampler("Restart").function(Gaussian(), start, levels, callback=tell, restart_list=restarts)
    assert seen[:4] == [10, 5, 2, 1] and seen[4] == seen[6] == pytest.approx(2.0) and seen[8:] == pytest.approx([0.5, 0.1])
    assert seen[5] == seen[7] and 0.5 < seen[5] < 2


def test_restart_without_restarts_is_heuns_method():
    restart, heun = get_sampler("Restart"), get_sampler("Heun")
    assert error(restart, 15) == pytest.approx(error(heun, 15))


def test_restart_goes_back_up_from_twenty_steps_on():
    sampler = get_sampler("Restart")
    levels = torch.cat([falling(35, low=0.03), torch.zeros(1, dtype=torch.float64)])
    for steps, ups in ((19, 0), (20, 1), (35, 1), (36, 2)):
        seen = []
        sampler.function(
            Gaussian(),
            torch.ones(1, 1, 2, 2, dtype=torch.float64) * HIGH,
            torch.cat([falling(steps - 1), levels[-1:]]),
            callback=lambda state, seen=seen: seen.append(float(state["sigma"])),
        )
        assert sum(after > before for before, after in zip(seen, seen[1:], strict=False)) == ups
