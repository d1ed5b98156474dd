"""A finish chain is typed: what is wrong with a step is said by the step's number and the field's label."""

import pytest

from webui.core.finish import UpscaleStep, dump_steps, format_of, load_steps, size_after
from webui.core.request import parse_request
from webui.errors import RequestError

EVERY = [
    {"kind": "upscale", "upscaler": "Nearest", "scale": 1.5},
    {"kind": "sd_upscale", "upscaler": "Lanczos", "seams": "half tile", "prompt": "a fox"},
    {"kind": "restore", "model": "GFPGAN", "aligned": True},
    {"kind": "match_colors", "image": "0" * 64, "visibility": 0.5},
    {"kind": "sharpen", "amount": 1.0},
    {"kind": "grain", "amount": 0.3, "color": True},
    {"kind": "extension", "name": "frame", "values": {"pixels": 3}},
    {"kind": "format", "format": "jpeg", "quality": 80},
]


@pytest.mark.parametrize(
    ("steps", "field", "words"),
    [
        ([{"kind": "upscale", "scale": 99}], "finish.0.upscale.scale", "Upscale by of step 1 (upscale) must be between 0 and 16"),
        ([{"kind": "grain", "amount": float("nan")}], "finish.0.grain.amount", "Amount of step 1 (grain) must be a finite number"),
        ([{"kind": "grain"}, {"kind": "polish"}], "finish.1", "must be of one of these kinds: 'upscale', 'sd_upscale'"),
        ([{}], "finish.0", "must say its kind"),
        ([{"kind": "grain"}] * 10_000, "finish", "at most 20 entries; there are 10000"),
        ([{"kind": "format"}, {"kind": "grain"}], "finish.0", "last step of the chain"),
        ([{"kind": "sharpen", "size": 1}], "finish.0.sharpen.size", "no field named"),
        ([{"kind": "match_colors", "image": "../x"}], "finish.0.match_colors.image", "not the id of a picture"),
        ([{"kind": "extension", "name": "x", "values": {"t": "y" * 30_000}}], "finish.0.extension.values", "They may have 20000"),
        ("sharpen", "finish", "must be a list"),
    ],
)
def test_what_is_wrong_with_a_step_is_said(steps, field, words):
    with pytest.raises(RequestError) as caught:
        parse_request({"finish": steps})
    assert (caught.value.field, words in caught.value.message) == (field, True), caught.value.message


def test_a_chain_survives_as_a_line_of_text():
    steps = parse_request({"finish": EVERY}).finish
    assert parse_request({"finish": load_steps(dump_steps(steps))}).finish == steps
    assert format_of(steps) == steps[-1] and format_of(steps[:-1]) is None
    for broken in ("", "[", "[[", '[{"kind": "x"}]', "[" * 100_000):
        with pytest.raises(ValueError, match=r"^\S*$|"):
            load_steps(broken)


@pytest.mark.parametrize(
    ("step", "size"),
    [
        ({"scale": 1.5}, (144, 104)),
        ({"width": 200, "height": 120}, (200, 120)),
        ({"width": 200, "height": 120, "crop": False}, (200, 144)),
        ({"width": 192}, (192, 144)),
        ({"upscaler": "None", "scale": 4}, (96, 72)),
    ],
)
def test_sizes_are_a1111_s(step, size):
    assert size_after((96, 72), (UpscaleStep(**step),)) == size
