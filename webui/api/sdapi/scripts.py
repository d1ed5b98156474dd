"""Scripts by A1111's names: which there are, with their arguments, and which are refused by name."""

import json
from dataclasses import asdict
from typing import Any

from webui.api.sdapi import guidance, outpainting, rounds, xyz
from webui.api.sdapi.always import NO_EFFECT
from webui.api.sdapi.refusals import Refusal
from webui.core.fields import specs
from webui.services import Services

SCRIPTS = {**rounds.SCRIPTS, **outpainting.SCRIPTS}
KNOWN = ("img2img alternative test", "ultimate sd upscale")
"""Scripts of A1111 and Forge that one chooses, which Darkroom does not have."""


def is_chosen(name: str | None) -> bool:
    """Whether a script is to run. Raises `Refusal` for one that is not here."""
    if not name or name.lower() == "none":
        return False
    if name.lower() in (*SCRIPTS, xyz.NAME):
        return True
    if name.lower() in KNOWN:
        raise Refusal(422, f"Script '{name}' is not in Darkroom. Send the pictures it would make as requests of their own.")
    raise Refusal(422, f"Script '{name[:200]}' not found")


def names(api: Services, route: str) -> list[str]:
    """The scripts of a route, in lower case as A1111 lists them."""
    chosen = [name for name, (routes, _) in SCRIPTS.items() if route in routes]
    always = (*guidance.titles(), *api.contributions.models())
    return [*chosen, xyz.NAME, *(name.lower() for name in always), *NO_EFFECT]


def info(api: Services) -> list[dict[str, Any]]:
    """Every script of both routes with its arguments."""
    found: list[dict[str, Any]] = []
    for is_img2img in (False, True):
        route = "img2img" if is_img2img else "txt2img"
        for name, (routes, wanted) in SCRIPTS.items():
            if route in routes:
                found.append({"name": name, "is_alwayson": False, "is_img2img": is_img2img, "args": [asdict(each) for each in wanted]})
        found.append(
            {"name": xyz.NAME, "is_alwayson": False, "is_img2img": is_img2img, "args": [asdict(each) for each in xyz.arguments(is_img2img)]}
        )
        for part, title in guidance.TITLES.items():
            given = [asdict(each) for each in guidance.arguments_of(part)]
            found.append({"name": title.lower(), "is_alwayson": True, "is_img2img": is_img2img, "args": given})
        for name, model in api.contributions.models().items():
            arguments = [_argument(field, spec, model) for field, spec in specs(model).items()]
            found.append({"name": name.lower(), "is_alwayson": True, "is_img2img": is_img2img, "args": arguments})
        found += [{"name": name, "is_alwayson": True, "is_img2img": is_img2img, "args": []} for name in NO_EFFECT]
    return found


def _argument(name: str, spec: Any, model: Any) -> dict[str, Any]:
    value = model.model_fields[name].get_default(call_default_factory=True)
    choices = [str(each) for each in getattr(spec, "choices", None) or ()] or None
    return {
        "label": spec.title or name,
        "value": value if isinstance(value, str | int | float | bool | None) else json.dumps(value, default=str),
        "minimum": spec.low,
        "maximum": spec.high,
        "step": None,
        "choices": choices,
    }
