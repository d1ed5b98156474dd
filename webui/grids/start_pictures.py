"""Start pictures as the values of an axis: the same request over many pictures, each with its own prompt where it has one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, JsonValue, ValidationError

from webui.core.frozen import FrozenModel
from webui.core.grid import Axis, AxisWish, FolderWish, GridWish
from webui.core.names import printable
from webui.core.options import MAX_PROMPT
from webui.core.request import request_error_from
from webui.errors import RequestError
from webui.gallery.folder import PassedOver, files_of, kept
from webui.gallery.service import Gallery
from webui.grids.values import bounded, words_of
from webui.images.own_words import own_words

KIND = "Pictures"


def wish_of_folder(wish: FolderWish, gallery: Gallery, owner: str) -> tuple[GridWish, tuple[PassedOver, ...]]:
    """The grid over a folder's pictures, which are kept as uploads, and its other files. Raises `RequestError` for what is no folder."""
    pictures: list[JsonValue] = []
    passed_over: list[PassedOver] = []
    masks = {path.stem: path for path in files_of(Path(wish.masks))} if wish.masks else {}
    for path in files_of(Path(wish.folder)):
        if wish.prompts == "files" and path.suffix.lower() == ".txt":
            continue
        try:
            pictures.append(_taken(path, masks.get(path.stem), wish, gallery, owner))
        except RequestError as error:
            passed_over.append(PassedOver(printable(path.name), error.message))
    if not pictures:
        raise RequestError("folder", f"There is no picture in this folder ({len(passed_over)} other files).")
    axis = AxisWish(kind=KIND, values=tuple(pictures))
    request = base_of(wish.request, str(pictures[0]["init"]) if isinstance(pictures[0], dict) else "", wish.own_sizes)
    return GridWish(request=request, axes=(axis, *wish.axes), title=wish.title or Path(wish.folder).name), tuple(passed_over)


def base_of(request: Mapping[str, JsonValue], first: str, own_sizes: bool) -> dict[str, JsonValue]:
    """The request that the pictures are put into: img2img of the first one where it says nothing else."""
    base = {name: value for name, value in request.items() if not (own_sizes and name in ("width", "height"))}
    is_inpaint = base.get("mode") == "inpaint" and base.get("mask")
    return {**base, "mode": "inpaint" if is_inpaint else "img2img", "init": first, "hires": None}


def _taken(path: Path, mask: Path | None, wish: FolderWish, gallery: Gallery, owner: str) -> dict[str, JsonValue]:
    own = own_words(path, wish.prompts, str(wish.request.get("prompt") or ""), str(wish.request.get("negative_prompt") or ""))
    masked = {} if mask is None else {"mask": kept(mask, gallery, owner).id}
    return {"init": kept(path, gallery, owner).id, "name": printable(path.name)[:500], **masked, **own}


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
