"""Guidance options on a real model: each changes the picture, none costs anything when off, and nothing of one job reaches another."""

from dataclasses import replace

import numpy as np
import pytest
from torch import nn

from tests.models import tiny_xl
from tests.tiny_engine import Engine
from webui.core.batch_key import batch_key
from webui.core.request import parse_resolved
from webui.generation.guidance import BUILTIN_PARTS
from webui.generation.guiders import GuidanceRun
from webui.library import Library
from webui.models.cache import ModelCache

PLAIN = {"prompt": "a red fox", "negative_prompt": "blurry", "steps": 5, "guidance": 7.0, "seed": 5}
OPTIONS = {
    "freeu": {"b1": 1.4, "b2": 1.6, "s1": 0.5, "s2": 0.2},
    "sag": {"scale": 2.0, "threshold": 0.9},
    "pag": {"scale": 8.0},
    "dynamic_thresholding": {"mimic_scale": 3.0, "threshold_percentile": 0.9},
    "latent_modifier": {"rescale_cfg_phi": 0.7, "tonemap_multiplier": 0.5, "sharpness_multiplier": 50.0},
    "hrfix": {"block_number": 2, "end_percent": 0.8},
    "token_merging": {"ratio": 0.5},
}


def network_calls(engine, **fields):
    """(pictures, calls of the network)."""
    counted = []
    unet = engine.context.models.get("tiny", None, engine.plan).unet
    hook = unet.register_forward_hook(lambda module, inputs, output: counted.append(len(output[0])))
    try:
        return engine.make(**{**PLAIN, **fields}), counted
    finally:
        hook.remove()


@pytest.fixture
def plain(engine):
    return engine.make(**PLAIN)[0]


@pytest.mark.parametrize("name", OPTIONS)
def test_each_changes_the_picture_the_same_every_time_and_leaves_nothing_behind(engine, plain, name):
    changed = engine.make(**PLAIN, **{name: OPTIONS[name]})[0]
    assert not np.array_equal(changed, plain) and engine.notes == ()
    assert np.array_equal(engine.make(**PLAIN, **{name: OPTIONS[name]})[0], changed)
    assert np.array_equal(engine.make(**PLAIN)[0], plain)


@pytest.mark.parametrize(
    ("name", "calls"), [("freeu", 5), ("sag", 15), ("pag", 10), ("dynamic_thresholding", 5), ("latent_modifier", 5), ("hrfix", 5)]
)
def test_only_sag_and_pag_ask_the_network_more_often(engine, name, calls):
    assert len(network_calls(engine, **{name: OPTIONS[name]})[1]) == calls


@pytest.mark.parametrize("name", OPTIONS)
def test_a_picture_of_a_batch_is_the_one_it_is_alone(engine, name):
    batch = engine.make(**PLAIN, batch_size=2, **{name: OPTIONS[name]})
    alone = engine.make(**{**PLAIN, "seed": 6}, **{name: OPTIONS[name]})
    assert np.abs(batch[1].astype(int) - alone[0].astype(int)).max() <= 1


def test_all_together_and_each_part_of_freeus_range(engine, plain):
    everything = engine.make(**PLAIN, **OPTIONS, width=96, height=64)[0]
    assert everything.shape == (64, 96, 3)
    never = engine.make(**PLAIN, freeu={**OPTIONS["freeu"], "start": 0.9, "end": 0.9})[0]
    assert np.array_equal(never, plain)
    late = engine.make(**PLAIN, freeu={**OPTIONS["freeu"], "start": 0.5})[0]
    assert not np.array_equal(late, plain)


def test_hrfix_is_off_below_its_noise_level(engine, plain):
    assert np.array_equal(engine.make(**PLAIN, hrfix={"start_percent": 1.0, "end_percent": 1.0})[0], plain)


def test_a_side_that_the_network_cannot_halve_is_no_fault(engine):
    for name, values in OPTIONS.items():
        assert engine.make(**PLAIN, width=72, height=104, **{name: values})[0].shape == (104, 72, 3)


@pytest.mark.parametrize("name", ["dynamic_thresholding", "latent_modifier", "sag"])
def test_without_guidance_they_change_nothing_and_say_so(engine, name):
    weak = {**PLAIN, "guidance": 1.0}
    assert np.array_equal(engine.make(**weak, **{name: OPTIONS[name]})[0], engine.make(**weak)[0])
    engine.make(**weak, **{name: OPTIONS[name]})
    assert any("nothing" in note or "left out" in note for note in engine.notes)


def test_the_second_pass_starts_them_anew(engine):
    fields = {"hires": {"scale": 1.5, "steps": 3, "strength": 0.7}, "token_merging": {"ratio": 0.0, "hires_ratio": 0.5}}
    merged, plain = engine.make(**PLAIN, **fields)[0], engine.make(**PLAIN, hires=fields["hires"])[0]
    assert merged.shape == (96, 96, 3) and not np.array_equal(merged, plain)
    faded = {"hires": fields["hires"], "pag": {"scale": 8.0, "attenuation": 100.0}}
    _, calls = network_calls(engine, **faded)
    assert len(calls) == 5 + 1 + 3 + 1


def test_they_end_where_the_refiner_takes_over(engine):
    refined = {"refiner_checkpoint": "velocity", "refiner_switch_at": 0.0}
    plain = engine.make(**PLAIN, **refined)[0]
    for name, values in OPTIONS.items():
        assert np.array_equal(engine.make(**PLAIN, **refined, **{name: values})[0], plain), name


@pytest.mark.parametrize("name", ["freeu", "sag", "pag", "hrfix", "token_merging"])
def test_a_network_of_another_make_is_left_alone_with_a_note(engine, name):
    model = engine.context.models.get("tiny", None, engine.plan)
    other = type("Other", (), {"unet": nn.Linear(1, 1), "variant": "", "prediction": model.prediction})()
    notes = []
    run = GuidanceRun(engine.task(**PLAIN, **{name: OPTIONS[name]}).request, other, "sampling", (5,), notes.append)
    assert [part for entry in BUILTIN_PARTS if (part := entry.make(run)) is not None] == [] and len(notes) == 1


def test_jobs_share_a_batch_only_with_those_that_change_the_network_alike(engine):
    def key(**fields):
        return batch_key(parse_resolved(engine.task(**PLAIN, **fields).request.model_dump()))

    assert key() == key(pag={}) == key(dynamic_thresholding={})
    keys = {key(), key(freeu={}), key(freeu={"b1": 1.5}), key(hrfix={}), key(token_merging={}), key(freeu={}, hrfix={})}
    assert len(keys) == 6 and key(freeu={"b1": 1.5}) == key(freeu={"b1": 1.5})


@pytest.fixture
def others(engine, tmp_path):
    """The engine with an SDXL and a v-prediction SD 2."""
    folder = tmp_path / "others" / "Stable-diffusion"
    tiny_xl.write_sdxl(folder / "xl.safetensors")
    tiny_xl.write_sd2(folder / "two.safetensors", bias_spread=0.2)
    library = Library((tmp_path / "others",))
    return Engine(replace(engine.context, library=library, models=ModelCache(library)), engine.plan)


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("checkpoint", ["xl", "two"])
def test_sdxl_and_sd_2_take_them_too(others, checkpoint, name):
    fields = {**PLAIN, "checkpoint": checkpoint, "steps": 3}
    plain = others.make(**fields)[0]
    changed = others.make(**fields, **{name: OPTIONS[name]})[0]
    told = [note for note in others.notes if "Token merging" in note]
    assert bool(told) == np.array_equal(changed, plain) == (checkpoint == "xl" and name == "token_merging")
