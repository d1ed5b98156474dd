"""Start pictures as the values of an axis: the same request over many pictures, each with its own prompt where it has one."""

from typing import Any

from pydantic import Field, ValidationError

from webui.core.frozen import FrozenModel
from webui.core.grid import Axis, AxisWish
from webui.core.options import MAX_PROMPT
from webui.core.request import request_error_from
from webui.errors import RequestError
from webui.grids.values import bounded, words_of


class StartPicture(FrozenModel):
    """A picture to start from, by its id, and what of the request is another for it. `name` stands beside its cells."""

    init: str
    name: str = Field("", max_length=500)
    mask: str | None = None
    prompt: str | None = Field(None, max_length=MAX_PROMPT)
    negative_prompt: str | None = Field(None, max_length=MAX_PROMPT)
    seed: int | None = None
    width: int | None = None
    height: int | None = None


def read_pictures(wish: AxisWish, fields: dict[str, Any]) -> list[Any]:
    """Ids with commas between, or a list of ids and of objects. Raises `RequestError`."""
    given = words_of(wish.values) if isinstance(wish.values, str) else bounded(list(wish.values))
    return [_picture(each).model_dump(exclude_none=True) for each in given]


def put_picture(fields: dict[str, Any], value: Any, axis: Axis) -> None:
    """The picture to start from, with what it has of its own."""
    mode = "inpaint" if value.get("mask") or (fields.get("mode") == "inpaint" and fields.get("mask")) else "img2img"
    fields |= {**{name: each for name, each in value.items() if name != "name"}, "mode": mode, "hires": None}


def label_of_picture(value: Any) -> str:
    """Its name, or the beginning of its id."""
    return str(value.get("name") or value["init"][:10])


def _picture(value: Any) -> StartPicture:
    if not isinstance(value, str | dict):
        raise RequestError("values", "A start picture is its id, or an object with the id as init.")
    try:
        return StartPicture.model_validate({"init": value} if isinstance(value, str) else value)
    except ValidationError as error:
        raise request_error_from(error, StartPicture) from None
