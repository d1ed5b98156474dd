"""On a CUDA device: the same pictures as on a CPU, alone and in a batch, offloaded and not; CUDA's own noise; samplers that never wait."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.engine.test_together import MIXED, SharedEngine
from webui.cli.compare import compare
from webui.core.job import Plan
from webui.core.request import SamplerOptions
from webui.engine.model_runner import TorchModelRunner
from webui.generation.device import ForwardRequest
from webui.samplers.catalog import BUILTIN_SAMPLERS, get_schedule
from webui.samplers.noise import ImageNoise, generator
from webui.samplers.planning import plan_levels, sampler_options
from webui.samplers.schedules import model_levels

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")]
CPU = Plan(threads=2, channels_last=False)
CUDA = CPU.model_copy(update={"device": "cuda:0", "channels_last": True})
# No emphasis: the tiny text encoder's mean is nearly 0, and to restore it would divide one rounding error by another.
FIELDS = {"prompt": "a red fox", "negative_prompt": "snow", "steps": 6, "noise_source": "cpu"}


def near(one, other):
    return min(compare(a, b).psnr for a, b in zip(one, other, strict=True))


def on(engine, plan, **fields):
    return replace(engine, plan=plan).make(**FIELDS | fields)


@pytest.mark.parametrize("sampler", ["Euler", "Euler a", "DPM++ 2M", "DPM++ 2M SDE", "UniPC", "DDIM", "LMS", "Restart"])
def test_float32_pictures_are_those_of_a_cpu(engine, sampler):
    assert near(on(engine, CPU, sampler=sampler), on(engine, CUDA, sampler=sampler)) >= 60


@pytest.mark.parametrize("changes", [{"offload": "model"}, {"offload": "sequential"}, {"channels_last": False}])
def test_where_the_weights_rest_changes_nothing(engine, changes):
    assert near(on(engine, CUDA), on(engine, CUDA.model_copy(update=changes))) >= 60


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_near(engine, dtype):
    assert near(on(engine, CPU), on(engine, CUDA.model_copy(update={"dtype": dtype}))) >= 30


def test_img2img_and_inpainting_are_those_of_a_cpu(engine, start, mask):
    fields = {"mode": "img2img", "init": engine.keep(start), "strength": 0.6}
    assert near(on(engine, CPU, **fields), on(engine, CUDA, **fields)) >= 60
    fields |= {"mode": "inpaint", "mask": engine.keep(mask)}
    assert near(on(engine, CPU, **fields), on(engine, CUDA, **fields)) >= 60


def test_the_same_job_gives_the_same_bits(engine):
    first, second = (on(engine, CUDA.model_copy(update={"dtype": "float16"}), deterministic=True, batch_size=2) for _ in range(2))
    assert [np.array_equal(a, b) for a, b in zip(first, second, strict=True)] == [True, True]


@pytest.mark.parametrize("seed", [0, 1, 42, 2**32 - 1])
def test_nv_noise_is_what_this_device_draws(seed):
    stream, cuda = generator("nv", seed), torch.Generator("cuda").manual_seed(seed)
    for shape in ((4, 8, 8), (4, 64, 64), (3, 5, 7)):
        torch.testing.assert_close(stream.normal(shape), torch.randn(shape, generator=cuda, device="cuda").cpu(), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("dtype", "goal"), [("float32", 60), ("float16", 40)])
def test_a_batch_of_jobs_gives_each_its_own_pictures(engine, tmp_path, dtype, goal):
    studio, plan = SharedEngine(engine, tmp_path), CUDA.model_copy(update={"dtype": dtype})
    together = studio.make(*MIXED, plan=plan)
    assert studio.errors == {}
    assert [near(studio.make(fields, plan=plan)[0], pictures) >= goal for fields, pictures in zip(MIXED, together, strict=True)] == [
        True
    ] * 4


@pytest.mark.parametrize("sampler", [sampler for sampler in BUILTIN_SAMPLERS if not sampler.adaptive], ids=lambda sampler: sampler.name)
def test_no_sampler_waits_for_the_device(sampler):
    levels = plan_levels(sampler, get_schedule("Automatic"), 8, model_levels("sd1"), SamplerOptions())
    unit = ImageNoise([1], (4, 8, 8), device="cuda")
    x = levels.begin(unit.next().cuda())
    spare = torch.randn_like(x)
    options = {**sampler_options(sampler, SamplerOptions()), **levels.options}
    if sampler.noise != "none":
        options["noise_sampler"] = lambda sigma, sigma_next: spare
    torch.cuda.set_sync_debug_mode("error")
    try:
        result = sampler.function(lambda x, sigma, **extra: x * 0.5, x, levels.sigmas, **options)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert result.isfinite().all()


def test_passes_run_at_most_one_ahead_of_the_device():
    """So that a stop is heard within a step or two, however slow the device is."""

    class Slow:
        def predict(self, x, timesteps, cond, concat=None):
            for _ in range(40):
                x = (x @ x).tanh()
            done = torch.cuda.Event()
            done.record()
            events.append(done)
            return x

    events, runner, x = [], TorchModelRunner(), torch.randn(8192, 8192, device="cuda")
    for _ in range(4):
        runner.execute_forward([ForwardRequest(Slow(), x, x[0], x)])
        assert all(event.query() for event in events[:-1])
