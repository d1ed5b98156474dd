"""The second pass by another checkpoint: its network, its prompts and its VAE; the first pass stays the first one's."""

import numpy as np
import pytest
from library.test_scan import SD1, write

from tests.generation.test_refiner import FILL, SDXL, VAE
from tests.whole_requests import resolved
from webui.core.batch_key import batch_key
from webui.core.protocol import Capabilities
from webui.core.request import HiresOptions, parse_request
from webui.errors import RequestError
from webui.generation.files import files_of
from webui.images.dialects.a1111 import read
from webui.images.parameters import write_parameters
from webui.library import Library
from webui.resolve import ResolveContext, resolve

PASS = {"scale": 1.5, "strength": 1.0, "steps": 4, "checkpoint": "velocity"}


def counted(engine, **fields):
    """Calls of (first, second) network, of their VAEs' decoders, and the picture."""
    seen, hooks = {}, []
    for name in ("tiny", "velocity"):
        model = engine.context.models.get(name, None, engine.plan)
        for part in (model.unet, model.vae.decoder):
            key = name, part is model.unet
            hooks.append(part.register_forward_hook(lambda *_, key=key: seen.update({key: seen.get(key, 0) + 1})))
    try:
        image = engine.make(**{"prompt": "cat", "steps": 3, **fields})[0]
    finally:
        for hook in hooks:
            hook.remove()
    return [seen.get((name, unet), 0) for unet in (True, False) for name in ("tiny", "velocity")], image


def test_it_makes_the_second_pass_and_decodes_it(engine):
    plain = counted(engine, hires={**PASS, "checkpoint": None})
    calls, image = counted(engine, hires=PASS)
    assert plain[0] == [7, 0, 1, 0] and calls == [3, 4, 0, 1]
    assert image.shape == (96, 96, 3) and not np.array_equal(image, plain[1])
    assert np.array_equal(counted(engine, hires={**PASS, "checkpoint": None})[1], plain[1])  # nothing stays behind


def test_an_upscaler_of_pictures_decodes_with_the_first_vae_and_encodes_with_the_second(engine):
    calls, image = counted(engine, hires={**PASS, "upscaler": "Lanczos"})
    assert calls == [3, 4, 1, 1] and image.shape == (96, 96, 3)


def test_with_a_strength_of_nothing_it_only_decodes(engine):
    assert counted(engine, hires={**PASS, "strength": 0.0})[0] == [3, 0, 0, 1]


def test_the_refiner_ends_the_second_pass_that_another_checkpoint_began(engine):
    refined = {"refiner_checkpoint": "tiny", "refiner_switch_at": 0.5}
    assert counted(engine, hires=PASS, **refined)[0] == [3 + 2, 2, 1, 0]


def test_every_picture_of_a_job_begins_with_the_first_model_and_a_tile_is_one(engine):
    fields = {"prompt": "cat", "steps": 3, "hires": PASS, "tiling": True}
    both = engine.make(batch_count=2, **fields)
    assert np.array_equal(engine.make(**fields)[0], both[0])
    assert np.array_equal(engine.make(**fields, seed=2)[0], both[1])


def test_it_is_written_as_forge_does_and_read_again(engine):
    request = resolved(prompt="x", hires=HiresOptions(checkpoint="second [bae1d091f1]"))
    text = write_parameters(request)
    assert "Hires checkpoint: second [bae1d091f1], " in text
    assert read({"parameters": text}).fields["hires.checkpoint"] == "second [bae1d091f1]"
    assert batch_key(request) == "" and batch_key(resolved(prompt="x", hires=HiresOptions()))
    there = resolved(prompt="x", checkpoint="tiny", hires=HiresOptions(checkpoint="velocity"))
    assert len(files_of(there, engine.context.library)) == 2


def test_one_on_other_latents_is_refused_beside_its_field(tmp_path):
    for name, shapes in (("one", SD1 | VAE), ("two", SD1 | VAE), ("xl", SDXL | VAE), ("fill", FILL | VAE)):
        write(tmp_path / "Stable-diffusion" / f"{name}.safetensors", shapes)
    context = ResolveContext(Library([tmp_path]), lambda picture: tmp_path, lambda: Capabilities(), dict)

    def second(name):
        return resolve(parse_request({"prompt": "x", "checkpoint": "one", "hires": {"checkpoint": name}}), context).hires.checkpoint

    assert second("two").startswith("two [") and second(None) is None
    for name, said in (("xl", "works on other latents"), ("fill", "no plain model"), ("nowhere", "no checkpoint named")):
        with pytest.raises(RequestError, match=said) as refused:
            second(name)
        assert refused.value.field == "hires.checkpoint"
