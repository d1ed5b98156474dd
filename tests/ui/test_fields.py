import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from webui.core.request import GenerationRequest, parse_request
from webui.errors import RequestError
from webui.ui.fields import field_view, to_request, to_values

IMAGE = "ab" * 32


def names(model: type[BaseModel] = GenerationRequest, prefix: str = ""):
    for name, info in model.model_fields.items():
        inner = [part for part in (info.annotation, *getattr(info.annotation, "__args__", ())) if isinstance(part, type)]
        nested = next((part for part in inner if issubclass(part, BaseModel)), None)
        if name == "templates":
            continue
        if nested is not None:
            yield from names(nested, f"{prefix}{name}.")
        elif name != "extras":
            yield prefix + name


@pytest.mark.parametrize("name", list(names()))
def test_every_field_has_a_look_with_a_label(name):
    appearance = field_view(name)
    assert appearance.label and not appearance.label.startswith("_")
    assert appearance.kind in ("slider", "number", "text", "choice", "check", "list")
    if appearance.kind == "slider":
        assert appearance.minimum < appearance.maximum and appearance.step > 0


def test_labels_and_help_come_from_the_request():
    assert field_view("guidance").label == "CFG Scale"
    assert "text encoder" in field_view("clip_skip").info
    assert field_view("hires.strength").label == "Denoising strength"
    assert field_view("profile").choices == ("a1111", "diffusers")


def test_an_untouched_form_is_a_request_that_says_nothing():
    values = {name: field_view(name).value for name in names()}
    assert to_request({**values, "mode": "txt2img", "hires.enabled": False, "soft_inpaint.enabled": False}) == GenerationRequest()


@pytest.mark.parametrize(
    "data",
    [
        {"prompt": "x", "steps": 3, "seed": 7, "guidance": 0.5, "checkpoint": "a", "width": 64, "height": 128},
        {"hires": {"scale": 1.5, "upscaler": "Lanczos", "sampler": "Euler", "guidance": 3, "prompt": "y"}},
        {"sampler_options": {"eta": 0.3, "sigmas": [3, 1.5, 0], "sigma_max": 12, "unipc_order": 2}, "guidance_options": {"rescale": 0.7}},
        {"mode": "img2img", "init": IMAGE, "strength": 0.2, "resize_mode": 2, "exact_steps": True},
        {"mode": "inpaint", "init": IMAGE, "mask": IMAGE, "soft_inpaint": {"contrast": 8}, "only_masked": True, "fill": 3},
        {"extras": {"grain": {"amount": 0.5, "coarse": True}}},
    ],
)
def test_a_request_survives_the_form(data):
    request = parse_request(data)
    assert to_request(to_values(request.model_dump(mode="json"))) == request


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 1), st.integers(1, 150), st.booleans(), st.text(max_size=50))
def test_values_survive_the_form(strength, steps, tiling, prompt):
    request = GenerationRequest(strength=strength, steps=steps, tiling=tiling, prompt=prompt)
    assert to_request(to_values(request.model_dump(mode="json"))) == request


def test_a_partial_request_leaves_other_fields_alone():
    assert to_values({"seed": 4, "hires": None}) == {"seed": 4, "hires.enabled": False}


def test_the_checkpoint_loses_its_hash_in_the_form():
    assert to_values({"checkpoint": "base [0123456789]"}) == {"checkpoint": "base"}


@pytest.mark.parametrize(
    "wrong", [{"regions.areas": "0 0 fox"}, {"blend.share": "x"}, {"tiles.width": "wide"}, {"outpaint.left": -1}, {"hires.steps": "many"}]
)
def test_what_stands_in_a_part_that_is_off_refuses_nothing(wrong):
    """It may not even be seen: its fold is closed, or of another tab."""
    part = next(iter(wrong)).partition(".")[0]
    off = {"mode": "img2img" if part == "outpaint" else "txt2img", "init": "0" * 64, "prompt": "x", **wrong}
    assert getattr(to_request({**off, f"{part}.enabled": False}), part) is None
    assert getattr(to_request(off), part) is None
    with pytest.raises(RequestError) as refused:
        to_request({**off, f"{part}.enabled": True})
    assert refused.value.field.startswith(part)


def test_fields_of_another_mode_do_not_travel():
    values = {"mode": "txt2img", "init": IMAGE, "mask": IMAGE, "soft_inpaint.enabled": True}
    request = to_request(values)
    assert (request.init, request.mask, request.soft_inpaint) == (None, None, None)
    assert to_request({**values, "mode": "img2img", "hires.enabled": True}).hires is None


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"width": 513}, "width", "Nearest: 512"),
        ({"steps": 0}, "steps", "Sampling steps"),
        ({"mode": "img2img"}, "init", "Choose a picture first"),
        ({"mode": "inpaint", "init": IMAGE}, "mask", "Paint over"),
        ({"sampler_options.sigmas": "3, two"}, "sampler_options.sigmas", "commas"),
        ({"hires.enabled": True, "hires.scale": 99}, "hires.scale", "Upscale by"),
        ({"no_such": 1}, "no_such", "no field"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(values, field, words):
    with pytest.raises(RequestError) as error:
        to_request({"mode": "txt2img", **values})
    assert error.value.field == field
    assert words in error.value.message
