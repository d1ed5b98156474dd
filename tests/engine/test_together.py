"""Several jobs in one batch, on a real model: the pictures are those that each would be alone, and nobody disturbs the others."""

import threading
from dataclasses import replace
from queue import SimpleQueue

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from webui.cli.compare import compare
from webui.core.batch_key import batch_key
from webui.core.job import Plan
from webui.engine.admission import AdmissionController
from webui.engine.model_runner import TorchModelRunner
from webui.engine.scheduler import BatchScheduler
from webui.errors import AdmissionRefused, JobCancelled, NumericalError
from webui.generation.preview import PreviewSettings
from webui.images.metadata import read_generation_info
from webui.samplers.catalog import Sampler
from webui.settings import load_settings

LONG = "a very long story of a fox in the snow, " * 12
"""More than 77 tokens, so more than one chunk."""


class SharedEngine:
    """An engine's company under a scheduler. `make` runs requests together and gives each one's pictures."""

    def __init__(self, engine, tmp_path):
        self.engine = engine
        self.settings = load_settings({"data_dir": tmp_path}, environment={})
        self.events, self.errors, self.stopped = {}, {}, set()

    def make(self, *requests, plan=None, on_event=lambda name, event: None):
        inbox = SimpleQueue()
        admission = AdmissionController(self.engine.context, "cpu", self.settings)
        self.events, self.errors = {}, {}
        self.join = lambda fields: scheduler.start_job(
            "late", self._work(admission, self.engine.task(**fields).model_copy(update={"job_id": "late"}), on_event)
        )
        scheduler = BatchScheduler(inbox, TorchModelRunner(), lambda message: None, self._left(admission), self.stopped.__contains__)
        self.scheduler = scheduler
        for name, fields in enumerate(requests):
            task = self.engine.task(**fields).model_copy(update={"job_id": str(name), "plan": plan or self.engine.plan})
            scheduler.start_job(str(name), self._work(admission, task, on_event))
        watchdog = threading.Timer(120, lambda: setattr(scheduler, "stopping", True))
        watchdog.start()
        scheduler.run()
        watchdog.cancel()
        return [self._pictures(str(name)) for name in range(len(requests))]

    def _left(self, company):
        def left(slot):
            company.release(slot.job_id)
            self.scheduler.stopping = not self.scheduler.slots

        return left

    def _work(self, company, task, on_event):
        def emit(event):
            self.events.setdefault(task.job_id, []).append(event)
            on_event(task.job_id, event)

        def work(slot):
            try:
                plan = slot.run_on_device(lambda: company.admit(task, self.scheduler.draining))
                company.run(task.model_copy(update={"plan": plan}), slot, self.engine.context.preview_settings, emit)
            except Exception as error:
                self.errors[task.job_id] = error

        return work

    def _pictures(self, name):
        return [self.engine.open(event.record) for event in self.events.get(name, ()) if event.type == "image"]

    def facts(self, name):
        records = [event.record for event in self.events[name] if event.type == "image"]
        return [read_generation_info(self.engine.context.images.path(record)) for record in records]


@pytest.fixture
def studio(engine, tmp_path, monkeypatch):
    """Its jobs have all loaded and encoded before the first step, however slow the machine is."""
    monkeypatch.setattr("webui.engine.scheduler.DEVICE_TASK_BUDGET_S", 60.0)
    return SharedEngine(engine, tmp_path)


MIXED = (
    {"prompt": "fox", "sampler": "Euler", "steps": 5},
    {"prompt": LONG, "sampler": "DPM++ 2M", "schedule": "Karras", "steps": 3, "seed": 9},
    {"prompt": "owl", "sampler": "Heun", "steps": 4, "guidance": 1.0, "seed": 3},
    {"prompt": "a AND b", "sampler": "DDIM", "steps": 3, "batch_size": 2, "seed": 4},
)


@pytest.mark.parametrize(("dtype", "goal"), [("float32", 60), ("bfloat16", 40)])
def test_pictures_are_those_of_each_job_alone(studio, dtype, goal):
    plan = Plan(threads=1, channels_last=False, dtype=dtype)
    together = studio.make(*MIXED, plan=plan)
    assert studio.errors == {}
    shared = [[facts.get("batched_with", 0) for facts in studio.facts(str(name))] for name in range(len(MIXED))]
    assert max(count for counts in shared for count in counts) == 3
    for pictures, fields in zip(together, MIXED, strict=True):
        alone = studio.make(fields, plan=plan)[0]
        assert [compare(a, b).psnr >= goal for a, b in zip(pictures, alone, strict=True)] == [True] * len(pictures)
        assert all("batched_with" not in facts for facts in studio.facts("0"))


def test_stochastic_samplers_keep_their_own_noise(studio):
    requests = [{"prompt": "fox", "sampler": name, "seed": seed} for seed, name in enumerate(("Euler a", "DPM++ SDE", "LCM"), 5)]
    together = studio.make(*requests)
    for pictures, fields in zip(together, requests, strict=True):
        assert compare(pictures[0], studio.make(fields)[0][0]).psnr >= 60


def test_a_sampler_that_draws_from_torch_itself_draws_the_same(studio):
    def drawing(model, x, sigmas, extra_args=None, callback=None, disable=None):
        for sigma, sigma_next in zip(sigmas, sigmas[1:], strict=False):
            denoised = model(x, sigma * x.new_ones(len(x)))
            x = denoised + torch.randn_like(x) * sigma_next
        return x

    studio.engine.context.samplers.register(Sampler("Drawing", drawing), owner="test")
    requests = [{"sampler": "Drawing", "seed": seed, "steps": 4} for seed in (1, 2, 3)]
    together = studio.make(*requests)
    for pictures, fields in zip(together, requests, strict=True):
        assert compare(pictures[0], studio.make(fields)[0][0]).psnr >= 60


def test_a_stopped_job_leaves_its_neighbours_as_they_were(studio):
    undisturbed = studio.make(MIXED[0], {"prompt": "owl", "steps": 8})

    def stop(name, event):
        if name == "1" and event.type == "step" and event.phase == "sampling" and event.step == 2:
            raise JobCancelled("stopped")

    disturbed = studio.make(MIXED[0], {"prompt": "owl", "steps": 8}, on_event=stop)
    assert isinstance(studio.errors["1"], JobCancelled) and disturbed[1] == []
    assert compare(disturbed[0][0], undisturbed[0][0]).psnr >= 60


def test_a_sampler_that_raises_or_gives_nan_fails_alone(studio):
    def raising(model, x, sigmas, extra_args=None, callback=None, disable=None):
        model(x, sigmas[0] * x.new_ones(len(x)))
        raise ZeroDivisionError("mine")

    def broken(model, x, sigmas, extra_args=None, callback=None, disable=None):
        denoised = model(x, sigmas[0] * x.new_ones(len(x)))
        callback({"i": 0, "x": x, "sigma": sigmas[0], "sigma_hat": sigmas[0], "denoised": denoised * float("nan")})
        return x

    for name, function in (("Raising", raising), ("Broken", broken)):
        studio.engine.context.samplers.register(Sampler(name, function), owner="test")
    fine = {"prompt": "fox", "steps": 6}
    pictures = studio.make(fine, {"sampler": "Raising"}, {"sampler": "Broken"})
    assert isinstance(studio.errors["1"], ZeroDivisionError) and isinstance(studio.errors["2"], NumericalError)
    assert "0" not in studio.errors and compare(pictures[0][0], studio.make(fine)[0][0]).psnr >= 60


def test_nan_in_bfloat16_is_made_again_alone_in_float32(studio):
    calls = []

    def fragile(model, x, sigmas, extra_args=None, callback=None, disable=None):
        denoised = model(x, sigmas[0] * x.new_ones(len(x)))
        calls.append(len(studio.scheduler.slots))
        bad = denoised * float("nan") if len(calls) == 1 else denoised
        callback({"i": 0, "x": x, "sigma": sigmas[0], "sigma_hat": sigmas[0], "denoised": bad})
        return denoised

    studio.engine.context.samplers.register(Sampler("Fragile", fragile), owner="test")
    plan = Plan(threads=1, channels_last=False, dtype="bfloat16")
    fragile_pictures, fine = studio.make({"sampler": "Fragile"}, {"prompt": "fox", "steps": 6}, plan=plan)
    assert studio.errors == {} and calls == [2, 1] and len(fragile_pictures) == 1
    assert any("float32" in note for event in studio.events["0"] if event.type == "done" for note in event.notes)
    assert compare(fine[0], studio.make({"prompt": "fox", "steps": 6}, plan=plan)[0][0]).psnr >= 40


def test_a_second_users_first_preview_comes_within_three_steps(studio):
    studio.engine = studio.engine.with_previews(PreviewSettings(period=0.001))
    steps, shown = [], []

    def on_event(name, event):
        if name == "0" and event.type == "step" and event.phase == "sampling":
            steps.append(event.step)
            if event.step == 10:
                studio.join({"prompt": "owl", "steps": 50, "seed": 2})
        if name == "late" and event.type == "preview" and not shown:
            shown.append(steps[-1])

    studio.make({"prompt": "fox", "steps": 50}, on_event=on_event)
    assert shown and shown[0] - 10 <= 3 and studio.errors == {}


def test_adapters_stay_on_until_the_last_job_has_ended(studio, checkpoints):
    model = studio.engine.context.models.get("tiny", None, studio.engine.plan)
    before = {name: tensor.clone() for name, tensor in model.unet.state_dict().items()}
    layer = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
    width = model.unet.get_submodule("down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q").weight.shape
    generator = torch.Generator().manual_seed(4)
    (checkpoints / "Lora").mkdir(exist_ok=True)
    save_file(
        {
            f"{layer}.lora_up.weight": torch.randn(width[0], 4, generator=generator),
            f"{layer}.lora_down.weight": torch.randn(4, width[1], generator=generator),
            f"{layer}.alpha": torch.tensor(4.0),
        },
        checkpoints / "Lora" / "shared.safetensors",
    )
    requests = [{"prompt": "fox <lora:shared:0.8>", "steps": 2}, {"prompt": "owl <lora:shared:0.8>", "steps": 7, "seed": 2}]
    together = studio.make(*requests)
    for pictures, fields in zip(together, requests, strict=True):
        assert compare(pictures[0], studio.make(fields)[0][0]).psnr >= 60
    plain = studio.make({"prompt": "owl", "steps": 7, "seed": 2})[0]
    assert compare(together[1][0], plain[0]).psnr < 50
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.unet.state_dict().items())


def test_tiling_jobs_run_together_and_leave_no_trace(studio):
    requests = [{"prompt": "fox", "tiling": True, "steps": 2}, {"prompt": "owl", "tiling": True, "steps": 6}]
    together = studio.make(*requests)
    for pictures, fields in zip(together, requests, strict=True):
        assert compare(pictures[0], studio.make(fields)[0][0]).psnr >= 60
    model = studio.engine.context.models.get("tiny", None, studio.engine.plan)
    assert {layer.padding_mode for layer in model.unet.modules() if isinstance(layer, torch.nn.Conv2d)} == {"zeros"}


def test_who_may_not_join_waits(engine, tmp_path):
    admission = AdmissionController(engine.context, "cpu", load_settings({"data_dir": tmp_path}, environment={}))
    first = engine.task(prompt="fox").model_copy(update={"job_id": "1"})
    admission.admit(first)
    for fields, reason in (({"width": 128}, "size"), ({"deterministic": True}, "size"), ({"prompt": "<lora:x:1>"}, "adapters")):
        with pytest.raises(AdmissionRefused, match=reason):
            admission.admit(engine.task(**fields))
    with pytest.raises(AdmissionRefused, match="precision"):
        admission.admit(replace(engine, plan=engine.plan.model_copy(update={"dtype": "bfloat16"})).task())
    with pytest.raises(AdmissionRefused, match="itself"):
        admission.admit(engine.task(), draining=True)
    admission.admit(engine.task().model_copy(update={"job_id": "2"}))
    admission.release("1"), admission.release("2")
    admission.admit(engine.task(width=128))


def test_a_job_for_which_the_memory_does_not_suffice_beside_the_others_waits(engine, tmp_path):
    admission = AdmissionController(engine.context, "cpu", load_settings({"data_dir": tmp_path}, environment={}))
    large = {"width": 2048, "height": 2048}
    admission.admit(engine.task(**large).model_copy(update={"job_id": "1"}))
    with pytest.raises(AdmissionRefused, match="memory"):
        admission.admit(engine.task(**large, batch_size=64))


def test_the_key_tells_model_size_precision_and_adapters_apart(engine):
    base = engine.task(prompt="a <lora:x:1>").request
    same = engine.task(prompt="b, c <lora:x:1>", steps=9, sampler="DDIM", guidance=1.0, seed=7, negative_prompt="n").request
    assert batch_key(base) == batch_key(same) != ""
    for fields in ({"prompt": "a"}, {"prompt": "a <lora:x:0.5>"}, {"width": 128}, {"dtype": "bfloat16"}, {"tiling": True}, {"vae": "v"}):
        assert batch_key(engine.task(**{"prompt": "a <lora:x:1>"} | fields).request) != batch_key(base)
    assert batch_key(engine.task(deterministic=True).request) == ""
    assert batch_key(engine.task(prompt="a <lora:x:1>", hires={"prompt": "b"}).request) == ""
    assert batch_key(engine.task(regions={"areas": [{"prompt": "b <lora:x:1>"}]}).request) == ""


def test_the_pictures_of_a_joined_batch_are_not_all_the_same(studio):
    pictures = studio.make(*({"prompt": "fox", "seed": seed} for seed in range(1, 5)))
    assert len({np.asarray(picture[0]).tobytes() for picture in pictures}) == 4


def test_a_stop_is_heard_while_a_prompt_of_many_texts_is_encoded(studio):
    """The device was kept until the last text was encoded: nobody else got it, and Stop did nothing."""
    heard = []

    def on_event(name, event):
        if name == "0" and event.type == "step" and event.phase == "encoding":
            heard.append(event)
            if len(heard) == 4:
                studio.stopped.add("0")

    many = "[" + "|".join(map(str, range(300))) + "]"
    pictures = studio.make({"prompt": many, "steps": 300}, {"prompt": "fox", "steps": 3}, on_event=on_event)
    assert isinstance(studio.errors.pop("0"), JobCancelled) and studio.errors == {}
    assert {event.phase for event in studio.events["0"] if event.type == "step"} <= {"loading", "encoding"}
    assert [len(made) for made in pictures] == [0, 1]


def test_guidance_of_one_job_does_not_reach_its_neighbours(studio):
    own = {"pag": {"scale": 8.0}, "sag": {"threshold": 0.9}, "dynamic_thresholding": {"mimic_scale": 3.0}}
    requests = [{"prompt": "fox", "steps": 5}, {"prompt": "fox", "steps": 4, "seed": 2, **own}, {"prompt": "owl", "steps": 6, "seed": 3}]
    together = studio.make(*requests)
    assert studio.errors == {}
    for pictures, fields in zip(together, requests, strict=True):
        assert compare(pictures[0], studio.make(fields)[0][0]).psnr >= 60


def test_jobs_that_change_the_network_alike_run_together_others_not(studio):
    changes = {"freeu": {"b2": 1.8, "s2": 0.1}, "hrfix": {"block_number": 2, "end_percent": 0.8}, "token_merging": {}}
    requests = [{"prompt": "fox", "steps": 5, **changes}, {"prompt": "owl", "steps": 6, "seed": 3, **changes}]
    together = studio.make(*requests)
    assert studio.errors == {}
    for pictures, fields in zip(together, requests, strict=True):
        assert compare(pictures[0], studio.make(fields)[0][0]).psnr >= 60
    studio.make({"prompt": "fox", "steps": 5}, requests[1])
    assert isinstance(studio.errors["1"], AdmissionRefused)
