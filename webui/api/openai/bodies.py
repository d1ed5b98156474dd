"""What OpenAI's clients ask for, and what it means as a request of ours."""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from webui.core.names import printable
from webui.core.request import MAX_PROMPT, GenerationRequest, parse_request
from webui.errors import NotFound, RequestError
from webui.library import Library, ModelFile

OPENAIS = re.compile(r"(?:dall-e|gpt-image|chatgpt-image)[\w.-]*")
"""OpenAI's own models: who names one gets the checkpoint that a request without one is made with."""
STEPS = {"low": 0.6, "high": 1.5, "hd": 1.5, "xhigh": 2.0, "max": 2.5}
"""Times the checkpoint's own steps, by quality."""
OF_NO_EFFECT = ("user", "stream_options")
"""What changes no picture at OpenAI either."""
MOST_NAMED = 20
_PART = re.compile(r"darkroom\[(\w{1,60})\]")
_SIZE = re.compile(r"([0-9]{1,5})x([0-9]{1,5})")


class Wish(BaseModel):
    """The fields of all three routes. Others are passed over by name: chat programs send what OpenAI's newest models take."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    prompt: str = Field("", max_length=MAX_PROMPT)
    model: str | None = Field(None, max_length=1000)
    n: int | None = Field(1, ge=1, le=10)
    size: str | None = Field("auto", max_length=20)
    quality: Literal["auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"] | None = "auto"
    background: Literal["auto", "opaque", "transparent"] | None = "auto"
    output_format: Literal["png", "jpeg", "webp"] | None = "png"
    output_compression: int | None = Field(100, ge=0, le=100)
    response_format: Literal["url", "b64_json"] | None = None
    stream: bool | None = False
    partial_images: int | None = Field(0, ge=0, le=3)
    darkroom: dict[str, Any] = Field({}, description="Fields of Darkroom's own request, such as negative_prompt, seed, steps.")

    @field_validator("darkroom", mode="before")
    @classmethod
    def _is_read(cls, value: Any) -> Any:
        """In a form it is JSON."""
        try:
            return json.loads(value) if isinstance(value, str) else value
        except (ValueError, RecursionError):
            raise ValueError('Write it as JSON, such as {"seed": 5}.') from None

    def remarks(self, files: Collection[str] = ()) -> list[str]:
        """Which fields and files have no effect, as sentences."""
        names = [printable(name[:60]) for name in (*(self.model_extra or {}), *files) if name not in OF_NO_EFFECT]
        shown, more = names[:MOST_NAMED], f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        return [f"Darkroom has nothing for {', '.join(map(repr, shown))}{more}; the pictures are made without."] if names else []

    @property
    def as_address(self) -> bool:
        """Whether pictures are answered as addresses: as asked for, else as OpenAI's models of this name do."""
        return self.response_format == "url" or (self.response_format is None and (self.model or "").startswith("dall-e"))


class Generate(Wish):
    """The body of POST /v1/images/generations."""

    prompt: str = Field(min_length=1, max_length=MAX_PROMPT)


def request_of(wish: Wish, library: Library, more: dict[str, Any]) -> GenerationRequest:
    """The request that a wish means; `more` are the start picture and the mask. Raises `RequestError`, `NotFound`."""
    if wish.background == "transparent":
        raise RequestError("background", "Darkroom makes opaque pictures. Ask for background auto or opaque.")
    model = model_of(wish.model, library)
    fields: dict[str, Any] = {"prompt": wish.prompt, "batch_count": wish.n or 1, **_size(wish.size), **more}
    fields |= {"checkpoint": model.file_name} if model is not None and not OPENAIS.fullmatch(wish.model or "") else {}
    if model is not None and wish.quality in STEPS and model.native.steps:
        fields["steps"] = max(round(model.native.steps * STEPS[wish.quality]), 1)
    return parse_request(fields | wish.darkroom)


def form_fields(given: Mapping[str, str]) -> dict[str, Any]:
    """A form's fields as an object's: `darkroom[seed]` is the field seed of the field darkroom, as OpenAI's client writes it."""
    fields: dict[str, Any] = {name: value for name, value in given.items() if _PART.fullmatch(name) is None}
    parts = {found[1]: value for name, value in given.items() if (found := _PART.fullmatch(name))}
    return fields | ({"darkroom": parts} if parts else {})


def model_of(name: str | None, library: Library) -> ModelFile | None:
    """The checkpoint of this name; for none, or one of OpenAI's, the usual one. Raises `NotFound`."""
    if name and not OPENAIS.fullmatch(name):
        try:
            return library.find("checkpoint", name)
        except RequestError as error:
            raise NotFound(error.message) from None
    models = [model for model in library.models("checkpoint") if not model.error]
    return min(models, key=lambda model: library.families.rank(model.family, model.variant), default=None)


def _size(size: str | None) -> dict[str, int]:
    if not size or size == "auto":
        return {}
    found = _SIZE.fullmatch(size)
    if found is None:
        raise RequestError("size", "Write it as WIDTHxHEIGHT, such as 512x512, or auto.")
    return {"width": int(found[1]), "height": int(found[2])}
