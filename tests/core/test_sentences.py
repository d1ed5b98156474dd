"""Whatever pydantic finds wrong with a request, a setting or an extension's values, people read a sentence in their own words."""

import re
from typing import Any, get_args

import pytest
from pydantic import BaseModel, Field, ValidationError, field_validator
from pydantic_core.core_schema import ErrorType

from webui.core.request import GenerationRequest, parse_request, request_error_from
from webui.core.sentences import in_words, sentence
from webui.errors import RequestError, SettingsError
from webui.preferences import change_settings
from webui.settings import Settings, load_settings

MACHINE = re.compile(
    r"Input|should be|valid |parse|instance|NoneType|Error|pydantic|literal|nan\b|int\(|\b(int|float|str|tuple|dict|bool)\b|\(it is|type="
)
CONTEXT = {
    "ge": -1.0, "gt": 0.0, "le": 4, "lt": 9, "multiple_of": 8, "min_length": 1, "max_length": 3, "actual_length": 9,
    "expected": "'a' or 'b'", "pattern": "^a$", "error": KeyError("x"), "class": "X", "field_type": "Tuple",
}  # fmt: skip
BAD = [
    None,
    "",
    "abc",
    "1e999",
    "٣x",
    -3,
    10**400,
    2.5,
    1e400,
    float("nan"),
    -1e300,
    True,
    [],
    [None],
    ["x"] * 9999,
    {},
    {"a": None},
    {1: 2},
    b"\xff",
    object(),
]


def fair(text: str) -> bool:
    return not MACHINE.search(text) and text.endswith(".") and "  " not in text and len(text) < 400


@pytest.mark.parametrize("kind", get_args(ErrorType))
def test_every_complaint_that_pydantic_knows_is_said_in_words(kind):
    said = sentence({"type": kind, "ctx": CONTEXT, "msg": "Input should be something else", "input": "x"}, "Sampling steps")
    assert "Sampling steps" in said and fair(said), said


def places(model: type[BaseModel], prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for name, field in model.model_fields.items():
        found.append((*prefix, name))
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                found += places(part, (*prefix, name))
    return found


@pytest.mark.parametrize("place", places(GenerationRequest), ids=".".join)
def test_no_value_of_a_request_is_refused_in_the_machine_s_words(place):
    refused = 0
    for bad in BAD:
        data: Any = bad
        for name in reversed(place):
            data = {name: data}
        try:
            parse_request(data)
        except RequestError as error:
            refused += 1
            assert fair(error.message), (bad, error.message)
            assert error.field.split(".")[0] in (place[0], "init"), (bad, error.field)
    assert refused > 3


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"steps": "abc"}, "Sampling steps must be a whole number."),
        ({"steps": 2.5}, "Sampling steps must be a whole number."),
        ({"steps": -3}, "Sampling steps must be between 1 and 1000."),
        ({"guidance": "warm"}, "CFG Scale must be a number."),
        ({"guidance": float("inf")}, "CFG Scale must be a finite number."),
        ({"tiling": "perhaps"}, "Tiling must be true or false."),
        ({"prompt": 5}, "Prompt must be text."),
        ({"prompt": None}, "Prompt must be text."),
        ({"seed": 2**64}, "Seed must be between -1 and 18446744073709551615."),
        ({"hires": 3}, "Hires. fix must be an object of names and values."),
        ({"hires": {"scale": 0.5}}, "Upscale by must be between 1 and 8."),
        ({"sampler_options": {"rho": 0}}, "Rho must be more than 0."),
        ({"sampler_options": {"sigmas": "1, 0"}}, "Custom sigmas must be a list."),
        ({"sampler_options": {"sigmas": [3, "x"]}}, "Custom sigmas, entry 2, must be a number."),
        ({"extras": {"film": 1}}, "Extension values must be an object of names and values."),
    ],
)
def test_a_request_s_fields_by_their_labels(data, words):
    with pytest.raises(RequestError) as told:
        parse_request(data)
    assert told.value.message == words


class Grain(BaseModel):
    """An extension's values, by somebody who gave no titles."""

    amount: float = Field(0, ge=0, le=1)
    size: int = Field(3, gt=2)
    look: str = Field("soft", pattern="^[a-z]+$")

    @field_validator("size")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value == 9:
            raise ValueError("Nine grains are too many")
        return int("nine") if value == 8 else value


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"amount": 2}, "amount must be between 0 and 1."),
        ({"size": 2}, "size must be more than 2."),
        ({"size": 9}, "Nine grains are too many."),
        ({"size": 8}, "size cannot be this value."),
        ({"look": "A"}, "look is not written as it must be."),
    ],
)
def test_an_extension_s_values(values, words):
    with pytest.raises(ValidationError) as told:
        Grain.model_validate(values)
    assert request_error_from(told.value, Grain).message == words


@pytest.mark.parametrize("name", [name for name, field in Settings.model_fields.items() if name != "data_dir"])
def test_no_setting_is_refused_in_the_machine_s_words(tmp_path, name):
    settings = Settings(data_dir=tmp_path)
    for bad in BAD[1:]:
        try:
            Settings.model_validate({name: bad})
        except ValidationError:
            with pytest.raises(RequestError) as told:
                change_settings(settings, {name: bad})
            assert told.value.field == name and fair(told.value.message), told.value.message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("threads = -3", "threads must be between 0 and 512. It is -3."),
        ("threads = 'many'", "threads must be a whole number. It is 'many'."),
        ("listen = 'maybe'", "listen must be true or false. It is 'maybe'."),
        ("durability = 'hard'", "durability must be one of 'normal' or 'full'. It is 'hard'."),
    ],
)
def test_a_settings_file_s_line_is_named_with_its_value(tmp_path, line, words):
    (tmp_path / "settings.toml").write_text(line)
    with pytest.raises(SettingsError, match=re.escape(words)):
        load_settings({"data_dir": tmp_path}, {})


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (LookupError("no such engine"), ": no such engine"),
        (ValueError("two\nlines."), ": two lines"),
        (KeyError("a key"), ""),
        (IndexError(), ""),
        (RuntimeError("oops"), ""),
        (OSError(28, "No space left on device", "/data"), ": No space left on device"),
    ],
)
def test_an_unforeseen_error_is_told_without_its_name(error, words):
    assert in_words(error) == words


def test_a_list_that_is_empty_has_none():
    class Axes(BaseModel):
        axes: list[int] = Field(min_length=1)

    with pytest.raises(ValidationError) as caught:
        Axes(axes=[])
    assert sentence(caught.value.errors()[0], "axes") == "axes must have at least 1 entry; there are none."
