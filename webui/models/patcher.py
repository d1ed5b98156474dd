"""Put the LoRAs of a prompt on a model and take them off again, bit for bit (`weight_sets`); for the whole run, or by its steps."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from webui.library import Library, ModelFile
from webui.models.adapters import LoraUse, find_files
from webui.models.merging import Content, Source, merge, read_content
from webui.models.model import Model
from webui.models.weight_sets import NOTHING, WeightPatch
from webui.plugins.adapters import LoraLoader

T = TypeVar("T")
Run = Callable[[Callable[[], T]], T]


@contextmanager
def patched(model: Model, uses: Sequence[LoraUse], library: Library, loaders: Iterable[LoraLoader]) -> Iterator[tuple[str, ...]]:
    """The model with these adapters on, for as long as the block runs; gives notes about what could not be used.

    Finished sets are kept: one used before costs no computing. Jobs that run side by side have the same set on; the first puts it on, the
    last takes it off.
    """
    sources, notes = _sources(uses, library)
    patch = _kept(model, sources)
    if patch is None:
        patch = _keep(model, sources, _contents(sources, loaders))
    with _held(model, sources):
        model.weights.put_on(patch, model.offload)
        yield (*notes, *patch.notes)


class SteppedModel:
    """A model whose adapters come and go with the sampler's steps, and are others in parts of the picture.

    The weights of each step's set are computed by `run` (on the device) when they are asked for first, and kept as other sets are: asked
    for before the first step, they cost nothing when their step comes. `sources` has those of each place.
    """

    def __init__(
        self, model: Model, sources: Sequence[Sequence[Source]], contents: Mapping[ModelFile, Content], tell: Callable[[str], None]
    ) -> None:
        self._model, self._sources, self._contents, self._tell = model, sources, contents, tell
        self._last: dict[int, tuple[tuple[bool, ...], Model]] = {}

    @property
    def places(self) -> int:
        """How many sets there are."""
        return len(self._sources)

    def at(self, step: int, steps: int, place: int = 0, run: Callable[[Callable[[], Model]], Model] = lambda work: work()) -> Model:
        """The model as it is at a step, the first being 1, of so many: what is asked of it is answered with that step's weights."""
        on = tuple(source.use.steps.includes(step, steps) for source in self._sources[place])
        if place not in self._last or self._last[place][0] != on:
            self._last[place] = on, run(lambda: self._view(place, on))
        return self._last[place][1]

    def _view(self, place: int, on: tuple[bool, ...]) -> Model:
        sources = [replace(source, on=is_on) for source, is_on in zip(self._sources[place], on, strict=True)]
        patch = _kept(self._model, sources) or _keep(self._model, sources, self._contents)
        for note in patch.notes:
            self._tell(note)
        return replace(self._model, patch=patch)


@contextmanager
def stepped(
    model: Model, sets: Sequence[Sequence[LoraUse]], library: Library, loaders: Iterable[LoraLoader], tell: Callable[[str], None]
) -> Iterator[SteppedModel]:
    """The same for adapters that are on at some steps or in some places only, a set for each place; `tell` hears notes.

    Jobs side by side may be at different steps.
    """
    sources, notes = _sources([use for uses in sets for use in uses], library)
    for note in notes:
        tell(note)
    contents = _contents(sources, loaders)  # all of them now: a file may be replaced before its step comes
    found = {source.use: source for source in sources}
    with _held(model, sources):
        yield SteppedModel(model, [[found[use] for use in dict.fromkeys(uses) if use in found] for uses in sets], contents, tell)


@contextmanager
def _held(model: Model, sources: Sequence[Source]) -> Iterator[None]:
    """Count who has adapters on; the last one leaves the model as it is in its file."""
    sets, holds = model.weights, tuple((source.use, source.file.path, source.file.identity) for source in sources)
    if sets.jobs and sets.held != holds:
        raise RuntimeError("Two sets of adapters were asked for at the same time.")
    sets.held = holds
    sets.jobs += 1
    try:
        yield
    finally:
        sets.jobs -= 1
        if not sets.jobs:
            sets.put_on(NOTHING, model.offload)


def _sources(uses: Sequence[LoraUse], library: Library) -> tuple[list[Source], list[str]]:
    found, notes = find_files(dict.fromkeys(uses), library, "lora")
    return [Source(use, file) for use, file in found], notes


def _contents(sources: Sequence[Source], loaders: Iterable[LoraLoader]) -> dict[ModelFile, Content]:
    loaders = tuple(loaders)
    return {file: read_content(file, loaders) for file in dict.fromkeys(source.file for source in sources)}


def _kept(model: Model, sources: Sequence[Source]) -> WeightPatch | None:
    return model.weights.known(_key(sources)) if sources else NOTHING


def _keep(model: Model, sources: Sequence[Source], contents: Mapping[ModelFile, Content]) -> WeightPatch:
    patch = merge(model, sources, contents)
    model.weights.keep(patch)
    return patch


def _key(sources: Sequence[Source]) -> Hashable:
    return tuple(source.key for source in sources)
