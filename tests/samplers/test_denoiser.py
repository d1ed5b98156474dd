"""From a network's raw output to the prediction of the clean latent, for each kind of prediction."""

import numpy as np
import pytest
import torch

from webui.models.prediction import EpsPrediction, RectifiedFlow, diffusion
from webui.samplers.denoiser import SigmaDenoiser, wrap
from webui.samplers.schedules import get_sigmas, model_levels

S = 0.5
LEVELS = model_levels()


def exact(x, sigma):
    return x * S**2 / (S**2 + sigma**2)


@pytest.mark.parametrize("prediction", ["eps", "v"])
def test_the_clean_latent_comes_back_from_eps_and_from_v(prediction):
    def network(scaled, timesteps):
        sigma = torch.from_numpy(LEVELS.sigma(timesteps.double().numpy())).float().view(-1, 1, 1, 1)
        x = scaled * (sigma**2 + 1) ** 0.5
        eps = (x - exact(x, sigma)) / sigma
        # Salimans & Ho 2022: v = alpha · eps − sigma_vp · x0, with alpha = 1/√(1+sigma²)
        return eps if prediction == "eps" else (eps - sigma * exact(x, sigma)) / (1 + sigma**2) ** 0.5

    x, sigma = torch.randn(3, 4, 2, 2), torch.tensor(LEVELS.sigmas[[10, 500, 990]], dtype=torch.float32)
    denoised = SigmaDenoiser(network, diffusion(prediction, LEVELS))(x, sigma)
    torch.testing.assert_close(denoised, exact(x, sigma.view(-1, 1, 1, 1)), rtol=1e-3, atol=1e-4)


def test_flow_models_see_x_as_it_is_and_predict_velocity():
    asked = []

    def network(x, timesteps):
        asked.append(timesteps)
        return torch.ones_like(x)

    x = torch.zeros(2, 4, 2, 2)
    assert torch.equal(
        SigmaDenoiser(network, RectifiedFlow())(x, torch.tensor([0.5, 0.25])), torch.tensor([-0.5, -0.25]).view(2, 1, 1, 1).expand_as(x)
    )
    assert asked[0].tolist() == [500, 250]


def test_timesteps_are_the_nearest_or_between_two_in_log_sigma():
    def times(sigmas, quantize):
        return EpsPrediction(LEVELS).timestep(torch.tensor(sigmas, dtype=torch.float32), quantize).tolist()

    middle = float(np.sqrt(LEVELS.sigmas[300] * LEVELS.sigmas[301]))
    assert times([LEVELS.sigmas[300], middle], quantize=False) == pytest.approx([300, 300.5], abs=1e-2)
    assert times([middle * 1.0005, middle * 0.9995], quantize=True) == [301, 300]
    assert times([1e-4, 100.0], quantize=True) == times([1e-4, 100.0], quantize=False) == [0, 999]


def test_the_first_wrapper_ends_outermost():
    order = []

    def wrapper(name):
        def wrap(denoiser):
            def wrapped(x, sigma, **extra):
                order.append(name)
                return denoiser(x, sigma, **extra)

            return wrapped

        return wrap

    wrap(lambda x, sigma: x, [wrapper("first"), wrapper("second")])(torch.zeros(1), torch.ones(1))
    assert order == ["first", "second"]


def nearest_in_one_table(steps):
    """Forge's rule, word for word in its arithmetic: float32 logs, straight between two, the nearest of all, the first of equals."""
    logs = torch.tensor(LEVELS.sigmas).log().float()
    times = torch.linspace(len(logs) - 1, 0, steps)
    share = times.frac()
    sigmas = ((1 - share) * logs[times.floor().long()] + share * logs[times.ceil().long()]).exp()
    return sigmas, (sigmas.log() - logs[:, None]).abs().argmin(0)


@pytest.mark.parametrize("steps", [7, 13, 15, 19, 20, 25, 29, 30, 31, 37, 43, 55, 75, 111])
def test_a_level_half_way_between_two_timesteps_goes_where_forge_sends_it(steps):
    sigmas, times = nearest_in_one_table(steps)
    ours = get_sigmas("Uniform", steps)[:-1]
    assert torch.equal(ours, sigmas)
    assert EpsPrediction(LEVELS).timestep(ours).tolist() == times.tolist()


def test_of_two_timesteps_as_near_the_lower_is_asked():
    """Automatic with 7 steps: timestep 166.5 was asked for as 167."""
    asked = EpsPrediction(LEVELS).timestep(get_sigmas("Uniform", 7)[:-1])
    assert asked.tolist() == [999, 833, 666, 500, 333, 166, 0]
