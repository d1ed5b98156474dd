"""A request takes A1111's words and numbers, refuses what cannot work, and says why in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.whole_requests import resolved
from webui.core.grid import GridWish
from webui.core.request import Fill, GenerationRequest, ResizeMode, parse_request, parse_resolved, request_error_from
from webui.errors import RequestError

A_HASH = "0" * 64


def test_a_prompt_is_a_whole_request():
    request = parse_request({"prompt": "a red apple"})
    assert request.mode == "txt2img" and request.seed == -1 and request.width is None and request.count == 1


@pytest.mark.parametrize("number", range(4))
def test_choices_take_numbers_names_and_any_case(number):
    for spelling in (number, str(number), tuple(Fill)[number].upper()):
        assert parse_request({"fill": spelling}).fill == tuple(Fill)[number]
    assert parse_request({"resize_mode": number}).resize_mode == tuple(ResizeMode)[number]


@pytest.mark.parametrize(
    ("data", "field", "words"),
    [
        ({"width": 513}, "width", "Nearest: 512"),
        ({"height": 99999}, "height", "Nearest: 4096"),
        ({"steps": 0}, "steps", "Sampling steps"),
        ({"bogus": 1}, "bogus", "no field named bogus"),
        ({"prompt": "x" * 1_000_000}, "prompt", "at most 100000 characters"),
        ({"guidance": float("nan")}, "guidance", "CFG Scale"),
        ({"mode": "img2img"}, "init", "Choose a picture first"),
        ({"mode": "inpaint", "init": A_HASH}, "mask", "Paint over the part"),
        ({"init": "../../etc/passwd"}, "init", "not the id of a picture"),
        ({"sampler_options": {"sigmas": [1.0, 2.0]}}, "sampler_options", "must fall"),
        ({"hires": {"scale": 99}}, "hires.scale", "between 1 and 8"),
        ({"fill": 7}, "fill", "must be one of"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(data, field, words):
    with pytest.raises(RequestError) as caught:
        parse_request(data)
    assert caught.value.field == field
    assert words in caught.value.message


def test_an_empty_prompt_is_allowed():
    assert parse_request({"prompt": ""}).prompt == ""


@given(
    st.builds(
        GenerationRequest,
        prompt=st.text(max_size=50),
        width=st.none() | st.integers(8, 512).map(lambda n: n * 8),
        seed=st.integers(-1, 2**64 - 1),
        guidance=st.none() | st.floats(0, 100),
        extras=st.dictionaries(st.text(max_size=8), st.dictionaries(st.text(max_size=8), st.booleans() | st.text(max_size=8))),
    )
)
def test_json_round_trip(request_):
    assert GenerationRequest.model_validate_json(request_.model_dump_json()) == request_


def test_every_field_has_a_default_and_a_label():
    for name, field in GenerationRequest.model_fields.items():
        assert not field.is_required(), name
        assert field.title, name


@pytest.mark.parametrize(
    ("data", "field", "words"),
    [
        ({"checkpoint": " " * 200_000}, "checkpoint", "Stable Diffusion checkpoint may have at most 1000 characters; this one has 200000."),
        ({"vae": "x" * 1001}, "vae", "at most 1000"),
        ({"sampler": "x" * 1001}, "sampler", "at most 1000"),
        ({"schedule": "x" * 1001}, "schedule", "at most 1000"),
        ({"hires": {"upscaler": "x" * 1001}}, "hires.upscaler", "at most 1000"),
        ({"hires": {"sampler": "x" * 1001}}, "hires.sampler", "at most 1000"),
        ({"sampler_options": {"solver_type": "x" * 1001}}, "sampler_options.solver_type", "at most 1000"),
        (
            {"sampler_options": {"sigmas": list(range(5000, 0, -1))}},
            "sampler_options.sigmas",
            "Custom sigmas may have at most 2000 entries",
        ),
        ({"extras": {"panel": {"text": "x" * 300_000}}}, "extras", "They may have 200000"),
    ],
)
def test_every_text_and_list_has_a_length(data, field, words):
    with pytest.raises(RequestError, match=words) as caught:
        parse_request(data)
    assert caught.value.field == field


def test_no_text_of_a_request_is_without_a_length():
    schema = GenerationRequest.model_json_schema()
    models = {"GenerationRequest": schema, **schema["$defs"]}
    free = [
        f"{model}.{name}"
        for model, described in models.items()
        for name, field in described.get("properties", {}).items()
        for kind in (field.get("anyOf") or [field])
        if kind.get("type") in ("string", "array") and not ({"maxLength", "maxItems", "enum", "const"} & {*kind})
    ]
    assert free == ["GenerationRequest.init", "GenerationRequest.mask"]  # 64 letters, checked by hand


@pytest.mark.parametrize("fill", ["²", "9" * 5000, "-1"])
def test_odd_digits_are_no_choice(fill):
    with pytest.raises(RequestError, match="Masked content must be one of"):
        parse_request({"fill": fill})


def test_a_resolved_request_leaves_nothing_to_choose():
    whole = resolved(seed=5)
    assert parse_resolved(whole.model_dump(mode="json")) == whole
    for name in ("checkpoint", "width", "height", "steps", "sampler", "schedule", "guidance", "seed", "variation_seed"):
        values = whole.model_dump(mode="json")
        for wrong in (None, -1):
            with pytest.raises(RequestError) as caught:
                parse_resolved(values | {name: wrong})
            assert caught.value.field == name
        del values[name]
        with pytest.raises(RequestError) as caught:
            parse_resolved(values)
        assert caught.value.field == name


def test_a_union_is_refused_at_the_field_and_says_each_type():
    with pytest.raises(ValidationError) as raised:
        GridWish.model_validate({"axes": [{"kind": "0x", "values": None}]})
    error = request_error_from(raised.value, GridWish)
    assert (error.field, str(error)) == ("axes.0.values", "The list of axes, entry 1, must be text or a list.")
