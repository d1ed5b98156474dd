"""Samplers and schedules agree with the recorded runs of the programs that people come from."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from webui.samplers import get_sampler, get_sigmas

DATA = Path(__file__).parent.parent / "data" / "reference"
RUNS = np.load(DATA / "samplers.npz")
CASES = json.loads(str(RUNS["meta"]))["cases"]
SCHEDULES = json.loads((DATA / "schedules.json").read_text())


class Mixture:
    """The exact denoiser of a mixture of three isotropic Gaussians; counts its calls."""

    def __init__(self):
        self.mu, self.logpi, self.s = (torch.from_numpy(np.asarray(RUNS[name])) for name in ("mu", "logpi", "s"))
        self.calls = 0

    def __call__(self, x, sigma, **extra):
        self.calls += 1
        v = (self.s**2 + sigma**2).view(-1, 1, 1, 1, 1)
        gap = x[:, None] - self.mu[None]
        weights = torch.softmax(self.logpi - (gap**2).sum((2, 3, 4)) / (2 * v.view(-1, 1)), 1)
        return (weights[:, :, None, None, None] * (self.mu[None] + self.s**2 / v * gap)).sum(1)


def recorded_noise():
    noise = iter(torch.from_numpy(RUNS["noise"]))
    return lambda sigma, sigma_next: next(noise)


@pytest.mark.parametrize("case", CASES, ids=[case["key"] for case in CASES])
def test_a_recorded_run(case):
    sampler = get_sampler(case["sampler"])
    sigmas = torch.from_numpy(RUNS[f"sigmas/{case['schedule']}/{case['steps']}"])
    options = dict(case["options"])
    if sampler.noise != "none":
        options["noise_sampler"] = recorded_noise()
    model = Mixture()
    result = sampler.function(model, torch.from_numpy(RUNS["x"]) * sigmas[0], sigmas, disable=True, **options)
    wanted = torch.from_numpy(RUNS[case["key"]])
    assert float((result - wanted).norm() / wanted.norm()) < 1e-6
    assert model.calls == case["model_calls"]


@pytest.mark.parametrize("label", ["Karras", "Exponential"])
def test_levels_that_a_brownian_path_is_asked_for_agree_to_the_last_digit(label):
    """The file has 7 places after the point; k-diffusion computes in float32. (One level is a digit off.)"""
    pairs = [(get_sigmas(label, int(steps)).numpy(), np.array(values)) for steps, values in SCHEDULES["sd1"][label].items()]
    assert sum(int((np.abs(ours - theirs) > 6e-8).sum()) for ours, theirs in pairs) <= 1


def schedule_cases():
    """(family, label, steps, levels) of every recorded schedule."""
    for family in ("sd1", "sdxl"):
        for label, by_steps in SCHEDULES[family].items():
            yield from (
                pytest.param(family, label, int(steps), values, id=f"{family}-{label}-{steps}") for steps, values in by_steps.items()
            )


@pytest.mark.parametrize(("family", "label", "steps", "values"), list(schedule_cases()))
def test_a_recorded_schedule(family, label, steps, values):
    sigmas = get_sigmas(label.upper(), steps, family=family)
    assert sigmas.dtype == torch.float32 and len(sigmas) == len(values)
    np.testing.assert_allclose(sigmas.numpy(), values, rtol=1e-4, atol=1e-9)
