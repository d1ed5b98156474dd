"""Put the weight changes of a prompt's LoRAs on a model and take them off again, bit for bit (`weight_sets`)."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from webui.core.foreign import FileError, FileIdentity, check_same, read_foreign
from webui.devices.plan import is_device_lost, is_out_of_memory
from webui.errors import CheckpointError, RequestError
from webui.library import Library, ModelFile
from webui.library.lora_keys import counted
from webui.models.adapters import LoraLoader, LoraUse, WeightChange
from webui.models.layer_names import UNET, LayerNames
from webui.models.model import Model
from webui.models.weight_sets import NOTHING, Recipe, WeightPatch
from webui.models.weights import open_weights


class NotFinite(CheckpointError):
    """A LoRA that would make nothing but noise or black: the job fails rather than leave out what was asked for."""


_BROKEN_FILE = (CheckpointError, ValueError, KeyError, OSError, RuntimeError, TypeError, AttributeError, IndexError)
_DOES_NOT_FIT = (RuntimeError, ValueError, IndexError, TypeError, ZeroDivisionError)


@dataclass(frozen=True)
class _Source:
    """A file that a tag names, at the tag's strengths."""

    use: LoraUse
    file: ModelFile

    @property
    def key(self) -> tuple[Hashable, ...]:
        return self.file.path, self.file.identity, self.use.text, self.use.unet


@dataclass(frozen=True)
class _Step:
    """One change of one parameter, at its strength."""

    change: WeightChange
    strength: float
    source: _Source
    number: int

    @property
    def key(self) -> tuple[Hashable, ...]:
        path: Path = self.source.file.path
        identity: FileIdentity = self.source.file.identity
        return path, identity, self.number, self.strength


@contextmanager
def patched(model: Model, uses: Sequence[LoraUse], library: Library, loaders: Iterable[LoraLoader]) -> Iterator[tuple[str, ...]]:
    """The model with these adapters on, for as long as the block runs; gives notes about what could not be used.

    Finished sets are kept: one used before costs no computing. Jobs that run side by side have the same set on; the first puts it on, the
    last takes it off.
    """
    sources, notes = _find(uses, library)
    sets, patch = model.weights, _remembered(model, sources, tuple(loaders))
    if sets.jobs and sets.on.key != patch.key:
        raise RuntimeError("Two sets of adapters were asked for at the same time.")
    sets.put_on(patch, model.offload)
    sets.jobs += 1
    try:
        yield (*notes, *patch.notes)
    finally:
        sets.jobs -= 1
        if not sets.jobs:
            sets.put_on(NOTHING, model.offload)


def _find(uses: Sequence[LoraUse], library: Library) -> tuple[list[_Source], list[str]]:
    """The files meant, in the tags' order, and notes on those left out: not there, or broken."""
    found, notes = [], []
    for use in dict.fromkeys(uses):
        try:
            file = library.find("lora", use.name)
        except RequestError as error:
            notes.append(f"LoRA {use.name!r} was left out: {error.message}")
            continue
        if file.error:
            notes.append(f"LoRA {use.name!r} was left out: {file.error}")
        else:
            found.append(_Source(use, file))
    return found, list(dict.fromkeys(notes))


def _remembered(model: Model, sources: Sequence[_Source], loaders: tuple[LoraLoader, ...]) -> WeightPatch:
    if not sources:
        return NOTHING
    key = tuple(source.key for source in sources)
    known = model.weights.known(key)
    if known is None:
        known = _compute(model, key, sources, loaders)
        model.weights.keep(known)
    return known


@torch.no_grad()
def _compute(model: Model, key: Hashable, sources: Sequence[_Source], loaders: tuple[LoraLoader, ...]) -> WeightPatch:
    layers = LayerNames(model)
    steps: dict[nn.Parameter, list[_Step]] = {}
    unfit: dict[_Source, list[str]] = {}
    read: dict[_Source, tuple[frozenset[str], list[WeightChange]]] = {}
    notes = []
    for source in sources:
        try:
            read[source] = _read(source.file, loaders)
        except _BROKEN_FILE as error:
            check_same(source.file.path, source.file.identity)
            notes.append(f"LoRA {source.use.name!r} was left out: {_reason(error)}")
            continue
        check_same(source.file.path, source.file.identity)
        unfit[source] = _plan(steps, source, read[source][1], layers)
    tensors, recipes = _made(model, steps, unfit)
    for source, (names, changes) in read.items():
        notes += _told(source.use.name, names, changes, unfit[source])
    return WeightPatch(key, tensors, recipes, tuple(dict.fromkeys(notes)))


def _told(name: str, names: frozenset[str], changes: Sequence[WeightChange], strangers: Sequence[str]) -> Iterator[str]:
    """What was left out of a file: layers that the model has not, and tensors that nobody read."""
    count = len(changes)
    if not changes:
        yield f"LoRA {name!r} was left out: nothing in it can be read ({counted(names)})."
    elif len(strangers) == count:
        yield f"LoRA {name!r} was left out: it was made for another model (none of its {count} layers fits this one)."
    elif strangers:
        yield f"LoRA {name!r}: {len(strangers)} of its {count} layers do not fit this model, the first is {strangers[0]}."
    keys = {key for change in changes for key in change.keys}
    unread = names - keys if keys else frozenset()
    if unread:
        yield f"LoRA {name!r} was used in part: {len(unread)} of its {len(names)} tensors are of kinds not read here ({counted(unread)})."


def _read(file: ModelFile, loaders: Iterable[LoraLoader]) -> tuple[frozenset[str], list[WeightChange]]:
    """The names of a file's tensors, and what they change."""
    read = read_foreign(file.path, lambda path: _load(file, loaders))
    if isinstance(read, FileError):
        raise CheckpointError(read.message)
    return read


def _load(file: ModelFile, loaders: Iterable[LoraLoader]) -> tuple[frozenset[str], list[WeightChange]]:
    names = frozenset(open_weights(file.path).tensors)
    for loader in loaders:
        if loader.matches(names):
            return names, list(loader.load(file.path))
    raise CheckpointError(
        f"no loader knows the format of {file.file_name} ({counted(names)}). Is the extension that reads it switched off?"
    )


def _plan(steps: dict[nn.Parameter, list[_Step]], source: _Source, changes: Sequence[WeightChange], layers: LayerNames) -> list[str]:
    """Add one file's changes to those of each parameter. Gives the targets that the model has not.

    A file that is named twice counts by its strengths: as in Forge the same strength a second time adds nothing.
    """
    strangers = []
    for number, change in enumerate(changes):
        layer = layers.find(change.target)
        parameter = getattr(layer.module, change.parameter, None) if layer is not None else None
        if layer is None or not isinstance(parameter, nn.Parameter):
            strangers.append(change.target)
            continue
        step = _Step(change, source.use.unet if layer.part == UNET else source.use.text, source, number)
        known = steps.setdefault(parameter, [])
        if step.key not in [other.key for other in known]:
            known.append(step)
    return strangers


def _made(
    model: Model, steps: Mapping[nn.Parameter, list[_Step]], unfit: Mapping[_Source, list[str]]
) -> tuple[dict[nn.Parameter, Tensor], dict[nn.Parameter, Recipe]]:
    """The finished tensor of each parameter, and what it was made from. Adds to `unfit` the targets whose shapes differ.

    Raises `NotFinite` before a number that is none gets into the model.
    """
    text = {parameter for part in model.texts for parameter in part.module.parameters()}
    bases = model.weights.bases()
    tensors: dict[nn.Parameter, Tensor] = {}
    recipes: dict[nn.Parameter, Recipe] = {}
    for parameter, planned in steps.items():
        base = bases.get(parameter, parameter.data)
        recipe = tuple(step.key for step in planned)
        known = model.weights.made(parameter, recipe)
        tensor = known if known is not None else _finished(base, planned, parameter in text, unfit)
        if tensor is not None:
            tensors[parameter], recipes[parameter] = tensor, recipe
    return tensors, recipes


def _finished(base: Tensor, planned: Sequence[_Step], is_text: bool, unfit: Mapping[_Source, list[str]]) -> Tensor | None:
    """A parameter with its changes, one on the result of the other, in the base's type and layout; None where no change fits.

    Forge keeps a text encoder in its file's half precision, whatever it computes in, and rounds it with a LoRA on too. Measured on
    `g-lora`: 87 dB near with that, 66 dB without.
    """
    total, changed = base.to(torch.float32), False
    for step in planned:
        try:
            after = step.change.apply(total, step.strength) if step.strength else total
        except _DOES_NOT_FIT as error:
            if is_out_of_memory(error) or is_device_lost(error):
                raise
            unfit[step.source].append(step.change.target)
            continue
        if step.strength:
            _check_finite(after, step)
            total, changed = after, True
    if not changed:
        return None
    rounded = total.to(torch.float16) if is_text and _is_half(base) else total
    finished = _like(base, rounded)
    _check_finite(finished, planned[-1])
    return finished


def _check_finite(weights: Tensor, step: _Step) -> None:
    low, high = torch.aminmax(weights)
    if not (torch.isfinite(low) and torch.isfinite(high)):
        raise NotFinite(f"LoRA {step.source.use.name!r} holds NaN or Inf ({step.change.target}): it is broken. Leave it out.")


def _is_half(weights: Tensor) -> bool:
    """Whether float16 holds these numbers exactly: they came from such a file."""
    return torch.equal(weights.to(torch.float16).to(weights.dtype), weights)


def _like(base: Tensor, total: Tensor) -> Tensor:
    """In the type and the layout of the base."""
    channels_last = base.ndim == 4 and base.is_contiguous(memory_format=torch.channels_last) and not base.is_contiguous()
    return total.to(base.dtype).contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
