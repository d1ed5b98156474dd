"""A1111's rules: which levels run, what x starts as, which options arrive."""

import numpy as np
import pytest
import torch
from samplers.gaussian import OPTIONS

from webui.core.request import SamplerOptions
from webui.errors import RequestError
from webui.samplers import get_sampler, get_schedule, get_sigmas
from webui.samplers.catalog import AUTOMATIC
from webui.samplers.planning import ddim_timesteps, img2img_steps, plan_levels, sampler_options
from webui.samplers.schedules import discrete_schedule, model_levels


def plan(name, steps, schedule=AUTOMATIC, options=OPTIONS, **more):
    return plan_levels(get_sampler(name), get_schedule(schedule), steps, model_levels(), options, **more)


@pytest.mark.parametrize(
    ("steps", "strength", "exact", "expected"),
    [
        (20, 0.75, False, (20, 15)),
        (20, 1.0, False, (20, 19)),
        (20, 0.0, False, (20, 0)),
        (8, 0.3, False, (8, 2)),
        (20, 0.5, True, (40, 19)),
        (20, 1.0, True, (20, 19)),
        (10, 0.0, True, (0, 9)),
    ],
)
def test_steps_of_img2img(steps, strength, exact, expected):
    assert img2img_steps(steps, strength, exact) == expected


def test_img2img_runs_the_end_of_the_schedule():
    whole, part = plan("Euler", 20), plan("Euler", 20, strength=0.5)
    assert torch.equal(part.sigmas, whole.sigmas[-12:]) and part.noise_range == whole.noise_range
    assert (part.start, part.counted) == (float(part.sigmas[0]), 11)
    assert len(plan("Euler", 20, strength=0.5, exact=True).sigmas) == 21
    assert len(plan("Euler", 20, strength=0.0).sigmas) == 2


def test_no_steps_to_do_exactly_is_an_error_that_says_so():
    with pytest.raises(RequestError, match="denoising strength 0") as caught:
        plan("Euler", 20, strength=0.0, exact=True)
    assert caught.value.field == "strength"


def test_a_schedule_that_gets_too_long_is_an_error_that_says_so():
    with pytest.raises(RequestError, match="takes a schedule of 150000, which is too long") as caught:
        plan_levels(get_sampler("Euler"), get_schedule("Karras"), 150, model_levels(), SamplerOptions(), strength=0.001, exact=True)
    assert caught.value.field == "strength"


def test_the_start_is_noise_at_the_first_level():
    noise, latent = torch.ones(1, 4, 2, 2), torch.full((1, 4, 2, 2), 3.0)
    levels = plan("Euler", 10)
    assert float(levels.begin(noise)[0, 0, 0, 0]) == pytest.approx(float(levels.sigmas[0]))
    assert float(levels.begin(noise, latent)[0, 0, 0, 0]) == pytest.approx(3 + float(levels.sigmas[0]))
    sgm = plan("Euler", 10, options=SamplerOptions(sgm_noise_multiplier=True))
    assert float(sgm.begin(noise)[0, 0, 0, 0]) == pytest.approx((1 + float(levels.sigmas[0]) ** 2) ** 0.5)
    assert torch.equal(levels.finish(noise), noise)


@pytest.mark.parametrize("name", ["DPM++ 3M SDE", "DPM2", "DPM2 a"])
def test_some_leave_out_the_level_before_the_last_by_themselves(name):
    sampler = get_sampler(name)
    one_more = get_sigmas(sampler.default_schedule, 9)
    assert torch.equal(plan(name, 8).sigmas, torch.cat([one_more[:-2], one_more[-1:]]))


def test_discarding_from_uniform_is_sgm_uniform():
    discarded = plan("Euler", 12, options=SamplerOptions(discard_penultimate=True)).sigmas
    torch.testing.assert_close(discarded, get_sigmas("SGM Uniform", 12), rtol=1e-5, atol=1e-6)


def test_ddims_timesteps():
    assert ddim_timesteps(8).tolist() == [1, 126, 251, 376, 501, 626, 751, 876]
    assert len(ddim_timesteps(30)) == 31 and ddim_timesteps(1000)[-1] == 999


@pytest.mark.parametrize("name", ["DDIM", "DDIM CFG++", "PLMS"])
def test_quad_brings_ddims_timesteps_closer_together_towards_the_end(name):
    """CompVis's rule, (i · √800 / (steps - 1))² + 1; the option was read by no sampler."""
    model, quad = model_levels(), SamplerOptions(ddim_discretize="quad")
    times = [1, 33, 129, 289, 513, 801]
    assert ddim_timesteps(6, discretize="quad").tolist() == times
    np.testing.assert_allclose(plan(name, 6, options=quad).sigmas, model.sigmas[times[::-1]], rtol=1e-6)
    np.testing.assert_allclose(plan(name, 6, options=quad, strength=0.5).sigmas, model.sigmas[[129, 33, 1]], rtol=1e-6)
    assert float(plan(name, 1, options=quad).start) == pytest.approx(model.sigmas[801])
    assert len(set(plan(name, 1000, options=quad).sigmas.tolist())) == len(plan(name, 1000, options=quad).sigmas)
    assert torch.equal(plan("UniPC", 6, options=quad).sigmas, plan("UniPC", 6).sigmas)


def test_timestep_samplers_start_and_end_on_their_timesteps():
    model = model_levels()
    levels = plan("DDIM", 8, "Karras")
    np.testing.assert_allclose(levels.sigmas, model.sigmas[ddim_timesteps(8)[::-1]], rtol=1e-6)
    noise = torch.ones(1, 4, 2, 2)
    assert float(levels.begin(noise)[0, 0, 0, 0]) == pytest.approx((1 + model.sigmas[876] ** 2) ** 0.5)
    assert float(levels.finish(noise)[0, 0, 0, 0]) == pytest.approx((1 + model.sigmas[1] ** 2) ** -0.5)


def test_timestep_samplers_img2img_starts_one_timestep_above_the_first_level():
    model, latent, noise = model_levels(), torch.full((1, 4, 2, 2), 2.0), torch.ones(1, 4, 2, 2)
    levels = plan("PLMS", 8, strength=0.5)
    np.testing.assert_allclose(levels.sigmas, model.sigmas[[376, 251, 126, 1]], rtol=1e-6)
    preserved = 1 / (1 + model.sigmas[501] ** 2)
    ddpm = 2 * preserved**0.5 + (1 - preserved) ** 0.5
    assert float(levels.begin(noise, latent)[0, 0, 0, 0]) == pytest.approx(ddpm * (1 + model.sigmas[376] ** 2) ** 0.5, rel=1e-5)
    assert [len(plan("DDIM", 8, strength=strength).sigmas) for strength in (0.0, 0.2, 1.0)] == [2, 2, 7]


def test_discarding_gives_timestep_samplers_one_timestep_more():
    """A1111 asks for one step more and takes nothing out: DDIM's timesteps are no sigmas."""
    model, discard = model_levels(), SamplerOptions(discard_penultimate=True)
    np.testing.assert_allclose(plan("DDIM", 8, options=discard).sigmas, model.sigmas[ddim_timesteps(9)[::-1]], rtol=1e-6)
    assert len(plan("UniPC", 8, options=discard).sigmas) == len(ddim_timesteps(9)) + 1


def test_lcm_knows_fifty_of_the_models_levels():
    """Its distillation's: 999, 979 … 19, so the last level above zero is not the model's lowest (that gave 37 dB)."""
    model = model_levels()
    levels = plan("LCM", 8).sigmas
    np.testing.assert_allclose(levels[[0, -2, -1]], [model.sigmas[999], model.sigmas[19], 0], rtol=1e-6)
    np.testing.assert_allclose(plan("LCM", 50).sigmas[:-1], model.sigmas[19::20][::-1], rtol=1e-6)
    assert float(plan("LCM", 8, "Karras").sigmas[-2]) == pytest.approx(model.sigmas[19], rel=1e-5)


def test_unipc_lays_out_its_own_times_and_asks_at_whole_ones():
    model = model_levels()
    levels = plan("UniPC", 8)
    assert len(levels.sigmas) == len(levels.options["model_sigmas"]) == 9
    np.testing.assert_allclose(levels.sigmas[[0, -1]], model.sigmas[[999, 0]], rtol=1e-5)
    np.testing.assert_allclose(levels.options["model_sigmas"], model.sigmas[np.round(np.linspace(999, 0, 9)).astype(int)], rtol=1e-6)
    assert len(plan("UniPC", 8, strength=0.5).sigmas) == 5
    for skip in ("time_quadratic", "logSNR"):
        other = plan("UniPC", 8, options=SamplerOptions(unipc_skip=skip)).sigmas
        assert bool((other.diff() < 0).all()) and not torch.allclose(other, levels.sigmas)


def test_dpm_fast_and_adaptive_take_the_models_whole_range():
    model = model_levels()
    for name in ("DPM fast", "DPM adaptive"):
        sigmas = plan(name, 10, "Align Your Steps").sigmas
        np.testing.assert_allclose(sigmas[[0, -2]], [model.high, model.low], rtol=1e-5)
    assert len(plan("DPM fast", 10).sigmas) == len(plan("DPM fast", 10, "DDIM").sigmas) == 11
    low = plan("DPM fast", 7, "DDIM")
    assert float(low.begin(torch.ones(1))) == pytest.approx(float(get_sigmas("DDIM", 7)[0]), rel=1e-6)  # the start is the schedule's
    assert low.sigmas[0] > get_sigmas("DDIM", 7)[0]
    assert torch.equal(plan("DPM fast", 10, "Karras", strength=0.5).sigmas, plan("Euler", 10, "Karras", strength=0.5).sigmas)


def test_own_levels_replace_the_schedule():
    assert plan("Euler", 20, options=SamplerOptions(sigmas=(10, 3, 1))).sigmas.tolist() == [10, 3, 1, 0]
    assert plan("Euler", 20, options=SamplerOptions(sigmas=(10, 3, 0))).sigmas.tolist() == [10, 3, 0]
    times = plan("DDIM", 20, options=SamplerOptions(timesteps=(999, 500, 0))).sigmas
    np.testing.assert_allclose(times, [*model_levels().sigmas[[999, 500, 0]], 0], rtol=1e-5)
    assert len(plan("Euler", 20, options=SamplerOptions(sigmas=(10, 5, 3, 1)), strength=0.5).sigmas) == 4
    assert len(plan("Euler", 20, options=SamplerOptions(sigmas=(10, 5, 3, 1)), strength=0.5, exact=True).sigmas) == 4


@pytest.mark.parametrize("values", [[1, 2], [5, 5, 1], [3, -1], [], [float("nan"), 1], [float("inf"), 1], [0]])
@pytest.mark.parametrize("kind", ["sigmas", "timesteps"])
def test_own_levels_that_do_not_fall_are_refused(kind, values):
    with pytest.raises(RequestError, match=f"Custom {kind} must fall") as caught:
        get_sigmas("Karras", 5, **{kind: values})
    assert caught.value.field == f"sampler_options.{kind}"


def test_timesteps_beyond_training_are_refused():
    with pytest.raises(RequestError, match="from 999 down to 0"):
        get_sigmas("Karras", 5, timesteps=[1200, 5])


@pytest.mark.parametrize(
    ("schedule", "options"),
    [("Karras", {"sigma_min": 20.0}), ("Exponential", {"sigma_min": 3.0, "sigma_max": 3.0}), ("Beta", {"sigma_max": 1e-3})],
)
def test_impossible_schedules_are_refused(schedule, options):
    with pytest.raises(RequestError, match="does not fall") as caught:
        get_sigmas(schedule, 10, **options)
    assert caught.value.field == "schedule"


@pytest.mark.parametrize("label", ["Normal", "SGM Uniform"])
def test_a_range_of_ones_own_goes_by_whole_training_timesteps(label):
    """As in Forge, whose levels have the nearest training timestep's number."""
    model = model_levels()
    sigmas = get_sigmas(label, 10, sigma_min=0.1, sigma_max=10.0)
    nearest = model.sigmas[int(np.argmin(np.abs(np.log(model.sigmas) - np.log(10))))]
    assert float(sigmas[0]) == pytest.approx(nearest, rel=1e-6) and nearest != 10


def test_the_beta_schedules_shape_is_an_option_of_its_own():
    options = SamplerOptions(beta_alpha=0.5, beta_beta=0.8)
    assert torch.equal(plan("Euler", 9, "Beta", options).sigmas, get_sigmas("Beta", 9, alpha=0.5, beta=0.8))
    assert not torch.equal(plan("Euler", 9, "Beta", options).sigmas, plan("Euler", 9, "Beta").sigmas)
    assert torch.equal(plan("Euler", 9, "Laplace", options).sigmas, plan("Euler", 9, "Laplace").sigmas)


def test_no_steps_and_no_family_are_refused():
    with pytest.raises(RequestError, match="at least 1"):
        get_sigmas("Karras", 0)
    with pytest.raises(RequestError, match="no model family|There is no model family"):
        get_sigmas("Karras", 5, family="sd99")


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("Euler", {}, {"s_churn": 0.0, "s_tmin": 0.0, "s_noise": 1.0}),
        ("Euler", {"churn": 5, "churn_max": 9, "eta": 3}, {"s_churn": 5.0, "s_tmin": 0.0, "s_tmax": 9.0, "s_noise": 1.0}),
        ("Euler", {"churn_max": 0}, {"s_churn": 0.0, "s_tmin": 0.0, "s_noise": 1.0}),
        ("Euler a", {"eta": 0.5, "noise_scale": 1.1}, {"eta": 0.5}),
        ("DPM fast", {}, {"eta": 1.0, "s_noise": 1.0}),
        ("DPM adaptive", {}, {"eta": 1.0}),
        ("DDIM", {}, {"eta": 0.0}),
        ("DDIM", {"eta": 0.5}, {"eta": 0.5}),
        ("DPM++ 2M", {"eta": 0.5, "noise_scale": 1.1}, {}),
        ("Restart", {"noise_scale": 1.1}, {}),
        ("UniPC", {"unipc_variant": "bh2"}, {"variant": "bh2", "order": 3, "lower_order_final": True}),
    ],
)
def test_the_knobs_that_arrive_are_those_a1111_passes(name, given, expected):
    assert sampler_options(get_sampler(name), SamplerOptions(**given)) == expected


def test_a_solver_type_is_one_that_the_sampler_has():
    assert sampler_options(get_sampler("SEEDS-2"), SamplerOptions(solver_type="phi_2"))["solver_type"] == "phi_2"
    assert sampler_options(get_sampler("Euler"), SamplerOptions(solver_type="phi_2")) == {"s_churn": 0, "s_tmin": 0, "s_noise": 1}
    with pytest.raises(RequestError, match="DPM\\+\\+ 2M SDE has no solver type 'phi_2'. There are midpoint and heun."):
        sampler_options(get_sampler("DPM++ 2M SDE"), SamplerOptions(solver_type="phi_2"))


def test_what_forge_always_passes():
    assert sampler_options(get_sampler("IPNDM"), SamplerOptions()) == {"exact_end": False}


def test_a_models_own_levels_count():
    alphas = np.linspace(0.999, 0.01, 500)
    levels = discrete_schedule(alphas)
    sigmas = get_sigmas("Normal", 4, levels=levels)
    assert float(sigmas[0]) == pytest.approx((0.99 / 0.01) ** 0.5, rel=1e-5)


def test_flow_families_go_from_one():
    for family in ("sd3", "flux", "flux-schnell"):
        sigmas = get_sigmas("Simple", 4, family=family)
        assert float(sigmas[0]) == 1 and float(sigmas[-1]) == 0
    assert float(get_sigmas("Simple", 2, family="sd3")[1]) > float(get_sigmas("Simple", 2, family="flux-schnell")[1])
