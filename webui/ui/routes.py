"""The page's own JSON, beside the public API: its form's values, its lists, the Settings and Extensions tabs."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from webui.api.deeds import Done
from webui.api.identity import viewer_of
from webui.api.submitting import make_grid, submit_job
from webui.core.backend import AUTO, HERE
from webui.core.grid import MAX_AXES, MAX_TITLE, AxisWish, FolderWish, GridWish, PromptsFrom
from webui.core.names import printable
from webui.core.plain import check_plain
from webui.core.request import MAX_PROMPT, GenerationRequest
from webui.errors import Conflict, NotFound, RequestError, WebUIError
from webui.images.decode import as_png, read_mask
from webui.images.pixels import mask_grey
from webui.prompts.chunks import count_tokens
from webui.prompts.tokenizer import clip_l_tokenizer
from webui.services import Services
from webui.ui import extension_cards, parameters, setting_cards
from webui.ui.bodies import (
    ExtensionCard,
    FormParameters,
    KnownLanguages,
    OwnDefaults,
    SettingSections,
    SettingsPage,
    ShelfCard,
    StepNames,
    Submitted,
    TokenCount,
)
from webui.ui.choices import choices, own_defaults
from webui.ui.fields import to_request, to_values
from webui.ui.known import NameMatcher
from webui.ui.languages import Languages
from webui.ui.shelf_cards import shelf_cards
from webui.words.presets import MAX_NAME, Preset


class Values(BaseModel):
    """A form's values by field name."""

    model_config = ConfigDict(extra="forbid")

    values: dict[str, JsonValue]

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, data: Any) -> Any:
        check_plain(data)
        return data


class GridForm(Values):
    """A form's values, and the axes of a grid over them."""

    axes: tuple[AxisWish, ...] = Field(min_length=1, max_length=MAX_AXES)
    title: str = Field("", max_length=MAX_TITLE)
    new_seeds: bool = False

    def wish(self) -> GridWish:
        """What they ask for. Raises `RequestError`."""
        request = to_request(self.values).model_dump(mode="json", exclude_unset=True)
        return GridWish(request=request, axes=self.axes, title=self.title, new_seeds=self.new_seeds)


class FolderForm(Values):
    """A form's values, and the folder whose pictures they are for."""

    folder: str = Field(max_length=4000)
    masks: str = Field("", max_length=4000)
    prompts: PromptsFrom = "request"
    own_sizes: bool = True

    def wish(self) -> FolderWish:
        """What they ask for: the form's own start picture does not count. Raises `RequestError`."""
        mode = self.values.get("mode")
        is_masked = mode == "inpaint" and self.values.get("mask")
        values = self.values | {"mode": "inpaint" if is_masked else "txt2img", "init": "0" * 64}
        request = to_request(values).model_dump(mode="json", exclude_unset=True)
        return FolderWish(request=request, **self.model_dump(exclude={"values"}))


class PresetForm(Values):
    """A form's values, and the name to keep them under."""

    name: str = Field(max_length=MAX_NAME)


class Text(BaseModel):
    """A prompt or a pasted parameters text."""

    text: str


class Switch(BaseModel):
    """On or off."""

    on: bool


def router(services: Services, languages: Languages) -> APIRouter:
    """The routes below `/page`."""
    routes = APIRouter(prefix="/page", include_in_schema=False)
    _form_routes(routes, services)
    _grid_routes(routes, services)
    _list_routes(routes, services)
    _parameter_routes(routes, services)
    _mask_routes(routes, services)
    _tab_routes(routes, services, languages)
    _word_routes(routes, languages)
    return routes


def _placed(request: GenerationRequest) -> GenerationRequest:
    """The form holds every extension's values, and a backend knows none: the page has greyed them out."""
    return request if request.where in (AUTO, HERE) else request.model_copy(update={"extras": {}})


def _form_routes(routes: APIRouter, services: Services) -> None:
    @routes.post("/generate", response_model=Submitted)
    def generate(
        form: Values, request: Request, idempotency_key: Annotated[str | None, Header(max_length=255)] = None
    ) -> Submitted | JSONResponse:
        """Check a form and put the job into the queue."""
        try:
            return Submitted(job=submit_job(services, viewer_of(request), _placed(to_request(form.values)), key=idempotency_key))
        except WebUIError as error:
            return refusal(error)

    @routes.post("/presets", response_model=None)
    def keep(form: PresetForm, request: Request) -> dict[str, Any] | JSONResponse:
        """Keep a form under a name."""
        try:
            fields = to_request({**form.values, "mode": "txt2img"}).model_dump(mode="json", exclude_unset=True)
            kept = services.presets.save(viewer_of(request).name, Preset(name=form.name, request=fields))
            return kept.model_dump(mode="json")
        except WebUIError as error:
            return refusal(error)

    @routes.post("/values")
    def values(form: Values) -> dict[str, Any]:
        """What the form shows for a request."""
        return to_values(form.values)

    @routes.post("/tokens")
    def tokens(prompt: Text) -> TokenCount:
        """How long a prompt is for the text encoder."""
        counted = count_tokens(prompt.text[:MAX_PROMPT], clip_l_tokenizer())
        return TokenCount(count=counted.tokens, limit=counted.limit)


def _grid_routes(routes: APIRouter, services: Services) -> None:
    @routes.post("/grids/count", response_model=None)
    def count(form: GridForm) -> dict[str, Any] | JSONResponse:
        """How many cells a grid over a form's request would have."""
        try:
            sides = services.grids.count(form.wish())
            return {"sides": list(sides), "cells": sides[0] * sides[1] * sides[2]}
        except WebUIError as error:
            return refusal(error)

    @routes.post("/grids", response_model=None)
    def make(form: GridForm, request: Request) -> dict[str, Any] | JSONResponse:
        """Make a grid over a form's request."""
        try:
            return make_grid(services, viewer_of(request), form.wish()).body
        except WebUIError as error:
            return refusal(error)

    @routes.post("/grids/folder", response_model=None)
    def folder(form: FolderForm, request: Request) -> dict[str, Any] | JSONResponse:
        """Make a form's request for every picture of a folder."""
        who = viewer_of(request)
        who.must_be_admin("name a folder of this machine")
        try:
            return services.grids.of_folder(form.wish(), who.name)
        except WebUIError as error:
            return refusal(error)


def _list_routes(routes: APIRouter, services: Services) -> None:
    @routes.get("/shelf")
    def shelf(request: Request) -> list[ShelfCard]:
        """All model files."""
        return shelf_cards(services, viewer_of(request).name)

    @routes.get("/lists")
    def lists(where: str = "") -> dict[str, list[str]]:
        """What each of the form's drop-downs offers; the checkpoints are those of the place."""
        return choices(services, where).by_field

    @routes.post("/lists")
    def look_again(where: str = "") -> dict[str, list[str]]:
        """The same, after a look into the model folders, or at the place."""
        services.library.scan()
        services.backends.forget(where)
        return choices(services, where).by_field

    @routes.get("/steps")
    def step_names() -> StepNames:
        """The names that steps of the finish chain choose from."""
        restorers = [model.name for model in services.library.models("face_restorer") if not model.error]
        offered = choices(services)
        lists = {name: ["", *(each for each in offered.by_field[name] if each)] for name in ("sampler", "schedule", "checkpoint")}
        found = services.detectors.names
        return StepNames(upscaler=offered.image_upscalers, face_restorer=restorers, detector=found, **lists)

    @routes.get("/native")
    def own(checkpoint: str = "", where: str = "") -> OwnDefaults | None:
        """The size, steps and sampler that a checkpoint was made for, and the elements that it has no use for.

        Nothing for a name that is not here.
        """
        return own_defaults(services, checkpoint, where)


def _parameter_routes(routes: APIRouter, services: Services) -> None:
    @routes.post("/parameters/text", response_model=FormParameters)
    def text(pasted: Text) -> FormParameters | JSONResponse:
        """Read a parameters text."""
        try:
            return parameters.from_text(pasted.text, NameMatcher.of(services))
        except WebUIError as error:
            return refusal(error)

    @routes.post("/parameters/picture", response_model=FormParameters)
    async def image(request: Request) -> FormParameters | JSONResponse:
        """Read a picture's parameters; the body is the file."""
        try:
            data = await _body(request, "picture", services.settings.current().upload_limit_mb * 2**20)
            return await asyncio.to_thread(parameters.from_image, data, NameMatcher.of(services))
        except WebUIError as error:
            return refusal(error)


def _mask_routes(routes: APIRouter, services: Services) -> None:
    @routes.post("/mask", response_model=None)
    async def mask(request: Request) -> Response:
        """What a mask's file means, as a job reads it: a grey PNG, upright, white where the picture changes. The body is the file."""
        try:
            data = await _body(request, "mask", services.settings.current().upload_limit_mb * 2**20)
            grey = await asyncio.to_thread(lambda: mask_grey(read_mask(data), round_alpha=False))
            return Response(as_png(grey), media_type="image/png")
        except WebUIError as error:
            return refusal(error)


async def _body(request: Request, field: str, limit: int) -> bytes:
    """The body. Raises `RequestError` on `field` when it is larger than `limit` bytes."""
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > limit:
            raise RequestError(field, f"This file is larger than {limit // 2**20} MB.")
    return bytes(data)


def _tab_routes(routes: APIRouter, services: Services, languages: Languages) -> None:
    def is_admin(request: Request) -> bool:
        return viewer_of(request).admin

    @routes.get("/settings")
    def settings(request: Request) -> SettingsPage:
        """Sections and fields of the Settings tab, and whether the caller may change them."""
        now, who = services.settings.current(), viewer_of(request)
        shown = setting_cards.sections(now, list(languages.all()), private=who.admin)
        file = str(now.file) if who.admin else now.file.name
        return SettingsPage(sections=shown, file=file, admin=who.admin, may=tuple(sorted(who.rights)))

    @routes.patch("/settings", response_model=SettingSections)
    def change(form: Values, request: Request, done: Done) -> SettingSections | JSONResponse:
        """Change settings; null is back to the default."""
        done.say(f"changed the settings {', '.join(sorted(form.values))}")
        viewer_of(request).must_be_admin("change the settings")
        try:
            changes = {name: setting_cards.read(name, value) for name, value in form.values.items()}
            return SettingSections(sections=setting_cards.sections(services.settings.change(changes), list(languages.all())))
        except WebUIError as error:
            return refusal(error)

    @routes.get("/extensions")
    def extensions(request: Request) -> list[ExtensionCard]:
        """Cards of the Extensions tab; `fixed` for who may not switch them."""
        return extension_cards.cards(services, fixed=not is_admin(request))

    @routes.put("/extensions/{identity}", response_model=list[ExtensionCard])
    def switch(identity: str, wish: Switch, request: Request, done: Done) -> list[ExtensionCard] | JSONResponse:
        """Switch one off or on."""
        done.say(f"switched the extension {identity} {'on' if wish.on else 'off'}")
        viewer_of(request).must_be_admin("switch extensions")
        try:
            if identity not in {state.id for state in services.extensions.states} | {
                state.id for state in services.capabilities.current().extensions
            }:
                raise NotFound(f"There is no extension named {identity!r}.")
            services.capabilities.switch_extension(identity, wish.on)
            services.engines.restart()
            services.queue.tell_others("restart")
            return extension_cards.cards(services)
        except WebUIError as error:
            return refusal(error)


def _word_routes(routes: APIRouter, languages: Languages) -> None:
    @routes.get("/languages")
    def known() -> KnownLanguages:
        """The page's languages, and what is wrong with files of words."""
        return KnownLanguages(languages=sorted(languages.all()), errors=languages.errors())

    @routes.get("/words/{name}", response_model=None)
    def words(name: str) -> Response:
        """A language's words, `TAG.DIGEST.json`; those of now, whatever the digest."""
        catalogue = languages.all().get(name.split(".")[0])
        if catalogue is None:
            return refusal(NotFound(f"There are no words of {printable(name)[:60]!r}."))
        is_it = name == f"{catalogue.tag}.{catalogue.digest}.json"
        kept = "public, max-age=31536000, immutable" if is_it else "no-cache"
        return Response(catalogue.body, media_type="application/json", headers={"Cache-Control": kept})


def refusal(error: WebUIError) -> JSONResponse:
    """An error as the page shows it: beside the field when there is one."""
    body: Mapping[str, Any] = {"message": str(error), "field": getattr(error, "field", None), "advice": getattr(error, "advice", "")}
    return JSONResponse(body, status_code=404 if isinstance(error, NotFound) else 409 if isinstance(error, Conflict) else 422)
