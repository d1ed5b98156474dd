"""Several models are kept warm within a budget; the least recently used gives way, to another model or to what a job computes with."""

import gc
import weakref

import pytest
from torch import nn

from tests import tiny
from webui.core.job import Plan
from webui.devices import layouts
from webui.library import Library
from webui.models import cache as cache_module
from webui.models.cache import MemoryLimits, ModelCache
from webui.models.packing import LaidOut

PLAN = Plan(threads=1, channels_last=False)
MB = 10**6


@pytest.fixture
def folder(tmp_path):
    for seed, name in enumerate("abc"):
        tiny.write(tmp_path / "Stable-diffusion" / f"{name}.safetensors", seed=seed)
    return tmp_path


def cache(folder, ram):
    return ModelCache(Library([folder]), MemoryLimits(ram=ram))


def names(models):
    return [name.split(" ")[0] for name in models.warm]


def test_models_stay_warm_and_are_named_the_last_used_first(folder):
    models = cache(folder, 100 * MB)
    first = models.get("a", None, PLAN)
    models.get("b", None, PLAN)
    assert names(models) == ["b", "a"] and models.loaded.startswith("b [")
    assert models.get("a", None, PLAN) is first
    assert names(models) == ["a", "b"]
    models.unload()
    assert models.warm == () and models.loaded == ""


def test_the_least_recently_used_goes_when_the_budget_is_full(folder):
    models = cache(folder, 100 * MB)
    models.get("a", None, PLAN)
    one = next(iter(models._models.values())).size
    models = cache(folder, int(one * 2.5))
    for name in ("a", "b", "a", "c"):
        models.get(name, None, PLAN)
    assert names(models) == ["c", "a"]


def test_a_budget_below_one_model_keeps_the_one_that_is_asked_for(folder):
    models = cache(folder, 1)
    for name in ("a", "b"):
        models.get(name, None, PLAN)
    assert names(models) == ["b"]


def test_what_a_job_computes_with_makes_the_others_go(folder, monkeypatch):
    models = cache(folder, 100 * MB)
    models.get("a", None, PLAN)
    models.get("b", None, PLAN)
    monkeypatch.setattr(cache_module, "memory", lambda device: (10**12, 500))
    models.get("b", None, PLAN.model_copy(update={"work": 400}))
    assert names(models) == ["b", "a"]
    models.get("b", None, PLAN.model_copy(update={"work": 600}))
    assert names(models) == ["b"]


def test_without_a_limit_models_take_half_of_what_is_free(folder, monkeypatch):
    models = cache(folder, 0)
    models.get("a", None, PLAN)
    one = next(iter(models._models.values())).size
    monkeypatch.setattr(cache_module, "memory", lambda device: (10**12, 4 * one))
    models.get("b", None, PLAN)
    assert names(models) == ["b", "a"]  # two of six
    monkeypatch.setattr(cache_module, "memory", lambda device: (10**12, one))
    models.get("a", None, PLAN)
    assert names(models) == ["a"]  # two of three are too many


def test_another_precision_of_a_model_takes_its_place(folder):
    models = cache(folder, 100 * MB)
    models.get("a", None, PLAN)
    models.get("b", None, PLAN)
    models.get("a", None, PLAN.model_copy(update={"dtype": "bfloat16"}))
    assert names(models) == ["a", "b"] and len(models._models) == 2


def test_a_file_that_was_replaced_leaves_no_old_weights_behind(folder):
    models = cache(folder, 100 * MB)
    before = models.get("a", None, PLAN)
    tiny.write(folder / "Stable-diffusion" / "a.safetensors", seed=9)
    after = models.get("a", None, PLAN)
    assert after.hash != before.hash and len(models._models) == 1


def test_a_broken_file_drops_no_model(folder):
    models = cache(folder, 100 * MB)
    models.get("a", None, PLAN)
    tiny.write(folder / "Stable-diffusion" / "bad.safetensors", drop="model.diffusion_model.out.")
    with pytest.raises(Exception, match="lacks"):
        models.get("bad", None, PLAN)
    assert names(models) == ["a"]


@pytest.fixture
def collections():
    """How often all of the program was looked through for garbage, as a function; by itself Python does not look now."""
    gc.collect()
    gc.disable()
    before = gc.get_stats()[2]["collections"]
    yield lambda: gc.get_stats()[2]["collections"] - before
    gc.enable()


PLANS = [PLAN, PLAN.model_copy(update={"weights": "half"}), PLAN.model_copy(update={"attention": "tiled"})]
if layouts.available():
    PLANS.append(PLAN.model_copy(update={"dtype": "bfloat16", "packed": True}))


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: f"{plan.dtype} {plan.weights} {plan.attention}")
def test_the_memory_of_a_dropped_model_is_free_without_a_search_for_garbage(folder, plan, collections):
    models = cache(folder, 1)
    parts = models.get("a", None, plan).components.values()
    numbers = [held for part in parts for parameter in part.parameters() for held in _tensors(parameter)]
    left = [weakref.ref(each) for each in (*(module for part in parts for module in part.modules()), *numbers)]
    del parts, numbers
    models.get("b", None, plan)
    assert names(models) == ["b"] and [each() for each in left if each() is not None] == []
    models.unload()
    assert collections() == 0


def _tensors(parameter):
    return parameter.packed.parts if isinstance(parameter, LaidOut) else (parameter,)


def test_a_model_that_something_holds_in_a_circle_is_free_too(folder, collections):
    models = cache(folder, 1)
    unet = models.get("a", None, PLAN).unet
    unet.circle = [nn.ModuleList([unet])]
    left = weakref.ref(unet)
    del unet
    models.get("b", None, PLAN)
    assert left() is None and collections() == 1
