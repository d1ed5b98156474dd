"""Textual inversion: small files whose vectors stand for a word of the prompt."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from webui.errors import CheckpointError
from webui.library import Library, ModelFile
from webui.pipelines.weights import Weights, open_weights

_NAMES = ("emb_params", "string_to_param.*", "clip_l")
"""Where A1111's safetensors, A1111's .pt and SDXL's files keep the vectors of CLIP-L."""


class Embeddings:
    """The embeddings of the library, read once each."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._read: dict[tuple[Path, float], Tensor | None] = {}

    def for_width(self, width: int) -> Mapping[str, Tensor]:
        """Word → float32 [vectors, width] of every file that fits a text encoder of this width; others are passed over."""
        found = {file.name.rsplit("/", 1)[-1]: self._vectors(file) for file in self._library.models("embedding")}
        return {word: tensor for word, tensor in found.items() if tensor is not None and tensor.shape[1] == width}

    def _vectors(self, file: ModelFile) -> Tensor | None:
        key = (file.path, file.modified)
        if key not in self._read:
            try:
                self._read[key] = vectors(open_weights(file.path))
            except CheckpointError:
                self._read[key] = None
        return self._read[key]


def vectors(weights: Weights) -> Tensor | None:
    """The vectors in an embedding file, or None when it holds none: a lone matrix counts, whatever its name (diffusers' files)."""
    known = [weights.tensors[name] for name in _NAMES if name in weights.tensors]
    lone = list(weights.tensors.values()) if len(weights.tensors) == 1 else []
    for tensor in (*known, *lone):
        if tensor.is_floating_point() and tensor.ndim in (1, 2):
            return tensor.detach().float().reshape(-1, tensor.shape[-1]).clone()
    return None
