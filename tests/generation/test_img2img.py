"""Starting from a picture: what fits it to the size, which steps run, and what stays."""

import numpy as np
import pytest
from PIL import Image

from tests.whole_requests import resolved
from webui.cli.compare import compare
from webui.errors import RequestError
from webui.generation.decode import to_image
from webui.generation.img2img import fit
from webui.generation.tensors import to_tensor
from webui.images.metadata import read_metadata, read_parameters


def request(**fields):
    return resolved(**{"mode": "img2img", "init": "0" * 64, "width": 64, "height": 64} | fields)


def test_strength_decides_how_many_steps_run(engine, start):
    init = engine.keep(start)
    for strength, exact, run in ((0.0, False, 1), (0.3, False, 3), (0.75, False, 7), (1.0, False, 8), (0.3, True, 8)):
        engine.make(mode="img2img", init=init, strength=strength, exact_steps=exact, steps=8)
        assert [step for phase, step, _ in engine.steps if phase == "sampling"][-1] == run


def test_strength_zero_changes_only_what_the_lowest_noise_level_reaches(engine, start):
    """One step from 0.03, as in A1111; what coding and decoding change is added to that."""
    init = engine.keep(start)
    kept, changed = (engine.make(mode="img2img", init=init, strength=strength)[0] for strength in (0, 0.9))
    model = engine.context.models.get("tiny", None, engine.plan)
    coded = np.asarray(to_image(model.decode(model.encode_image(to_tensor([start])))[0]))
    assert compare(kept, coded).psnr > compare(changed, coded).psnr + 2


def test_strength_zero_with_exact_steps_is_refused(engine, start):
    with pytest.raises(RequestError) as caught:
        engine.make(mode="img2img", init=engine.keep(start), strength=0, exact_steps=True)
    assert caught.value.field == "strength"


def test_at_strength_one_the_picture_still_shines_through(engine, start):
    init, white = engine.keep(start), engine.keep(Image.new("RGB", (64, 64), "white"))
    one, other = (engine.make(mode="img2img", init=picture, strength=1)[0] for picture in (init, white))
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("mode", [0, 1, 2, 3])
def test_every_resize_mode_gives_the_size_asked_for(engine, start, mode):
    picture = engine.make(mode="img2img", init=engine.keep(start.resize((96, 64))), resize_mode=mode, width=64, height=128)[0]
    assert picture.shape == (128, 64, 3)


def test_the_latent_mode_leaves_the_pixels_alone(start):
    assert fit(start.resize((96, 64)), None, request(resize_mode=3)).image.size == (96, 64)
    assert fit(start.resize((96, 64)), None, request(resize_mode=1)).image.size == (64, 64)


def test_noise_options_change_the_picture(engine, start):
    init = engine.keep(start)
    plain, more, extra = (
        engine.make(mode="img2img", init=init, strength=0.5, **fields)[0]
        for fields in ({}, {"noise_multiplier": 1.5}, {"extra_noise": 0.5})
    )
    assert compare(plain, more).psnr < 40 and compare(plain, extra).psnr < 40


def test_colour_correction_takes_the_start_pictures_colours(engine):
    green = Image.new("RGB", (64, 64), (20, 200, 40))
    corrected = engine.make(mode="img2img", init=engine.keep(green), strength=0.9, color_correction=True)[0].astype(float)
    assert corrected[..., 1].mean() > corrected[..., 0].mean() + 50


def test_transparent_pictures_are_laid_on_white(engine):
    clear = engine.keep(Image.new("RGBA", (64, 64), (0, 0, 0, 0)))
    white = engine.keep(Image.new("RGB", (64, 64), "white"))
    assert np.array_equal(*(engine.make(mode="img2img", init=init, strength=0.5)[0] for init in (clear, white)))


def test_a_second_pass_is_left_out_with_a_note(engine, start):
    engine.make(mode="img2img", init=engine.keep(start), hires={})
    assert engine.notes == ("Hires. fix was left out: it belongs to txt2img.",)


@pytest.mark.parametrize("name", ["edit", "inpainting", "velocity"])
def test_other_kinds_of_model_start_from_pictures_too(engine, start, name):
    init = engine.keep(start)
    one = engine.make(checkpoint=name, mode="img2img", init=init, strength=0.8)[0]
    assert one.shape == (64, 64, 3)
    assert np.array_equal(one, engine.make(checkpoint=name, mode="img2img", init=init, strength=0.8)[0])


def test_an_edit_model_sees_the_picture_by_its_own_scale(engine, start):
    init = engine.keep(start)
    weak, strong = (engine.make(checkpoint="edit", mode="img2img", init=init, strength=0.9, image_guidance=scale)[0] for scale in (0.5, 3))
    assert compare(weak, strong).psnr < 40


def test_a_small_start_picture_grows_by_the_upscaler_of_choice(start):
    small = start.resize((32, 32))
    request = resolved(mode="img2img", init="0" * 64, resize_mode="Crop and resize", width=96, height=64)
    seen = []

    def scale(image, width, height):
        seen.append((image.size, (width, height)))
        return image.resize((width, height), Image.Resampling.NEAREST)

    made = fit(small, None, request, scale)
    assert seen == [((32, 32), (96, 96))]
    assert np.array_equal(np.asarray(made.image), np.asarray(small.resize((96, 96), Image.Resampling.NEAREST).crop((0, 16, 96, 80))))


def test_the_upscaler_of_the_start_picture_stands_in_the_picture(engine, start):
    source = engine.keep(start.resize((32, 32)))
    plain = engine.make(prompt="fox", mode="img2img", init=source, strength=0.3)[0]
    made = engine.make(prompt="fox", mode="img2img", init=source, strength=0.3, init_upscaler="Nearest")[0]
    assert not np.array_equal(made, plain)
    record = next(event.record for event in engine.events if event.type == "image")
    found = read_metadata(engine.context.images.path(record))
    assert "Upscaler for img2img: Nearest" in found.text and read_parameters(found.text).fields["init_upscaler"] == "Nearest"
