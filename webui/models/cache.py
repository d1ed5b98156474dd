"""What is loaded: models shared by every mode and user, kept warm within a budget of bytes."""

import gc
import traceback
import weakref
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from webui.core.foreign import FileIdentity, check_same
from webui.core.job import Plan
from webui.devices.environment import configure_backend, small_pages, trim_heap
from webui.devices.machine import memory
from webui.devices.plan import is_device_lost, is_out_of_memory
from webui.errors import CheckpointError, FileChanged, WebUIError
from webui.library import OWN_VAE, Library, ModelFile
from webui.models.embeddings import Embeddings
from webui.models.families.stable_diffusion import StableDiffusion
from webui.models.load import OtherFiles, load_model, open_model
from webui.models.model import Model
from webui.models.packing import held, storages
from webui.models.placement import Placement
from webui.models.weights import Progress, WeightSource

_Identity = tuple[Path, FileIdentity]


def _silent(_done: int, _of: int) -> None:
    """No one listens."""


@dataclass(frozen=True)
class _Key:
    """What must be equal for the loaded parts to serve again; the VAE may be changed alone."""

    checkpoint: _Identity
    vae: _Identity | None
    texts: _Identity | None
    place: Placement
    offload: str

    def same_but_vae(self, other: "_Key | None") -> bool:
        return other is not None and replace(self, vae=None) == replace(other, vae=None)


@dataclass(frozen=True)
class MemoryLimits:
    """Bytes that loaded models may take together in main memory and on a device; 0: half of what is free or taken by them."""

    ram: int = 0
    vram: int = 0


@dataclass
class _Loaded:
    """A model in memory, and the bytes of its weights."""

    model: Model
    size: int


class ModelCache:
    """The loaded models, least recently used first: kept until their memory is needed. `library` finds files by the names people use."""

    def __init__(self, library: Library, limits: MemoryLimits = MemoryLimits()) -> None:  # noqa: B008  (frozen)
        self._library, self._limits = library, limits
        self._embeddings = Embeddings()
        self._models: OrderedDict[_Key, _Loaded] = OrderedDict()

    @property
    def loaded(self) -> str:
        """The checkpoint that was used last as requests name it, `name [hash]`; or an empty text."""
        return next(iter(self.warm), "")

    @property
    def warm(self) -> tuple[str, ...]:
        """All checkpoints in memory as requests name them, the one used last first."""
        models = [entry.model for entry in reversed(tuple(self._models.values()))]
        return tuple(dict.fromkeys(f"{model.name} [{model.hash[:10]}]" for model in models))

    def get(
        self,
        checkpoint: str,
        vae: str | None,
        plan: Plan,
        progress: Progress = _silent,
        library: Library | None = None,
        text_encoder: str | None = None,
    ) -> Model:
        """The model, from memory if it is a loaded one. `progress(done, of)` hears of a loading and may raise `JobCancelled`.

        Others are dropped, least recently used first, where the limits or what the plan computes with ask for it.
        `vae` and `text_encoder` name the files that these parts are taken from (None: the checkpoint).
        `library` finds the files in the place of our own: a job's own view. A model given keeps its embeddings, whatever comes later.
        Raises `RequestError` for a name that nobody knows, `CheckpointError` for a file that cannot be loaded.
        """
        library = library or self._library
        configure_backend(plan.device, plan.dtype)
        if plan.threads:
            torch.set_num_threads(plan.threads)
        file = library.find("checkpoint", checkpoint)
        vae_file = _vae(file, vae, library)
        others = OtherFiles(vae_file, library.find("checkpoint", text_encoder) if text_encoder else None)
        key = self._as_kept(_Key(_identity(file), _identity_of(others.vae), _identity_of(others.texts), Placement.of(plan), plan.offload))
        if key not in self._models:
            self._load(key, file, others, plan, progress)
        self._models.move_to_end(key)
        self._make_room(key, plan, plan.work)
        entry = self._models[key]
        words = self._embeddings.fitting([(part.embedding, part.width) for part in entry.model.texts], library.models("embedding"))
        if words.key != entry.model.words.key:
            entry.model = replace(entry.model, words=words)  # jobs that run with the old ones keep them
        return replace(entry.model, vae_tiles=True) if plan.vae_tiles else entry.model

    def _as_kept(self, key: _Key) -> _Key:
        """The same model with its weights in half where that one is loaded: it gives the same bits, and need not be loaded again."""
        if key.place.weights != "full":
            return key
        half = replace(key, place=replace(key.place, weights="half"))
        return half if half in self._models and key not in self._models else key

    def unload(self) -> None:
        """Give the memory of all models back."""
        self._drop(tuple(self._models))

    def _drop(self, keys: Iterable[_Key]) -> None:
        """Let go of models. Their memory is free at once, unless something holds them in a circle: only then garbage is looked for."""
        parts = [weakref.ref(part) for key in keys for part in self._models.pop(key).model.components.values()]
        give_memory_back(garbage=any(part() is not None for part in parts))

    def _load(self, key: _Key, file: ModelFile, others: OtherFiles, plan: Plan, progress: Progress) -> None:
        """Load what is missing, all of it from the files as they were found, or nothing."""
        try:
            with small_pages():
                model = self._made(key, file, others, plan, progress)
            for used in (file, *others):
                if used is not None:
                    check_same(used.path, used.identity)  # its hash is of one moment, its weights of another
        except FileChanged:
            self.unload()
            raise
        except (WebUIError, MemoryError):
            raise
        except Exception as error:  # the boundary around a file whose header is right and whose content is not
            if is_out_of_memory(error) or is_device_lost(error):
                raise
            traceback.print_exc()
            said = f"{(others.vae or file).file_name} cannot be loaded: it is broken, or of a kind that this version does not know"
            raise CheckpointError(f"{said}. Download it again.") from None
        self._models[key] = _Loaded(model, _bytes(model))
        trim_heap()  # what was needed to lay weights out

    def _made(self, key: _Key, file: ModelFile, others: OtherFiles, plan: Plan, progress: Progress) -> Model:
        vae = others.vae
        other = next((each for each in reversed(tuple(self._models)) if key.same_but_vae(each)), None)
        if other is not None and isinstance(rules := self._models[other].model.rules, StableDiffusion):
            model = self._models[other].model
            weights = open_model(vae or file)
            model.change_vae(rules.build_vae(weights, model.place, progress), vae.file_name if vae else "")
            del self._models[other]
            return model
        weights = open_model(file)
        stale = [each for each in self._models if each.checkpoint[0] == key.checkpoint[0]]
        self._drop(stale)  # the same file before it was replaced, or in another precision: nobody goes back to it
        self._make_room(key, plan, _coming_bytes(weights, key.place) + plan.work)
        return load_model(file, self._library.sha256(file), others, plan, progress, self._library.families)

    def _make_room(self, key: _Key, plan: Plan, wanted: int) -> None:
        """Drop the least recently used models that lie where this one does, until the limits hold and `wanted` bytes are free."""
        while others := [each for each in self._models if each != key and each.place.storage == key.place.storage]:
            held = sum(entry.size for each, entry in self._models.items() if each.place.storage == key.place.storage)
            free = memory(plan.device if key.place.storage == key.place.device else "cpu")[1]
            coming = 0 if key in self._models else wanted - plan.work
            if held + coming <= self._limit(key, free + held) and free >= wanted:
                break
            self._drop(others[:1])

    def _limit(self, key: _Key, usable: int) -> int:
        own = self._limits.ram if key.place.storage.type == "cpu" else self._limits.vram
        return own or usable // 2


def give_memory_back(garbage: bool = True) -> None:
    """Return freed memory to the system and the device. With `garbage`, look for what nobody can reach first: half a second."""
    if garbage:
        gc.collect()
    trim_heap()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _bytes(model: Model) -> int:
    sizes: dict[int, int] = {}
    for part in model.components.values():
        for tensor in (*part.parameters(), *part.buffers()):
            sizes |= storages(held(tensor) if isinstance(tensor, nn.Parameter) else tensor)
    return sum(sizes.values())


def _coming_bytes(weights: WeightSource, place: Placement) -> int:
    """What a file's weights will take in the type that the plan computes in, or in the file's where they are kept so."""
    most = [
        min(place.dtype.itemsize, tensor.itemsize) if place.weights == "half" else place.dtype.itemsize
        for tensor in weights.tensors.values()
    ]
    return sum(tensor.numel() * size for tensor, size in zip(weights.tensors.values(), most, strict=True))


def _vae(checkpoint: ModelFile, vae: str | None, library: Library) -> ModelFile | None:
    """The file that the VAE is read from, None for the checkpoint's."""
    if vae and vae.lower() not in OWN_VAE:
        return library.find("vae", vae)
    return None if vae and vae.lower() == "none" else checkpoint.vae


def _identity_of(file: ModelFile | None) -> _Identity | None:
    return None if file is None else _identity(file)


def _identity(file: ModelFile) -> _Identity:
    return file.path, file.identity
