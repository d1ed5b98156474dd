"""Wildcards and styles over HTTP: what prompts may ask for."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import Query

from webui.api.bodies import Filled, PresetList, PromptList, Template, WildcardLines, WildcardList
from webui.api.errors import ANYWHERE, responses
from webui.api.native import Api, Who
from webui.api.places import without_folders
from webui.api.printed import PrintedRoute
from webui.api.router import Router
from webui.api.schema import answer
from webui.core.plain import check_plain
from webui.jobs.prompt_history import used_prompts
from webui.words.fill import fill
from webui.words.presets import Preset
from webui.words.styles import Style, StyleList

router = Router(route_class=PrintedRoute, prefix="/api/v1", tags=["Words"], responses=responses(*ANYWHERE))
MOST_LINES = 1000


@router.get("/wildcards", openapi_extra=answer(WildcardList))
def wildcards(api: Api, who: Who) -> dict[str, Any]:
    """Every wildcard with the number of its lines; `error` says why a file cannot be used."""
    found = api.words.wildcards
    told = WildcardList(wildcards=found.all(), folders=tuple(map(str, found.folders)))
    if not who.admin:  # where this server's files lie is no guest's business
        lists = tuple(each.model_copy(update={"path": Path(each.path).name}) for each in told.wildcards)
        told = WildcardList(wildcards=lists, folders=tuple(Path(each).name for each in told.folders))
    return without_folders(told.model_dump(mode="json"), api, who)


@router.get("/wildcards/lines", responses=responses(404), openapi_extra=answer(WildcardLines))
def wildcard_lines(name: str, api: Api, who: Who, limit: Annotated[int, Query(ge=1, le=MOST_LINES)] = 100) -> dict[str, Any]:
    """The lines of a wildcard, `name` being a name or a pattern such as `colors/*`."""
    values = api.words.wildcards.values(name, "name")
    lines = tuple(value.text for value in values[:limit])
    return WildcardLines(name=name, lines=lines, total=len(values)).model_dump(mode="json")


@router.post("/wildcards/try", openapi_extra=answer(Filled))
def try_template(template: Template, api: Api, who: Who) -> dict[str, Any]:
    """What a prompt with `{a|b}` and `__wildcards__` becomes for each of at most 100 seeds."""
    check_plain(template.model_dump())
    return Filled(prompts=fill(template.text, template.seeds[:100], api.words.wildcards, "text")).model_dump(mode="json")


@router.get("/styles", openapi_extra=answer(StyleList))
def styles(api: Api, who: Who) -> dict[str, Any]:
    """The styles of `styles.csv`, and what is wrong with its rows."""
    return without_folders(_styles(api, who).model_dump(mode="json"), api, who)


def _styles(api: Api, who: Who) -> StyleList:
    found = api.words.styles.all()
    if who.admin:
        return found
    told = tuple(each.model_copy(update={"path": Path(each.path).name if each.path else ""}) for each in found.styles)
    return found.model_copy(update={"styles": told})


@router.put("/styles", responses=responses(507), openapi_extra=answer(Style))
def save_style(style: Style, api: Api, who: Who) -> dict[str, Any]:
    """Keep a style in Darkroom's `styles.csv`, in place of one of its name. For who runs this Darkroom."""
    who.must_be_admin("change styles")
    check_plain(style.model_dump())
    return api.words.styles.save(style).model_dump(mode="json")


@router.delete("/styles", responses=responses(404, 507), openapi_extra=answer(StyleList))
def remove_style(name: str, api: Api, who: Who) -> dict[str, Any]:
    """Take a style out of Darkroom's `styles.csv`."""
    who.must_be_admin("change styles")
    api.words.styles.remove(name)
    return api.words.styles.all().model_dump(mode="json")


@router.get("/presets", openapi_extra=answer(PresetList))
def presets(api: Api, who: Who) -> dict[str, Any]:
    """Your presets: whole requests under a name. The one called Default is what your form starts with."""
    return {"presets": [each.model_dump(mode="json") for each in api.presets.all(who.name)]}


@router.put("/presets", responses=responses(409), openapi_extra=answer(Preset))
def save_preset(preset: Preset, api: Api, who: Who) -> dict[str, Any]:
    """Keep a preset of yours, in place of one of its name."""
    check_plain(preset.model_dump())
    return api.presets.save(who.name, preset).model_dump(mode="json")


@router.delete("/presets", responses=responses(404), openapi_extra=answer(PresetList))
def remove_preset(name: str, api: Api, who: Who) -> dict[str, Any]:
    """Forget a preset of yours."""
    api.presets.remove(who.name, name)
    return presets(api, who)


@router.get("/prompts", openapi_extra=answer(PromptList))
def prompts(api: Api, who: Who, search: str = "", limit: Annotated[int, Query(ge=1, le=500)] = 50) -> dict[str, Any]:
    """Prompts that you have used, each once, the latest first; `search` looks for words in them."""
    found = used_prompts(api.queue.store.database, who.name, search, limit)
    return {"prompts": [each.model_dump(mode="json") for each in found]}
