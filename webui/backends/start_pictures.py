"""Pictures to start from, within what a backend takes: looked at before anything is sent, scaled down where the owner wants that."""

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from webui.core.backend import BackendModel
from webui.core.request import GenerationRequest
from webui.errors import RequestError
from webui.images.decode import as_png, look, read_image, read_mask

MiB = 2**20
_TRIES = 8
_ADVICE = "Choose a smaller one, or let Darkroom scale it down: Settings, Elsewhere."


@dataclass(frozen=True)
class StartPictures:
    """A request's picture and mask as they are sent, and what is to be said of them."""

    init: bytes | None = None
    mask: bytes | None = None
    note: str = ""


def start_pictures(
    request: GenerationRequest, model: BackendModel, whose: str, picture: Callable[[str], bytes], scale: bool
) -> StartPictures:
    """Return what is sent. `picture` gives an upload's bytes; `scale`: what is too large is scaled down.

    Raises `RequestError` for a picture that the backend does not take.
    """
    init = picture(request.init) if request.init and request.mode != "txt2img" else None
    mask = picture(request.mask) if request.mask and request.mode == "inpaint" else None
    if init is None:
        return StartPictures()
    size = look(init, "init").size
    if min(size) < model.picture_least:
        said = f"{whose} takes no picture with a side of less than {model.picture_least} pixels; this one has {_shown(size)}."
        raise RequestError("init", said)
    fitting = _fitting(size, model)
    if fitting == size and _fits(init, model) and (mask is None or _fits(mask, model)):
        return StartPictures(init, mask)
    if not scale:
        said = f"{whose} takes a picture {_bounds(model)}; this one has {_shown(size)} and {len(init) / MiB:.1f} MB. {_ADVICE}"
        raise RequestError("init", said)
    return _scaled(init, mask, fitting, model, whose)


def _scaled(init: bytes, mask: bytes | None, size: tuple[int, int], model: BackendModel, whose: str) -> StartPictures:
    """Both with the same smaller size, as PNG. Raises `RequestError` where no size is small enough."""
    whole = read_image(init, "init")
    for _ in range(_TRIES):
        sent = as_png(whole.resize(size, Image.Resampling.LANCZOS))
        over = as_png(read_mask(mask).resize(size, Image.Resampling.BOX)) if mask is not None else None
        if _fits(sent, model) and (over is None or _fits(over, model)) and min(size) >= max(model.picture_least, 1):
            note = f"The start picture was scaled down from {_shown(whole.size)} to {_shown(size)}: {whose} takes no larger one."
            return StartPictures(sent, over, note)
        size = max(size[0] * 3 // 4, 1), max(size[1] * 3 // 4, 1)
    raise RequestError("init", f"{whose} takes a picture {_bounds(model)}; this one cannot be made small enough.")


def _fitting(size: tuple[int, int], model: BackendModel) -> tuple[int, int]:
    """The largest size of this shape within the model's bounds of pixels."""
    factor = 1.0
    if model.picture_side and max(size) > model.picture_side:
        factor = model.picture_side / max(size)
    if model.picture_pixels and size[0] * size[1] * factor**2 > model.picture_pixels:
        factor = (model.picture_pixels / (size[0] * size[1])) ** 0.5
    return size if factor == 1.0 else (max(int(size[0] * factor), 1), max(int(size[1] * factor), 1))


def _fits(data: bytes, model: BackendModel) -> bool:
    return not model.picture_bytes or len(data) <= model.picture_bytes


def _shown(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _bounds(model: BackendModel) -> str:
    said = [f"with sides of up to {model.picture_side} pixels"] if model.picture_side else []
    said += [f"of up to {model.picture_pixels:,} pixels"] if model.picture_pixels else []
    said += [f"of up to {model.picture_bytes / MiB:.0f} MB"] if model.picture_bytes else []
    return " and ".join(said)
