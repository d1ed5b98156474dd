"""Forge's scripts that change guidance, by their titles and positional arguments: FreeU, SAG, PAG, thresholding and kin."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from webui.api.sdapi.arguments import Argument, flag, number
from webui.core.fields import specs
from webui.core.guidance import Resampling
from webui.errors import RequestError
from webui.images.dialects.guidance import MODIFIER, PREFIXES, is_default, is_off, model_of, names_of

TITLES: Mapping[str, str] = {
    "dynamic_thresholding": "DynamicThresholding (CFG-Fix) Integrated",
    "freeu": "FreeU Integrated (SD 1.x, SD 2.x, SDXL)",
    "hrfix": "Kohya HRFix Integrated",
    "latent_modifier": "LatentModifier Integrated",
    "pag": "PerturbedAttentionGuidance Integrated",
    "sag": "SelfAttentionGuidance Integrated (SD 1.x, SD 2.x, SDXL)",
}
"""Forge's titles of the request's parts."""
PLAIN_TITLES: Mapping[str, str] = {
    "dynamicthresholding": "dynamic_thresholding",
    "freeu": "freeu",
    "freeuv2": "freeu",
    "hrfix": "hrfix",
    "kohyahrfix": "hrfix",
    "latentmodifier": "latent_modifier",
    "pag": "pag",
    "perturbedattentionguidance": "pag",
    "sag": "sag",
    "selfattentionguidance": "sag",
}
"""The parts by the titles that A1111's and Forge's clients send, as `always.plain_title` makes them."""
ENABLED = "enabled"


def part_of(part: str, args: Any, notes: list[str]) -> dict[str, Any]:
    """The part of a request that a script's arguments mean; nothing where it is off. Raises `RequestError`."""
    said = _named(part, args)
    if not flag(said.pop(ENABLED, False)):
        return {}
    if part == "latent_modifier":
        said = _modifier(said, notes)
    if part == "hrfix":
        said = {name: _resampling(name, value, notes) for name, value in said.items()}
    if part == "dynamic_thresholding":
        said = _as_forge_counts(said)
    return {part: said}


def _named(part: str, args: Any) -> dict[str, Any]:
    """What was sent, by the names of the arguments: one object, or values by position. What was not sent keeps its default."""
    names = (ENABLED, *names_of(part))
    if isinstance(args, list) and len(args) == 1 and isinstance(args[0], Mapping):
        args = args[0]
    if isinstance(args, Mapping):
        return {ENABLED: True} | {str(name): value for name, value in args.items() if value is not None}
    if not isinstance(args, list) or len(args) > len(names):
        title = TITLES[part]
        raise RequestError(f"alwayson_scripts.{title}", f"args must be a list of at most {len(names)} values: {', '.join(names)}.")
    return {name: value for name, value in zip(names, args, strict=False) if value is not None}


def _modifier(said: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    """The arguments that Darkroom has. What counts and is not here is named; a method that is not here leaves its change out."""
    fields = specs(model_of("latent_modifier"))
    used = {name: value for name, value in said.items() if name in fields or name not in MODIFIER}
    for name, value in said.items():
        if name not in MODIFIER or is_default(name, value) or is_off(name, said):
            continue
        if name not in fields:
            notes.append(f"Darkroom's latent modifier has no {name}; it changed nothing.")
        elif name.endswith("_method"):
            change = name.removesuffix("_method")
            notes.append(f"Darkroom's latent modifier has no {name} {str(value)[:40]!r}; its {change} was left out.")
            used[f"{change}_multiplier"] = 0.0
    return {name: value for name, value in used.items() if not name.endswith("_method")}


def _resampling(name: str, value: Any, notes: list[str]) -> Any:
    if name.endswith("_method") and value == "bislerp":
        notes.append(f"Darkroom has no {name} 'bislerp'; bicubic was taken.")
        return get_args(Resampling)[0]
    return value


def _as_forge_counts(said: Mapping[str, Any]) -> dict[str, Any]:
    """A1111's extension of the same title has true and false for one choice, and a percentile up to 100."""
    found = dict(said)
    if isinstance(said.get("separate_feature_channels"), bool):
        found["separate_feature_channels"] = "enable" if said["separate_feature_channels"] else "disable"
    percentile = number(said.get("threshold_percentile"))
    if percentile is not None and 1 < percentile <= 100:
        found["threshold_percentile"] = percentile / 100
    return found


def arguments_of(part: str) -> tuple[Argument, ...]:
    """A script's arguments, for `script-info`."""
    fields = specs(model_of(part))
    found = [Argument(TITLES[part], False)]
    for name in names_of(part):
        label = name.replace("_", " ").title()
        if name in fields:
            spec = fields[name]
            found.append(Argument(label, spec.default, spec.low, spec.high, None, spec.choices or None))
        else:
            found.append(Argument(label, MODIFIER[name]))
    return tuple(found)


def scripts_of(pairs: Mapping[str, str]) -> dict[str, Any]:
    """The scripts that a parameters text speaks of, as `alwayson_scripts` has them."""
    return {
        TITLES[part]: {"args": [True, *(pairs.get(f"{prefix}_{name}") for name in names_of(part))]}
        for part, prefix in PREFIXES.items()
        if flag(pairs.get(f"{prefix}_enabled", ""))
    }


def caller_named(field: str) -> str | None:
    """The caller's name of a part's field; None for any other field."""
    part, _, rest = field.partition(".")
    return f"alwayson_scripts.{TITLES[part]}.{rest}".rstrip(".") if part in TITLES else None


def titles() -> Sequence[str]:
    """Forge's titles in its order."""
    return tuple(TITLES.values())
