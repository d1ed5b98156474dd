"""Places other than this machine that make pictures: what their models honour, what is sent to them, what they answer."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, JsonValue

from webui.core.request import FrozenModel, GenerationRequest, Mode, ResolvedRequest

HERE, AUTO = "here", "auto"
EVERYTHING = "*"
ALWAYS = frozenset({"mode", "prompt", "checkpoint", "where", "where_options", "batch_size", "batch_count", "styles", "templates", "finish"})
"""Request fields that mean the same wherever a picture is made. The finish chain is done here where its place does not do it."""

OF_PICTURES = frozenset(
    {"init", "strength", "resize_mode", "outpaint", "color_correction", "noise_multiplier", "image_guidance", "exact_steps"}
)
OF_MASKS = frozenset({"mask", "mask_blur", "mask_round", "fill", "only_masked", "padding", "invert_mask", "soft_inpaint", "mask_weight"})
"""Request fields that mean nothing without a picture to start from, or a mask."""


class BackendModel(FrozenModel):
    """A model of a backend. `honours` names the request's fields that it uses (`*`: all), besides those that every place does.

    `sizes` are the only sizes that it makes, if there are any; `ranges` narrow a field's numbers, `choices` name its values.
    `size_multiple`: a side is a multiple of it. `pictures`: how many one send may ask for. `price`: US dollars a picture, None: not known.
    `picture_bytes`, `picture_pixels` and `picture_side` bound a picture to start from (0: not known), `picture_least` its shorter side.
    """

    name: str
    title: str = ""
    honours: tuple[str, ...] = ("width", "height", "seed")
    modes: tuple[Mode, ...] = ("txt2img",)
    width: int = 1024
    height: int = 1024
    steps: int = 20
    guidance: float = 7.0
    sampler: str = ""
    schedule: str = ""
    sizes: tuple[tuple[int, int], ...] = ()
    ranges: Mapping[str, tuple[float | None, float | None]] = Field(default_factory=dict)
    choices: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    pictures: int = 1
    price: float | None = None
    note: str = ""
    picture_bytes: int = 0
    picture_pixels: int = 0
    picture_side: int = 0
    picture_least: int = 0

    @property
    def finishes(self) -> bool:
        """Whether it carries out the finish chain itself."""
        return not {EVERYTHING, "finish"}.isdisjoint(self.honours)

    def uses(self, field: str) -> bool:
        """Whether it honours a field of the request."""
        return (EVERYTHING in self.honours and field != "extras") or field in ALWAYS or field in self.honours


class RemoteTask(FrozenModel):
    """What one send asks for: the pictures `indexes` of a job. `seed` is the first one's; `init` and `mask` are files' bytes."""

    job_id: str
    request: ResolvedRequest
    indexes: tuple[int, ...]
    seed: int
    init: bytes | None = Field(None, repr=False)
    mask: bytes | None = Field(None, repr=False)

    @property
    def count(self) -> int:
        """How many pictures are asked for."""
        return len(self.indexes)


class RemotePicture(FrozenModel):
    """A picture that a backend has made: its file, or where to fetch it. `note` is what it says of it."""

    data: bytes = Field(b"", repr=False)
    url: str = ""
    note: str = ""


class RemoteState(FrozenModel):
    """How far a send is. `id` is the backend's name for it, empty where there is none; `progress` goes from 0 to 1.

    `error` ends it: why the backend made nothing. `cost`: US dollars, None: not told. `request` is what the backend has chosen itself,
    by the request's names.
    """

    id: str = ""
    state: Literal["waiting", "done", "failed", "cancelled"] = "waiting"
    pictures: tuple[RemotePicture, ...] = ()
    progress: float | None = None
    step: int = 0
    steps: int = 0
    detail: str = ""
    error: str = ""
    cost: float | None = None
    preview: bytes = Field(b"", repr=False)
    request: Mapping[str, JsonValue] = Field(default_factory=dict)


class RemotePart(FrozenModel):
    """One send of a job as it is stored: before it (no id), and after (the backend's id). `at`: seconds since 1970.

    `lost`: it may have been paid for, and nothing came of it. Its cost counts, and its pictures are asked for anew only when somebody
    who was told so wants that. `pictures`: ids of what came, kept as uploads until the finish chain is done to them here.
    """

    indexes: tuple[int, ...]
    at: float
    id: str = ""
    cost: float | None = None
    lost: bool = False
    pictures: tuple[str, ...] = ()


def omitted(request: GenerationRequest, model: BackendModel) -> tuple[str, ...]:
    """Return the fields that somebody set and the model does not use, in the request's order."""
    plain = GenerationRequest()
    idle = {"txt2img": OF_PICTURES | OF_MASKS, "img2img": OF_MASKS, "inpaint": frozenset[str]()}[request.mode]
    fields = (name for name in GenerationRequest.model_fields if not model.uses(name) and name not in idle)
    return tuple(name for name in fields if getattr(request, name) not in (getattr(plain, name), None))
