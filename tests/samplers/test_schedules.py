"""Schedules without recorded numbers, and what holds for all."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from webui.errors import RequestError
from webui.samplers import get_sigmas
from webui.samplers.catalog import BUILTIN_SCHEDULES
from webui.samplers.schedules import beta_quantiles, model_levels


@settings(max_examples=60, deadline=None)
@given(
    schedule=st.sampled_from(BUILTIN_SCHEDULES),
    steps=st.integers(1, 150),
    family=st.sampled_from(["sd1", "sdxl"]),
)
def test_every_schedule_falls_inside_the_models_levels(schedule, steps, family):
    sigmas = get_sigmas(schedule.name, steps, family)
    assert sigmas.dtype == torch.float32 and bool((sigmas.diff() < 0).all())
    assert 0 <= float(sigmas[-1]) < 0.03 and float(sigmas[0]) <= 14.616
    assert len(sigmas) == steps + 1 or schedule.name == "DDIM"


@pytest.mark.parametrize("schedule", BUILTIN_SCHEDULES, ids=lambda schedule: schedule.name)
def test_a_thousand_steps(schedule):
    sigmas = get_sigmas(schedule.name, 1000)
    assert bool((sigmas.diff() < 0).all())


@pytest.mark.parametrize("label", ["Karras", "Exponential", "Polyexponential", "KL Optimal", "Normal", "Beta"])
def test_a_range_of_ones_own(label):
    sigmas = get_sigmas(label, 10, sigma_min=0.1, sigma_max=10.0)
    assert float(sigmas[0]) == pytest.approx(10.0, rel=5e-3 if label == "Normal" else 1e-4)  # Normal goes by whole timesteps
    assert 0.09 < float(sigmas[-2 if sigmas[-1] == 0 else -1]) < 0.11


def test_rho_bends_and_options_of_other_schedules_are_ignored():
    assert float(get_sigmas("Karras", 10, rho=3.0)[5]) > float(get_sigmas("Karras", 10)[5])
    assert torch.equal(get_sigmas("Simple", 10, rho=3.0, sigma_min=1.0), get_sigmas("simple", 10))


@pytest.mark.parametrize("steps", [0, -1, 2.5, True, None, "20", float("nan"), 10**9, [20]])
def test_impossible_steps_are_refused(steps):
    with pytest.raises(RequestError, match="at least 1, a whole number") as caught:
        get_sigmas("Karras", steps)
    assert caught.value.field == "steps"


LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = st.recursive(LEAF, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
LABELS = st.sampled_from([schedule.name for schedule in BUILTIN_SCHEDULES])
OPTIONS = st.dictionaries(st.sampled_from(["sigma_min", "sigma_max", "rho", "alpha", "beta", "mu", "sigmas", "timesteps", "else"]), JSON)


@settings(max_examples=300, deadline=None)
@given(schedule=LABELS | JSON, steps=st.integers(-2, 60) | JSON, family=st.sampled_from(["sd1", "sdxl", "flux"]) | JSON, options=OPTIONS)
def test_whatever_is_asked_for_falls_or_is_refused(schedule, steps, family, options):
    try:
        sigmas = get_sigmas(schedule, steps, family, **options)
    except RequestError as error:
        assert error.field and len(str(error)) < 2000
    else:
        assert bool((sigmas.diff() < 0).all()) and float(sigmas[-1]) >= 0


def test_turbo_is_simples_neighbour():
    model = model_levels()
    times = [999, 749, 499, 249]
    np.testing.assert_allclose(get_sigmas("Turbo", 4)[:-1], model.sigmas[times], rtol=1e-6)


def test_linear_quadratic_is_even_up_to_its_threshold():
    sigmas = get_sigmas("Linear quadratic", 20) / model_levels().high
    np.testing.assert_allclose(sigmas[:11].diff(), [-0.0025] * 10, atol=1e-6)
    assert float(sigmas[11:].diff().diff().abs().max()) < 0.02 and float(sigmas[-1]) == 0


def test_laplace_crowds_around_its_centre():
    centre = get_sigmas("Laplace", 21)
    assert float(centre[10]) == pytest.approx(1.0, rel=1e-3)
    assert float(get_sigmas("Laplace", 21, mu=1.0)[10]) == pytest.approx(np.e, rel=1e-3)


@pytest.mark.parametrize(("a", "b", "median"), [(1.0, 1.0, 0.5), (0.6, 0.6, 0.5), (2.0, 1.0, 0.5**0.5), (1.0, 3.0, 1 - 0.5 ** (1 / 3))])
def test_quantiles_of_the_beta_distribution(a, b, median):
    low, middle, high = beta_quantiles(np.array([0.0, 0.5, 1.0]), a, b)
    assert (low, high) == (0.0, 1.0) and middle == pytest.approx(median, rel=1e-12)
