"""What an axis may vary: any field of a request, and A1111's kinds by their names; how each reads its values and changes a request."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from webui.core.fields import FieldSpec, find, walk
from webui.core.grid import Axis, AxisWish, plain
from webui.core.names import printable
from webui.core.request import GenerationRequest
from webui.errors import RequestError
from webui.grids import loops, travel, words
from webui.grids import start_pictures as starts
from webui.grids.values import bounded, numbers_of, permutations_of, words_of

Fields = dict[str, Any]
Change = Callable[[Fields, Any, Axis], None]
"""Changes a request's plain data by one value of an axis."""
Read = Callable[[AxisWish, Fields], list[Any]]
"""The values of a wish; the request's data is what they may be about."""


@dataclass(frozen=True)
class Kind:
    """One kind of axis. Kinds of a higher `cost` change slowest; `order` says which changes the request first.

    `follows`: a cell starts from the picture of the cell before it on this axis. `whole`: its values belong together, none is added.
    """

    name: str
    read: Read
    change: Change
    label: Callable[[Any], str] = plain
    cost: float = 0.0
    order: int = 2
    field: str = ""
    follows: bool = False
    whole: bool = False

    @property
    def key(self) -> str:
        """What finds it again."""
        return self.field or self.name


ALIASES: Mapping[str, str] = {
    "var. seed": "variation_seed",
    "var. strength": "variation_strength",
    "hires steps": "hires.steps",
    "cfg scale": "guidance",
    "image cfg scale": "image_guidance",
    "hires sampler": "hires.sampler",
    "checkpoint name": "checkpoint",
    "negative guidance minimum sigma": "guidance_options.min_sigma",
    "sigma churn": "sampler_options.churn",
    "sigma min": "sampler_options.churn_min",
    "sigma max": "sampler_options.churn_max",
    "sigma noise": "sampler_options.noise_scale",
    "schedule type": "schedule",
    "schedule min sigma": "sampler_options.sigma_min",
    "schedule max sigma": "sampler_options.sigma_max",
    "schedule rho": "sampler_options.rho",
    "beta schedule alpha": "sampler_options.beta_alpha",
    "beta schedule beta": "sampler_options.beta_beta",
    "eta": "sampler_options.eta",
    "clip skip": "clip_skip",
    "initial noise multiplier": "noise_multiplier",
    "extra noise": "extra_noise",
    "hires upscaler": "hires.upscaler",
    "cond. image mask weight": "mask_weight",
    "vae": "vae",
    "unipc order": "sampler_options.unipc_order",
    "always discard next-to-last sigma": "sampler_options.discard_penultimate",
    "sgm noise multiplier": "sampler_options.sgm_noise_multiplier",
    "refiner checkpoint": "refiner_checkpoint",
    "refiner switch at": "refiner_switch_at",
    "rng source": "noise_source",
    "token merging ratio": "token_merging.ratio",
    "token merging ratio high-res": "token_merging.hires_ratio",
}
"""A1111's names of fields."""
ABSENT = ("face restore", "fp8 mode")
_COSTS = {"checkpoint": 1.0, "text_encoder": 0.9, "refiner_checkpoint": 0.8, "hires.checkpoint": 0.8, "vae": 0.7, "dtype": 0.6, "lora": 0.5}
_SHOWN = {"checkpoint": "Checkpoint", "vae": "VAE", "steps": "Steps", "sampler": "Sampler"}
_NO_AXES = ("mode", "init", "mask", "templates", "extras", "finish", "batch_size", "batch_count")


def kind_of(name: str) -> Kind:
    """The kind that a name means, in any case. Raises `RequestError` with those that come near."""
    wanted = name.strip().lower().replace("_", " ")
    if (special := SPECIAL.get(wanted)) is not None:
        return special
    if wanted in ABSENT:
        raise RequestError("kind", f"Darkroom has nothing like {name!r}. Leave the axis out.")
    path = ALIASES.get(wanted) or _path(name.strip())
    if path is None:
        fields = [field for field in GenerationRequest.model_fields if field not in _NO_AXES]
        known = [*(kind.name for kind in SPECIAL.values()), *(alias.capitalize() for alias in ALIASES), *fields]
        close = difflib.get_close_matches(name, known, n=3)
        hint = f"Did you mean {', '.join(close)}?" if close else "Name a field of a request, such as steps or hires.scale."
        raise RequestError("kind", f"There is no axis {printable(name)[:100]!r}. {hint}")
    return _field_kind(path)


def _path(name: str) -> str | None:
    """The field of this path or label; None for none that an axis can be."""
    place = name.split(".")
    if place[0] == "extras" and len(place) == 3:
        return name
    by_label = {info.title.lower(): field for field, info in GenerationRequest.model_fields.items() if info.title}
    known = next((each for each in (name, name.lower()) if find(GenerationRequest, each.split(".")) is not None), None)
    path = known or by_label.get(name.lower())
    spec = find(GenerationRequest, path.split(".")) if path else None
    return path if spec is not None and spec.kind != "model" and str(path).split(".")[0] not in _NO_AXES else None


def _field_kind(path: str) -> Kind:
    spec = find(GenerationRequest, path.split("."))
    title = _SHOWN.get(path) or (spec.title if spec is not None and not path.startswith("extras.") else "") or path
    shown = f"Hires {title[:1].lower()}{title[1:]}" if path.startswith("hires.") and not title.lower().startswith("hires") else title

    def read(wish: AxisWish, fields: Fields) -> list[Any]:
        if isinstance(wish.values, str):
            return _typed(wish.values, spec)
        return bounded(list(wish.values))

    def change(fields: Fields, value: Any, axis: Axis) -> None:
        _put(fields, path, value)

    return Kind(shown, read, change, _label_of(path), _COSTS.get(path, 0.0), field=path)


def _label_of(path: str) -> Callable[[Any], str]:
    empty = {"vae": "Automatic", "checkpoint": "first", "refiner_checkpoint": "None"}.get(path, "default")
    return lambda value: empty if value is None else plain(value)


def _typed(text: str, spec: FieldSpec | None) -> list[Any]:
    """The values of a text by the field's kind."""
    if spec is not None and spec.kind in ("int", "float"):
        return list(numbers_of(text, spec.kind == "int"))
    found = words_of(text)
    if spec is not None and spec.kind == "bool":
        return [_flag(word) for word in found]
    return [None if spec is not None and spec.optional and word.lower() in ("none", "automatic", "auto") else word for word in found]


def _flag(word: str) -> bool:
    known = {"true": True, "on": True, "1": True, "yes": True, "false": False, "off": False, "0": False, "no": False}
    if word.lower() not in known:
        raise RequestError("values", f"{word[:50]!r} is neither true nor false.")
    return known[word.lower()]


def _put(fields: Fields, path: str, value: Any) -> None:
    outer, *inner = path.split(".")
    if outer == "hires" and not isinstance(fields.get("hires"), dict):
        raise RequestError("axes", "This axis is about the second pass. Turn Hires. fix on first.")
    if path == "token_merging.hires_ratio" and not fields.get(outer):
        fields[outer] = {"ratio": 0.0}  # the second pass alone
    for part in inner:
        fields[outer] = dict(fields.get(outer) or {})
        fields, outer = fields[outer], part
    fields[outer] = value


FIRST: tuple[str, ...] = (
    "seed",
    "steps",
    "guidance",
    "sampler",
    "schedule",
    "checkpoint",
    "prompt s/r",
    "prompts",
    "prompt order",
    "prompt matrix",
)
FIRST += ("loopback", "seed travel", "travel", "lora", "lora weight", "styles", "denoising", "size", "clip skip", "vae")
FIRST += ("hires upscaler", "hires steps", "var. strength")


def kinds(choices: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Every kind by its key and name, those used most first, with the values that can be chosen for it."""
    paths = [spec.path for spec in walk(GenerationRequest) if spec.kind != "model" and _path(spec.path) is not None]
    found = {kind.key: kind for name in (*FIRST, *SPECIAL, *paths) for kind in [kind_of(name)]}
    return [{"kind": key, "name": kind.name, "choices": [*choices.get(key, ()), *_own_choices(key)]} for key, kind in found.items()]


def _own_choices(key: str) -> Sequence[str]:
    spec = find(GenerationRequest, key.split("."))
    return () if spec is None else ("True", "False") if spec.kind == "bool" else spec.choices


def read_axis(wish: AxisWish, fields: Fields) -> Axis:
    """An axis with its values, each with its label. Raises `RequestError` for a kind or values that are none."""
    kind = kind_of(wish.kind)
    values = kind.read(wish, fields)
    if not values:
        raise RequestError("values", f"{kind.name} has no values. Write them with commas between.")
    labels = tuple(kind.label(value)[:500] for value in values)
    return Axis(kind=kind.key, name=kind.name, of=wish.of.strip(), values=tuple(values), labels=labels)


def apply(fields: Fields, axes: Sequence[Axis], at: Sequence[int]) -> Fields:
    """A request's data with the values at a place of the axes: whole prompts first, then what is changed in them, then the rest.

    Raises `RequestError` where a value cannot be put in.
    """
    changed = dict(fields)
    chosen = [(kind_of(axis.kind), axis, axis.values[place]) for axis, place in zip(axes, at, strict=False)]
    for kind, axis, value in sorted(chosen, key=lambda each: each[0].order):
        kind.change(changed, value, axis)
    return changed


def following(axes: Sequence[Axis]) -> int | None:
    """The axis whose cells each start from the picture before; None where there is none. Raises `RequestError` for two."""
    found = [place for place, axis in enumerate(axes) if kind_of(axis.kind).follows]
    if len(found) > 1:
        raise RequestError("axes", "Only one axis can be a loopback.")
    return found[0] if found else None


def costs(axes: Sequence[Axis]) -> list[float]:
    """What a change of each axis costs: 1 where another checkpoint is loaded."""
    return [kind_of(axis.kind).cost for axis in axes]


def _size(fields: Fields, value: Any, axis: Axis) -> None:
    width, _, height = str(value).lower().replace("×", "x").partition("x")
    if not (width.strip().isdigit() and height.strip().isdigit()):
        raise RequestError("values", f"{str(value)[:50]!r} is no size. Write it as 512x768.")
    fields |= {"width": int(width), "height": int(height)}


def _denoising(fields: Fields, value: Any, axis: Axis) -> None:
    is_hires = fields.get("mode", "txt2img") == "txt2img"
    _put(fields, "hires.strength" if is_hires else "strength", value)


def _seeds(wish: AxisWish, fields: Fields) -> list[Any]:
    return list(numbers_of(wish.values, True)) if isinstance(wish.values, str) else bounded(list(wish.values))


def _floats(wish: AxisWish, fields: Fields) -> list[Any]:
    return list(numbers_of(wish.values, False)) if isinstance(wish.values, str) else bounded(list(wish.values))


def _texts(wish: AxisWish, fields: Fields) -> list[Any]:
    return list(words_of(wish.values)) if isinstance(wish.values, str) else [str(value) for value in bounded(list(wish.values))]


def _lines(wish: AxisWish, fields: Fields) -> list[Any]:
    """Prompts, a line each; a line such as `--prompt "a fox" --steps 20` is several fields, as in A1111's "Prompts from file"."""
    given: Sequence[JsonValue] = wish.values.splitlines() if isinstance(wish.values, str) else wish.values
    return bounded([words.fields_of(line) for line in given if not isinstance(line, str) or line.strip()])


def _orders(wish: AxisWish, fields: Fields) -> list[Any]:
    return [list(order) for order in permutations_of(_texts(wish, fields))]


def _seed(fields: Fields, value: Any, axis: Axis) -> None:
    fields["seed"] = value


def _parts(wish: AxisWish, fields: Fields) -> list[Any]:
    return words.combinations(wish.values, fields)


def _joined(value: Any) -> str:
    return ", ".join(map(str, value))


def _styles(fields: Fields, value: Any, axis: Axis) -> None:
    own = [name.strip() for name in str(value).split(",") if name.strip() and name.strip().lower() != "none"]
    fields["styles"] = [*fields.get("styles", ()), *own]


_PROMPTS = Kind("Prompts", _lines, words.take_fields, words.label_of_fields, order=0)
_MATRIX = Kind("Prompt matrix", _parts, words.take_parts, words.label_of_parts, order=0, whole=True)
SPECIAL: Mapping[str, Kind] = {
    "seed": Kind("Seed", _seeds, _seed, field="seed"),
    "prompt s/r": Kind("Prompt S/R", _texts, words.replace_word, order=1),
    "prompt order": Kind("Prompt order", _orders, words.put_in_order, _joined, order=1, whole=True),
    "prompts": _PROMPTS,
    "prompt": _PROMPTS,
    "prompt matrix": _MATRIX,
    "lora": Kind("LoRA", _texts, words.put_lora, cost=0.5, order=1),
    "lora weight": Kind("LoRA weight", _floats, words.weigh_lora, cost=0.5, order=1),
    "styles": Kind("Styles", _texts, _styles),
    "size": Kind("Size", _texts, _size),
    "denoising": Kind("Denoising", _floats, _denoising),
    "pictures": Kind(starts.KIND, starts.read_pictures, starts.put_picture, starts.label_of_picture, order=0),
    "loopback": Kind("Loopback", loops.read_loops, loops.put_loop, loops.label_of_loop, 0.95, 3, follows=True, whole=True),
    "seed travel": Kind("Seed travel", travel.read_seeds, travel.put_stop, travel.label_of_stop, whole=True),
    "travel": Kind("Travel", travel.read_stops, travel.put_stop, travel.label_of_stop, order=0, whole=True),
}
"""Kinds that are more than one field, by their names in lower case."""
