"""Textual inversion: small files whose vectors stand for a word of the prompt."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from webui.core.foreign import FileError, FileIdentity, identity_of, read_foreign
from webui.core.names import fold
from webui.errors import CheckpointError
from webui.library import ModelFile
from webui.library.lora_keys import BUNDLED
from webui.library.models import VECTORS, VECTORS_OF_ENCODERS
from webui.models.weights import Weights, open_weights

MOST_VECTORS, WIDEST, LARGEST = 1024, 8192, 16 * 2**20
"""An embedding stands for at most so many tokens of at most so many numbers, and its file has at most so many bytes.

What says more is broken, and would fill the memory."""

_Key = tuple[Path, FileIdentity]


@dataclass(frozen=True)
class EmbeddedWords:
    """The words that embeddings stand for in a model. Two with the same `key` have the same vectors.

    `left_out` says of each file that cannot be used why, as a sentence.
    """

    vectors: Mapping[str, tuple[Tensor, ...]] = field(default_factory=dict)
    key: tuple[object, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)

    def notes(self, text: str) -> tuple[str, ...]:
        """What to say of the embeddings that a text names and that cannot be used."""
        return tuple(f"Embedding {word!r} was left out: {why}" for word, why in self.left_out.items() if is_named(word, text))


def is_named(word: str, text: str) -> bool:
    """Whether a prompt names an embedding: as a whole word, in any case."""
    word, text = fold(word), fold(text)
    return word in text and re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


Vectors = Mapping[str, Tensor]
"""A file's vectors by the encoder that they are for; an empty name stands for the only one."""


class Embeddings:
    """The embeddings of the library, read once for each content."""

    def __init__(self) -> None:
        self._read: dict[_Key, Vectors | FileError] = {}

    def fitting(self, encoders: Sequence[tuple[str, int]], files: Iterable[ModelFile]) -> EmbeddedWords:
        """The words of a model with these text encoders (name in embedding files, width). A broken file is left out, whatever is in it."""
        keys = {(file.path, file.identity): file.short_name for file in files}
        self._read = {key: self._read[key] if key in self._read else _vectors_in(key[0]) for key in keys}
        found: dict[str, tuple[Tensor, ...]] = {}
        left_out: dict[str, str] = {}
        for key, word in keys.items():
            read = self._read[key]
            fits = read.message if isinstance(read, FileError) else fitted(read, encoders)
            if isinstance(fits, str):
                left_out[word] = fits
            else:
                found[word] = fits
        return EmbeddedWords(found, tuple(keys.items()), {word: why for word, why in left_out.items() if word not in found})


def fitted(read: Vectors, encoders: Sequence[tuple[str, int]]) -> tuple[Tensor, ...] | str:
    """For each encoder its vectors, as many for all of them; or why they do not fit."""
    only = read.get("") if len(encoders) == 1 else None
    matrices = [read.get(name, only) for name, _ in encoders]
    rows = tuple(matrix for matrix, (_, width) in zip(matrices, encoders, strict=True) if matrix is not None and matrix.shape[1] == width)
    if len(rows) == len(encoders) and len({len(matrix) for matrix in rows}) == 1:
        return rows
    theirs = " and ".join(str(matrix.shape[1]) for matrix in read.values())
    ours = " and ".join(str(width) for _, width in encoders)
    return f"it was made for another kind of model (it is {theirs} wide, this one's text encoder {ours})."


def _vectors_in(path: Path) -> Vectors | FileError:
    """The vectors in a file that has not been read yet."""

    def read(path: Path) -> Vectors:
        if identity_of(path).size > LARGEST:
            raise CheckpointError(f"it is larger than {LARGEST // 2**20} MB, too large for an embedding.")
        found = vectors(open_weights(path))
        if not found:
            raise CheckpointError("it holds no vectors.")
        if not all(bool(torch.isfinite(matrix).all()) for matrix in found.values()):
            raise CheckpointError("it holds NaN or Inf.")
        return found

    return read_foreign(path, read)


def bundled(weights: Weights) -> dict[str, Vectors]:
    """The vectors of the embeddings that a LoRA brings along, by their words: `bundle_emb.WORD.string_to_param.*`, as OneTrainer writes."""
    files: dict[str, dict[str, Tensor]] = {}
    for name, tensor in weights.tensors.items():
        if name.startswith(BUNDLED):
            word, _, inner = name.removeprefix(BUNDLED).partition(".")
            files.setdefault(word, {})[inner] = tensor
    read = {word: vectors(Weights(weights.source, tensors, {})) for word, tensors in files.items() if word}
    return {word: found for word, found in read.items() if found and all(bool(torch.isfinite(one).all()) for one in found.values())}


def vectors(weights: Weights) -> Vectors:
    """The vectors in an embedding file, empty when it holds none: a lone matrix counts, whatever its name (diffusers' files)."""
    named = {name: tensor for name in VECTORS_OF_ENCODERS if (tensor := weights.tensors.get(name)) is not None and _is_plain(tensor)}
    if named:
        return {name: _matrix(tensor) for name, tensor in named.items()}
    known = [weights.tensors[name] for name in VECTORS if name in weights.tensors]
    lone = list(weights.tensors.values()) if len(weights.tensors) == 1 else []
    return next(({"": _matrix(tensor)} for tensor in (*known, *lone) if _is_plain(tensor)), {})


def _matrix(tensor: Tensor) -> Tensor:
    return tensor.detach().float().reshape(-1, tensor.shape[-1]).clone()


def _is_plain(tensor: Tensor) -> bool:
    """Whether it is a matrix or a vector of numbers in memory, and no larger than an embedding is. Nothing is computed before that."""
    if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized or not tensor.is_floating_point():
        return False
    return tensor.ndim in (1, 2) and 0 < tensor.numel() <= MOST_VECTORS * WIDEST and 0 < tensor.shape[-1] <= WIDEST
