"""The refiner makes the last steps with its own prompts and VAE: exactly the calls that A1111's rule gives it."""

import numpy as np
import pytest
from library.test_scan import SD1, write

from tests.whole_requests import resolved
from webui.core.batch_key import batch_key
from webui.core.protocol import Capabilities
from webui.core.request import parse_request
from webui.errors import RequestError
from webui.images.dialects.a1111 import read
from webui.images.parameters import write_parameters
from webui.library import Library
from webui.resolve import ResolveContext, resolve

SDXL = {
    "conditioner.embedders.1.x": (1,),
    "conditioner.embedders.0.x": (1,),
    "model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3),
}
FILL = {"model.diffusion_model.input_blocks.0.0.weight": (320, 9, 3, 3), "cond_stage_model.transformer.x": (1,)}
VAE = {"first_stage_model.x": (1,)}


def calls(engine, **fields):
    """Model calls of (first, refiner), and the picture."""
    counted, hooks = {}, []
    for name in ("tiny", "velocity"):
        model = engine.context.models.get(name, None, engine.plan)
        hooks.append(model.unet.register_forward_hook(lambda *_, name=name: counted.update({name: counted.get(name, 0) + 1})))
    try:
        image = engine.make(prompt="cat [dog:fox:0.5]", refiner_checkpoint="velocity", **fields)[0]
    finally:
        for hook in hooks:
            hook.remove()
    return (counted.get("tiny", 0), counted.get("velocity", 0)), image


@pytest.mark.parametrize(
    ("at", "steps", "expected"), [(0.5, 4, (2, 2)), (0.5, 5, (3, 2)), (0.8, 5, (4, 1)), (1.0, 4, (4, 0)), (0.0, 4, (0, 4))]
)
def test_it_takes_over_at_the_share_of_calls(engine, at, steps, expected):
    assert calls(engine, refiner_switch_at=at, steps=steps)[0] == expected


def test_a_sampler_with_two_calls_a_step_counts_them_all(engine):
    done, _ = calls(engine, refiner_switch_at=0.5, steps=4, sampler="Heun")
    assert done == (4, 3)  # 8 are counted; the last step of Heun makes one


def test_from_the_first_call_it_is_the_refiners_picture_and_never_the_firsts(engine):
    alone = engine.make(prompt="cat [dog:fox:0.5]", checkpoint="velocity", steps=4)[0]
    plain = engine.make(prompt="cat [dog:fox:0.5]", steps=4)[0]
    assert np.array_equal(calls(engine, refiner_switch_at=0.0, steps=4)[1], alone)
    assert np.array_equal(calls(engine, refiner_switch_at=1.0, steps=4)[1], plain)
    mixed = calls(engine, refiner_switch_at=0.5, steps=4)[1]
    assert not np.array_equal(mixed, alone) and not np.array_equal(mixed, plain)
    assert np.array_equal(engine.make(prompt="cat [dog:fox:0.5]", steps=4)[0], plain)  # nothing stays behind


def test_with_a_second_pass_it_is_that_ones(engine):
    done, image = calls(engine, refiner_switch_at=0.5, steps=4, hires={"scale": 2, "strength": 1.0, "steps": 4})
    assert done == (4 + 2, 2) and image.shape == (128, 128, 3)


def test_every_batch_begins_with_the_first_model(engine):
    request = {"prompt": "cat", "refiner_checkpoint": "velocity", "refiner_switch_at": 0.5, "steps": 4}
    both = engine.make(batch_count=2, **request)
    assert np.array_equal(engine.make(**request)[0], both[0]) and np.array_equal(engine.make(**request | {"seed": 2})[0], both[1])


def test_it_is_written_as_a1111_does_and_read_again():
    request = resolved(prompt="x", refiner_checkpoint="second [bae1d091f1]", refiner_switch_at=0.5, steps=6)
    text = write_parameters(request)
    assert "Refiner: second [bae1d091f1], Refiner switch at: 0.5" in text
    found = read({"parameters": text})
    assert (found.fields["refiner_checkpoint"], found.fields["refiner_switch_at"]) == ("second [bae1d091f1]", 0.5)
    assert batch_key(request) == "" and batch_key(resolved(prompt="x"))


def test_a_refiner_on_other_latents_is_refused_beside_its_field(tmp_path):
    for name, shapes in (("one", SD1 | VAE), ("two", SD1 | VAE), ("xl", SDXL | VAE), ("fill", FILL | VAE)):
        write(tmp_path / "Stable-diffusion" / f"{name}.safetensors", shapes)
    context = ResolveContext(Library([tmp_path]), lambda picture: tmp_path, lambda: Capabilities(), dict)

    def refiner(name):
        return resolve(parse_request({"prompt": "x", "checkpoint": "one", "refiner_checkpoint": name}), context).refiner_checkpoint

    assert refiner("two").startswith("two [") and refiner("None") is None
    for name, said in (("xl", "works on other latents"), ("fill", "no plain model"), ("nowhere", "no checkpoint named")):
        with pytest.raises(RequestError, match=said) as refused:
            refiner(name)
        assert refused.value.field == "refiner_checkpoint"
