"""Forge's scripts in the parameters text: `freeu_b1: 1.4` and the like, to the request's parts and back."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from webui.core.fields import specs
from webui.core.request import GenerationRequest

Value = Callable[[str], Any]

PREFIXES: Mapping[str, str] = {
    "dynamic_thresholding": "dynthres",
    "freeu": "freeu",
    "hrfix": "kohya_hrfix",
    "latent_modifier": "latent_modifier",
    "pag": "pagi",
    "sag": "sag",
}
"""What the keys of a part of the request begin with, in Forge's order."""
MODIFIER: Mapping[str, Any] = {
    "sharpness_multiplier": 0.0,
    "sharpness_method": "anisotropic",
    "tonemap_multiplier": 0.0,
    "tonemap_method": "reinhard",
    "tonemap_percentile": 100.0,
    "contrast_multiplier": 0.0,
    "combat_method": "subtract",
    "combat_cfg_drift": 0.0,
    "rescale_cfg_phi": 0.0,
    "extra_noise_type": "gaussian",
    "extra_noise_method": "add",
    "extra_noise_multiplier": 0.0,
    "extra_noise_lowpass": 100,
    "divisive_norm_size": 127,
    "divisive_norm_multiplier": 0.0,
    "spectral_mod_mode": "hard_clamp",
    "spectral_mod_percentile": 5.0,
    "spectral_mod_multiplier": 0.0,
    "affect_uncond": "None",
    "dyn_cfg_augmentation": "None",
}
"""Arguments of Forge's LatentModifier in their order, with its defaults: the part `latent_modifier` has some of them."""
_SWITCHES: Mapping[str, str] = {
    "contrast_multiplier": "contrast_multiplier",
    "combat_method": "combat_cfg_drift",
    "combat_cfg_drift": "combat_cfg_drift",
    "extra_noise_type": "extra_noise_multiplier",
    "extra_noise_method": "extra_noise_multiplier",
    "extra_noise_multiplier": "extra_noise_multiplier",
    "extra_noise_lowpass": "extra_noise_multiplier",
    "divisive_norm_size": "divisive_norm_multiplier",
    "divisive_norm_multiplier": "divisive_norm_multiplier",
    "spectral_mod_mode": "spectral_mod_multiplier",
    "spectral_mod_percentile": "spectral_mod_multiplier",
    "spectral_mod_multiplier": "spectral_mod_multiplier",
    "sharpness_method": "sharpness_multiplier",
    "tonemap_method": "tonemap_multiplier",
}
"""The argument at whose 0 another one means nothing."""


def model_of(part: str) -> type[BaseModel]:
    """The model of a part of the request."""
    model = specs(GenerationRequest)[part].model
    if model is None:
        raise KeyError(part)
    return model


def names_of(part: str) -> tuple[str, ...]:
    """Forge's arguments of a part in their order, without the first, which says whether it is on."""
    return tuple(MODIFIER) if part == "latent_modifier" else tuple(model_of(part).model_fields)


def pairs_of(request: GenerationRequest) -> Iterator[tuple[str, Any]]:
    """The text's pairs of what a request asks for; every argument, as Forge writes them."""
    for part, prefix in PREFIXES.items():
        values = getattr(request, part)
        if values is not None:
            yield f"{prefix}_enabled", True
            said = {**(MODIFIER if part == "latent_modifier" else {}), **values.model_dump()}
            for name in names_of(part):
                yield f"{prefix}_{name}", said[name]


def plain_keys(number: Value, whole: Value, flag: Value) -> dict[str, tuple[str, Value]]:
    """The text's keys that are one field each, by how their values are read."""
    readers: Mapping[str, Value] = {"float": number, "int": whole, "bool": flag}
    return {
        f"{prefix}_{name}": (f"{part}.{name}", readers.get(spec.kind, str))
        for part, prefix in PREFIXES.items()
        for name, spec in specs(model_of(part)).items()
    }


ENABLED = frozenset(f"{prefix}_enabled" for prefix in PREFIXES.values())


def is_idle(key: str, pairs: Mapping[str, str]) -> bool:
    """Whether a key of the latent modifier changes nothing and has no field that takes all its values: at its default, or behind a 0."""
    name = key.removeprefix("latent_modifier_")
    has_field = name in model_of("latent_modifier").model_fields and not name.endswith("_method")
    if name == key or name not in MODIFIER or has_field:
        return False
    return is_default(name, pairs.get(key, "")) or is_off(name, {each: pairs.get(f"latent_modifier_{each}") for each in MODIFIER})


def is_default(name: str, value: Any) -> bool:
    """Whether an argument of the latent modifier has Forge's default, also written otherwise (0 for 0.0)."""
    default = MODIFIER[name]
    if isinstance(default, str):
        return str(value) == default
    try:
        return bool(float(value) == default)
    except (TypeError, ValueError):
        return False


def is_off(name: str, said: Mapping[str, Any]) -> bool:
    """Whether an argument of the latent modifier means nothing because another one is 0 or not said."""
    switch = _SWITCHES.get(name)
    if switch is None:
        return False
    value = said.get(switch)
    return value is None or is_default(switch, value)
