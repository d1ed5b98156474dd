"""What a text or a picture says: as a table, as values, and what of it has no place."""

import io

import pytest
from PIL import Image, PngImagePlugin

from webui.errors import RequestError
from webui.ui.known import NameMatcher
from webui.ui.parameters import from_image, from_text

KNOWN = NameMatcher({"sampler": ["Euler"], "schedule": ["Karras"]}, frozenset(), lambda digest: None, lambda name, digest: True)
LINE = "Steps: 12, Sampler: Euler, Schedule type: Karras, CFG scale: 5, Seed: 42, Size: 512x640"


def png(**texts):
    facts = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        facts.add_text(key, text)
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "PNG", pnginfo=facts)
    return file.getvalue()


def test_a_text_as_values_and_as_a_table():
    found = from_text(f"a red apple\nNegative prompt: blurry\n{LINE}", KNOWN)
    values = {"prompt": "a red apple", "negative_prompt": "blurry", "steps": 12, "guidance": 5.0, "seed": 42, "width": 512, "height": 640}
    assert found.values | values == found.values and found.mode == "txt2img" and found.left_out == []
    table = {"Prompt": "a red apple", "Negative prompt": "blurry", "Sampling steps": "12", "CFG Scale": "5", "Seed": "42"}
    table |= {"Width": "512", "Height": "640", "Sampling method": "Euler", "Schedule type": "Karras"}
    assert found.table | table == found.table


def test_the_table_has_only_what_differs_and_says_it_as_people_do():
    found = from_text(f"x\n{LINE}, Tiling: True, Clip skip: 1, Variation seed: 7", KNOWN)
    assert found.table["Tiling"] == "Yes" and "Clip skip" not in found.table and "Variation seed" not in found.table
    assert from_text(f"x\n{LINE}, Variation seed: 7, Variation seed strength: 0.25", KNOWN).table["Variation strength"] == "0.25"


def test_a_second_pass_is_switched_on_by_what_is_said_of_it():
    assert from_text(f"x\n{LINE}", KNOWN).values["hires.enabled"] is False
    found = from_text(f"x\n{LINE}, Hires upscale: 2, Denoising strength: 0.4", KNOWN)
    assert (found.values["hires.enabled"], found.values["hires.scale"], found.values["hires.strength"]) == (True, 2, 0.4)


def test_a_seed_keeps_all_its_digits():
    found = from_text(f"x\n{LINE.replace('42', str(2**64 - 1))}", KNOWN)
    assert found.values["seed"] == 2**64 - 1 and found.table["Seed"] == str(2**64 - 1)


def test_what_has_no_place_is_listed():
    found = from_text(f"x\n{LINE.replace('Euler', 'Heun9')}, Wobble: 3", KNOWN)
    assert found.left_out == ["Sampling method: Heun9 (not here)", "Wobble: 3"] and "sampler" not in found.values


def test_a_picture_says_the_same_as_its_text():
    text = f"a red apple\n{LINE}"
    assert from_image(png(parameters=text), KNOWN) == from_text(text, KNOWN)


@pytest.mark.parametrize(
    ("data", "field", "words"),
    [(b"no picture", "picture", "picture"), (png(), "parameters", "says nothing"), (png(Title="x"), "parameters", "says nothing")],
    ids=["noise", "plain", "other text"],
)
def test_what_says_nothing_is_refused_at_its_field(data, field, words):
    with pytest.raises(RequestError, match=words) as error:
        from_image(data, KNOWN)
    assert error.value.field == field


def test_a_text_that_is_none_says_how_one_ends():
    with pytest.raises(RequestError, match="It ends with a line like: Steps: 20") as error:
        from_text("a red apple", KNOWN)
    assert error.value.field == "parameters"
