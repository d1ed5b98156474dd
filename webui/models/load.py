"""From files to a model: open, recognise, and have the family's loader build it."""

from typing import NamedTuple

from webui.core.job import Plan
from webui.errors import CheckpointError
from webui.library import ModelFile
from webui.library.families import BUILTIN, Families
from webui.models.loading import LoadContext
from webui.models.model import Model
from webui.models.weights import Progress, WeightSource, open_source


def open_model(file: ModelFile) -> WeightSource:
    """A listed file's weights. Raises `CheckpointError` with what the scan found wrong with it, or what is wrong now."""
    if file.error:
        raise CheckpointError(file.error)
    return open_source(file.path)


class OtherFiles(NamedTuple):
    """Files that parts are taken from in the place of the checkpoint's own."""

    vae: ModelFile | None = None
    texts: ModelFile | None = None


def load_model(file: ModelFile, digest: str, others: OtherFiles, plan: Plan, progress: Progress, families: Families = BUILTIN) -> Model:
    """Load a checkpoint, with parts of other files where they are given. `progress` hears (tensors done, of)."""
    weights = open_model(file)
    architecture = families.detect(weights.header)
    spec = families.get(architecture.family)
    if refusal := families.refusal(architecture.family, architecture.variant, weights.source):
        raise CheckpointError(refusal)
    vae, texts = (None if other is None else open_model(other) for other in others)
    if texts is not None and families.detect(texts.header).family != spec.name:
        raise CheckpointError(f"{texts.source} is no {spec.title} model: its text encoder does not fit {weights.source}.")
    name = others.vae.file_name if others.vae else ""
    context = LoadContext(spec, file, digest, architecture, plan, progress, vae, name, texts)
    model: Model = spec.load(weights, context)
    return model
