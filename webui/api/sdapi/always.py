"""Scripts that run always, by A1111's names: Darkroom's extensions, and what is passed over or refused."""

import re
from collections.abc import Mapping
from typing import Any

from webui.api.sdapi import detailer, guidance
from webui.api.sdapi.bodies import Generation, Img2Img
from webui.api.sdapi.refusals import Refusal
from webui.errors import RequestError
from webui.services import Services

NO_EFFECT = ("sampler", "seed")
"""A1111's built-in scripts whose arguments have no effect over its API: the request's own fields count."""
SOFT: Mapping[str, str] = {
    "Schedule bias": "schedule_bias",
    "Preservation strength": "preservation",
    "Transition contrast boost": "contrast",
    "Mask influence": "mask_influence",
    "Difference threshold": "difference_threshold",
    "Difference contrast": "difference_contrast",
}
"""The values of soft inpainting by A1111's labels, in its order."""
TEMPLATES = "dynamicprompts"
"""The extension; its first argument says whether it is on, which is all that differs from what Darkroom does."""
KNOWN_ALWAYS_ON = {
    *("controlnet", "extraoptions", "tileddiffusion", "tiledvae", "multidiffusion", "neveroom", "stylealign", "reactor", "animatediff"),
    *("regionalprompter", "cutoff", "loractl", "negpip"),
}
"""Scripts that A1111, Forge and their usual extensions run always, which Darkroom does not have, by `plain_title`."""
_BESIDE = re.compile(r"\s*\([^)]*\)|\bv?\d+(?:\.\d+)+\b|\bintegrated\b|\bfor (?:a1111|forge)( webui)?\b|[^a-z0-9]+")


def plain_title(title: str) -> str:
    """A script's title without what differs between A1111, Forge and versions: case, spaces, brackets, numbers, "Integrated"."""
    return _BESIDE.sub("", title.lower())


def always_on(body: Generation, api: Services, notes: list[str]) -> dict[str, Any]:
    """The extensions' values of a request, whether its prompts are templates, the detailer's steps, and what is done to guidance.

    Raises `Refusal` for a script that nobody knows.
    """
    panels = {name.lower(): name for name in api.contributions.models()}
    titles = {state.title.lower(): state.id for state in api.capabilities.current().extensions if state.id in panels.values()}
    extras: dict[str, Any] = {}
    found: dict[str, Any] = {}
    for name, said in body.alwayson_scripts.items():
        key, title = name.lower(), plain_title(name)
        args = said.get("args", []) if isinstance(said, Mapping) else []
        if key in panels or key in titles:
            extension = panels.get(key) or titles[key]
            extras[extension] = _values(extension, args, api)
        elif title == "refiner":
            found |= _refiner(args)
        elif title == "softinpainting":
            found |= _soft(args) if isinstance(body, Img2Img) and body.mask else {}
        elif title == detailer.NAME:
            found["finish"] = detailer.steps_of(args, api, notes)
        elif title in guidance.PLAIN_TITLES:
            found |= guidance.part_of(guidance.PLAIN_TITLES[title], args, notes)
        elif title == TEMPLATES:
            found |= {"dynamic_prompts": bool(args[0])} if isinstance(args, list) and args else {}
        elif title in KNOWN_ALWAYS_ON:
            _pass_over(name, args, notes)
        elif title in NO_EFFECT:
            notes += [f"The arguments of the script {name[:100]!r} have no effect; the request's own fields count."] if args else []
        else:
            raise Refusal(422, f"Script '{name[:200]}' not found")
    return found | ({"extras": extras} if extras else {})


def _refiner(args: Any) -> dict[str, Any]:
    """A1111's refiner: whether it is on, its checkpoint, and the share of the steps after which it takes over."""
    if not isinstance(args, list) or len(args) < 2 or not args[0] or args[1] in (None, "", "None"):
        return {}
    return {"refiner_checkpoint": args[1]} | ({"refiner_switch_at": args[2]} if len(args) > 2 else {})


def _soft(args: Any) -> dict[str, Any]:
    """A1111's soft inpainting: whether it is on, and its six values, by place or by their labels."""
    values = list(args) if isinstance(args, list) else []
    if len(values) == 1 and isinstance(values[0], Mapping):
        values = [values[0].get("Soft inpainting"), *(values[0].get(label) for label in SOFT)]
    if not values or not values[0]:
        return {}
    given = dict(zip(SOFT.values(), values[1:], strict=False))
    return {"soft_inpaint": {name: value for name, value in given.items() if value is not None}}


def _values(extension: str, args: Any, api: Services) -> dict[str, Any]:
    """One object of an extension's fields, or their values by position."""
    if isinstance(args, Mapping):
        return dict(args)
    if isinstance(args, list) and len(args) == 1 and isinstance(args[0], Mapping):
        return dict(args[0])
    fields = list(api.contributions.models()[extension].model_fields)
    if not isinstance(args, list) or len(args) > len(fields):
        raise RequestError(f"alwayson_scripts.{extension}", f"args must be a list of at most {len(fields)} values: {', '.join(fields)}.")
    return dict(zip(fields, args, strict=False))


def _pass_over(name: str, args: Any, notes: list[str]) -> None:
    """Say that a script is not here; one that would have changed the picture wholly is refused."""
    used = [unit for unit in args if _is_on(unit)] if isinstance(args, list) else [args]
    if isinstance(args, list) and args and args[0] is False:  # what is switched off may have numbers behind it
        used = [unit for unit in used if isinstance(unit, Mapping)]
    if plain_title(name) == "controlnet":
        if used:
            raise Refusal(422, "Darkroom has no ControlNet. Send the request without its units.")
    elif used:
        notes.append(f"Darkroom does not have the script {name[:100]!r}; it changed nothing.")


def _is_on(argument: Any) -> bool:
    if isinstance(argument, Mapping):
        return bool(argument) and argument.get("enabled", True) not in (False, None)
    return bool(argument)
