"""What is loaded: one model at a time, shared by every mode and user, kept until another is asked for."""

import gc
import traceback
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from webui.core.foreign import FileIdentity, check_same
from webui.core.job import Plan
from webui.devices.environment import configure_backend, trim_heap
from webui.devices.plan import is_device_lost, is_out_of_memory
from webui.errors import CheckpointError, FileChanged, WebUIError
from webui.library import OWN_VAE, Library, ModelFile
from webui.models.embeddings import Embeddings
from webui.models.families.stable_diffusion import StableDiffusion
from webui.models.load import load_model, open_model
from webui.models.model import Model
from webui.models.placement import Placement
from webui.models.weights import Progress

_Identity = tuple[Path, FileIdentity]


def _silent(_done: int, _of: int) -> None:
    """No one listens."""


@dataclass(frozen=True)
class _Key:
    """What must be equal for the loaded parts to serve again; the VAE may be changed alone."""

    checkpoint: _Identity
    vae: _Identity | None
    place: Placement
    offload: str

    def same_but_vae(self, other: "_Key | None") -> bool:
        return other is not None and (self.checkpoint, self.place, self.offload) == (other.checkpoint, other.place, other.offload)


class ModelCache:
    """The loaded model. `library` finds files by the names that people use."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._embeddings = Embeddings()
        self._key: _Key | None = None
        self._model: Model | None = None

    @property
    def loaded(self) -> str:
        """The checkpoint in memory as requests name it, `name [hash]`; or an empty text."""
        return f"{self._model.name} [{self._model.hash[:10]}]" if self._model else ""

    def get(self, checkpoint: str, vae: str | None, plan: Plan, progress: Progress = _silent, library: Library | None = None) -> Model:
        """The model, from memory if it is the loaded one. `progress(done, of)` hears of a loading and may raise `JobCancelled`.

        `library` finds the files in the place of our own: a job's own view. A model given keeps its embeddings, whatever comes later.
        Raises `RequestError` for a name that nobody knows, `CheckpointError` for a file that cannot be loaded.
        """
        library = library or self._library
        configure_backend(plan.device, plan.dtype)
        if plan.threads:
            torch.set_num_threads(plan.threads)
        file = library.find("checkpoint", checkpoint)
        vae_file = _vae(file, vae, library)
        key = _Key(_identity(file), _identity(vae_file) if vae_file else None, Placement.of(plan), plan.offload)
        model = self._model
        if model is None or key != self._key:
            model = self._load(key, file, vae_file, plan, progress)
        words = self._embeddings.fitting([(part.embedding, part.width) for part in model.texts], library.models("embedding"))
        if words.key != model.words.key:
            model = self._model = replace(model, words=words)  # jobs that run with the old ones keep them
        return model

    def unload(self) -> None:
        """Give the memory back."""
        self._key = self._model = None
        gc.collect()
        trim_heap()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _load(self, key: _Key, file: ModelFile, vae: ModelFile | None, plan: Plan, progress: Progress) -> Model:
        """Load what is missing, all of it from the files as they were found, or nothing."""
        try:
            model = self._loaded(key, file, vae, plan, progress)
            for used in (file, vae):
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
            said = f"{(vae or file).file_name} cannot be loaded: it is broken, or of a kind that this version does not know"
            raise CheckpointError(f"{said}. Download it again.") from None
        self._key, self._model = key, model
        return model

    def _loaded(self, key: _Key, file: ModelFile, vae: ModelFile | None, plan: Plan, progress: Progress) -> Model:
        model = self._model
        if model is not None and key.same_but_vae(self._key) and isinstance(model.rules, StableDiffusion):
            weights = open_model(vae or file)
            model.change_vae(model.rules.build_vae(weights, model.place, progress), vae.file_name if vae else "")
            return model
        open_model(file)
        self.unload()
        return load_model(file, self._library.sha256(file), vae, plan, progress, self._library.families)


def _vae(checkpoint: ModelFile, vae: str | None, library: Library) -> ModelFile | None:
    """The file that the VAE is read from, None for the checkpoint's."""
    if vae and vae.lower() not in OWN_VAE:
        return library.find("vae", vae)
    return None if vae and vae.lower() == "none" else checkpoint.vae


def _identity(file: ModelFile) -> _Identity:
    return file.path, file.identity
