"""`create/embedding`: a file of vectors to begin a training with, made of a checkpoint's own words, without an engine."""

import math
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from safetensors.numpy import save

from webui.api.sdapi.bodies import Body
from webui.core.filenames import safe_name
from webui.core.foreign import INDEX, open_foreign
from webui.core.names import printable
from webui.downloads.staging import kind_folder, writable_root
from webui.errors import CheckpointError, RequestError, StorageError
from webui.library import ModelFile
from webui.library.diffusers import read_files
from webui.library.header import Span, is_safetensors, read_spans
from webui.library.models import VECTORS
from webui.library.vocabulary import own_vocabulary
from webui.prompts.tokenizer import ClipTokenizer, clip_l_tokenizer

_WORDS = "token_embedding.weight"
_TYPES = {"F32": "<f4", "F16": "<f2", "F64": "<f8", "BF16": "<u2"}
_SECOND = ("embedders.1.", "text_encoder_2", "clip_g")
"""Marks of the second text encoder's tensors and files."""
Vectors = NDArray[np.float32]


class CreateEmbedding(Body):
    """The body of POST /sdapi/v1/create/embedding."""

    name: str = Field(min_length=1, max_length=200)
    num_vectors_per_token: int = Field(1, ge=1, le=75)
    overwrite_old: bool = False
    init_text: str | None = Field("*", max_length=1000)


def create(body: CreateEmbedding, checkpoint: ModelFile | None, roots: Sequence[Path]) -> Path | None:
    """The new file in the folder of embeddings; None where one of its name is there and is to stay.

    Raises `RequestError` where the checkpoint has no words that can be read, `StorageError`.
    """
    name = safe_name("".join(letter for letter in printable(body.name) if letter.isalnum() or letter in "._- "), 200)
    if not name:
        raise RequestError("name", "A name has letters or digits.")
    if checkpoint is None:
        raise RequestError("sd_model_checkpoint", "There is no checkpoint whose words it could begin with.")
    root, _ = writable_root(roots)
    target = kind_folder(root, "embedding") / f"{name}.safetensors"
    if not body.overwrite_old and any(target.with_suffix(suffix).exists() for suffix in (".safetensors", ".pt", ".bin")):
        return None
    vectors = {key: _chosen(words, body.num_vectors_per_token) for key, words in _words(checkpoint, body.init_text or "").items()}
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(save(vectors, metadata={"name": name, "sd_checkpoint_name": checkpoint.name, "step": "0"}))
        part.replace(target)
    except OSError as error:
        raise StorageError(f"The file {target.name} cannot be written: {error.strerror}.") from None
    return target


def _chosen(words: Vectors, count: int) -> Vectors:
    """So many of the text's vectors, spread over it, as A1111 takes them."""
    return np.ascontiguousarray([words[place * len(words) // count] for place in range(count)], dtype=np.float32)


def _words(checkpoint: ModelFile, text: str) -> dict[str, Vectors]:
    """The vectors of a text's words by the names that embedding files have; one of zeros for no text. Raises `RequestError`."""
    try:
        found = list(_tables(checkpoint.path))
        tokenizer = _tokenizer(checkpoint.path)
    except (CheckpointError, OSError) as error:
        raise RequestError("sd_model_checkpoint", f"{checkpoint.file_name} cannot be read: {error}") from None
    if not found:
        said = "has no text encoder inside whose words could be taken. Choose another one by /sdapi/v1/options."
        raise RequestError("sd_model_checkpoint", f"{checkpoint.file_name} {said}")
    ids = tokenizer.encode(text) if text.strip() else []
    rows = [_rows(path, span, ids) for _, path, span in found]
    if len(found) == 1:
        return {VECTORS[0]: rows[0]}
    return {name: read for (name, _, _), read in zip(found, rows, strict=True)}


def _tables(path: Path) -> list[tuple[str, Path, Span]]:
    """Every text encoder's table of words: the name of its vectors in embedding files, its file, where it lies."""
    files = [path]
    if path.name == INDEX:
        weights = read_files(path).weights
        files = [part for name in ("text_encoder", "text_encoder_2") for part in weights.get(name, ())]
    found: dict[str, tuple[str, Path, Span]] = {}
    for file in files:
        if not is_safetensors(file):
            raise CheckpointError("words are read of .safetensors files alone.")
        _, spans, _ = read_spans(file)
        for name, span in spans.items():
            if name.endswith(_WORDS) and len(span.shape) == 2 and span.dtype in _TYPES:
                where = f"{file.parent.name}/{name}"
                key = "clip_g" if any(mark in where for mark in _SECOND) else "clip_l"
                found.setdefault(key, (key, file, span))
    return list(found.values())


def _tokenizer(path: Path) -> ClipTokenizer:
    own = own_vocabulary(path)
    return clip_l_tokenizer() if own is None else ClipTokenizer.from_texts(*own)


def _rows(path: Path, span: Span, ids: Sequence[int]) -> Vectors:
    """These rows of a table, one of zeros where there are none. Only they are read."""
    count, width = span.shape
    if not ids:
        return np.zeros((1, width), np.float32)
    size = math.prod(span.shape) and (span.end - span.start) // count
    rows = []
    with open_foreign(path) as (file, _):
        for number in ids:
            if number >= count:
                raise RequestError("init_text", "A word of this text is not among those of the checkpoint's text encoder.")
            file.seek(span.start + number * size)
            rows.append(_numbers(file.read(size), span.dtype, width))
    return np.stack(rows)


def _numbers(data: bytes, dtype: str, width: int) -> Vectors:
    if len(data) != width * struct.calcsize({"F64": "d", "F32": "f"}.get(dtype, "e")):
        raise CheckpointError("it ends too early.")
    read = np.frombuffer(data, _TYPES[dtype])
    if dtype == "BF16":
        return (read.astype(np.uint32) << 16).view(np.float32)
    return read.astype(np.float32)
