"""A request that a backend carries out, with nothing left to choose: its model's own bounds, and what it does not use left out."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from webui.backends.service import Backends
from webui.backends.start_pictures import start_pictures
from webui.core.backend import BackendModel, omitted
from webui.core.fields import find
from webui.core.finish import FinishStep
from webui.core.request import GenerationRequest, ResolvedRequest
from webui.core.sizes import asked_size
from webui.errors import BackendError, RequestError
from webui.images.decode import look
from webui.plugins.backends import BackendSpec
from webui.settings import Settings
from webui.words.service import Words

RANDOM_SEEDS = 2**31
"""Providers count seeds in 31 bits."""
MODES = {"txt2img": "makes pictures of a prompt alone", "img2img": "starts from a picture", "inpaint": "changes a part of a picture"}


Chain = Callable[[GenerationRequest, tuple[int, int]], tuple[FinishStep, ...]]
"""Gives a request's finish chain as it is carried out here, for pictures of a size. Raises `RequestError` where it cannot be."""


@dataclass(frozen=True)
class Here:
    """What a request for elsewhere needs of this machine: an upload's bytes, the finish chain of what comes back, and its settings."""

    picture: Callable[[str], bytes]
    finish: Chain
    settings: Callable[[], Settings]


def resolve_elsewhere(request: GenerationRequest, spec: BackendSpec, backends: Backends, here: Here, words: Words) -> ResolvedRequest:
    """Return the request as a backend takes it, styles and wildcards put into its prompts; nothing is sent.

    Raises `RequestError` naming the field that it cannot carry out.
    A backend that cannot be reached is asked again before the job is sent: until then its model is taken for one that takes all.
    """
    backends.check(spec)
    chosen = {"seed": _seed(request.seed), "variation_seed": _seed(request.variation_seed)}
    request = words.put_into(request.model_copy(update=chosen), anew=request.seed == -1)
    if not (request.checkpoint or "").strip():
        offered = [model.name for model in backends.models(spec)] or ([spec.example] if spec.example else [])
        if not offered:
            raise RequestError("checkpoint", f"{spec.title} needs a model's name.")
        request = request.model_copy(update={"checkpoint": offered[0]})
    name = str(request.checkpoint).strip()
    try:
        model = backends.model(spec, name)
    except BackendError as error:
        if not error.offline and error.again is None:
            raise RequestError("checkpoint", str(error)) from None
        model = BackendModel(name=name, honours=("*",), modes=("txt2img", "img2img", "inpaint"))
    return resolved_for(request, model, spec, here)


def resolved_for(request: GenerationRequest, model: BackendModel, spec: BackendSpec, here: Here) -> ResolvedRequest:
    """Return the request as a model of a backend takes it. Raises `RequestError`."""
    if request.mode not in model.modes:
        raise RequestError("mode", f"{spec.title}'s {model.name} never {MODES[request.mode]}. Choose {' or '.join(model.modes)}.")
    check_options(request.where_options)
    plain = GenerationRequest()
    values: dict[str, Any] = dict(request) | {name: getattr(plain, name) for name in omitted(request, model)}
    sent = start_pictures(request, model, f"{spec.title}'s {model.name}", here.picture, here.settings().backend_scale)
    width, height = _size(request, model, sent.init)
    values |= {"where": spec.name, "checkpoint": model.name, "width": width, "height": height, "seed": _seed(request.seed)}
    values |= {
        "variation_seed": _seed(request.variation_seed),
        "steps": values["steps"] or model.steps,
        "guidance": model.guidance if values["guidance"] is None else values["guidance"],
        "sampler": values["sampler"] or model.sampler,
        "schedule": values["schedule"] or model.schedule,
    }
    if request.finish and not model.finishes:
        values["finish"] = here.finish(request, (width, height))
    resolved = ResolvedRequest.model_validate(values)
    check_bounds(resolved, model, spec)
    return resolved


def check_options(text: str) -> dict[str, Any]:
    """Return the provider's options. Raises `RequestError` where they are no JSON object."""
    if not text.strip():
        return {}
    try:
        options = json.loads(text)
    except (ValueError, RecursionError):
        options = None
    if not isinstance(options, dict):
        raise RequestError("where_options", 'The provider\'s options are no JSON object. Write them as {"name": value}.')
    return options


def check_bounds(request: ResolvedRequest, model: BackendModel, spec: BackendSpec) -> None:
    """Raises `RequestError` for a value that the model does not take, before anything is sent."""
    whose = f"{spec.title}'s {model.name}"
    for name, (low, high) in model.ranges.items():
        value = getattr(request, name, None)
        if (
            model.uses(name)
            and isinstance(value, int | float)
            and ((low is not None and value < low) or (high is not None and value > high))
        ):
            bounds = f"from {low:g}" if high is None else f"up to {high:g}" if low is None else f"between {low:g} and {high:g}"
            raise RequestError(name, f"{_label(name)} must be {bounds} for {whose}.")
    for name, known in model.choices.items():
        value = getattr(request, name, None)
        if model.uses(name) and value and str(value) not in known:
            raise RequestError(name, f"{whose} knows no {_label(name)} {value!r}. There are: {', '.join(known)}.")
    if model.sizes and (request.width, request.height) not in model.sizes:
        raise RequestError("width", f"{whose} makes {', '.join(f'{w}x{h}' for w, h in model.sizes)} only. Choose one of these sizes.")


def remarks(request: GenerationRequest, spec: BackendSpec, model: BackendModel | None) -> Sequence[str]:
    """Return what is to be said of a request that goes to a backend: what is left out, and that it cannot be made again."""
    return _said(omitted(request, model), spec, model) if model is not None else ()


def late_remarks(resolved: ResolvedRequest, spec: BackendSpec, model: BackendModel) -> Sequence[str]:
    """Return the same for a model that was not known when the job was submitted."""
    return _said([name for name in omitted(resolved, model) if name not in _CHOSEN], spec, model)


_CHOSEN = {"width", "height", "steps", "guidance", "sampler", "schedule", "seed", "variation_seed"}
"""Fields that every resolved request has, whoever chose them."""


def _said(gone: Sequence[str], spec: BackendSpec, model: BackendModel | None) -> list[str]:
    said = [f"{spec.title} does not use: {', '.join(_label(name) for name in gone)}. Left out."] if gone else []
    if model is not None and not model.uses("seed"):
        said.append(f"{spec.title}'s {model.name} takes no seed: this picture cannot be made again.")
    return said


def _label(name: str) -> str:
    field = find(GenerationRequest, name.split("."))
    return field.title if field is not None and field.title else name


def _size(request: GenerationRequest, model: BackendModel, init: bytes | None) -> tuple[int, int]:
    if not model.uses("width"):
        return model.width, model.height
    size = look(init, "init").size if init is not None else None
    return asked_size((request.width, request.height), (model.width, model.height), size)


def _seed(seed: int) -> int:
    return random.SystemRandom().randrange(RANDOM_SEEDS) if seed == -1 else seed
