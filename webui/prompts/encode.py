"""Prompts to conditioning: emphasis, clip skip, textual inversion, and which text holds at which step. The only file here with torch."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from webui.core.request import Emphasis
from webui.prompts.chunks import BACKTRACK, Chunk, Words, empty_chunk, make_chunks
from webui.prompts.editing import read_schedule
from webui.prompts.grammar import read_and
from webui.prompts.tokenizer import ClipTokenizer


@dataclass(frozen=True)
class TextEncoder:
    """A text encoder and how its output is used.

    `model` is transformers' CLIPTextModel or CLIPTextModelWithProjection. `embeddings` are textual inversions: name to (vectors, width).
    `pad` follows the end token (None: the end token again, as CLIP-L does; OpenCLIP takes 0). `skip` is clip skip: 1 is the last layer.
    Without `final_norm` a skipped layer comes out as it is (SDXL). `device` is where it computes (None: where its weights rest).
    """

    model: nn.Module
    tokenizer: ClipTokenizer
    embeddings: Mapping[str, Tensor] = field(default_factory=dict)
    pad: int | None = None
    skip: int = 1
    final_norm: bool = True
    device: torch.device | None = None

    @property
    def computes_on(self) -> torch.device:
        """Where its input must lie."""
        return self.device or next(self.model.parameters()).device


@dataclass(frozen=True)
class EncodeOptions:
    """The request's fields that change how a prompt is read."""

    emphasis: Emphasis = "Original"
    comma_backtrack: int = BACKTRACK


DEFAULTS = EncodeOptions()


class Scheduled(NamedTuple):
    """What holds until step `until`: `cond` (tokens, width) and, where the encoder has one, the pooled vector."""

    until: int
    cond: Tensor
    pooled: Tensor | None = None


class Part(NamedTuple):
    """One side of AND: its weight and its schedule."""

    weight: float
    schedule: tuple[Scheduled, ...]

    def at(self, step: int) -> Scheduled:
        """What holds after `step` model calls. As in A1111 an entry still holds at the call whose number it names."""
        return next((entry for entry in self.schedule if step <= entry.until), self.schedule[0])


Conditioning = tuple[Part, ...]


def encode_prompt(
    text: str, steps: int, encoder: TextEncoder, options: EncodeOptions = DEFAULTS, second_pass_steps: int | None = None
) -> Conditioning:
    """Encode a prompt, whose comments and tags are out already; `steps` is the number of model calls that a whole run would make."""
    return tuple(Part(weight, _encode_part(part, steps, second_pass_steps, encoder, options)) for part, weight in read_and(text))


def encode_negative(
    text: str, steps: int, encoder: TextEncoder, options: EncodeOptions = DEFAULTS, second_pass_steps: int | None = None
) -> Conditioning:
    """Encode a negative prompt: as `encode_prompt`, but AND is a word like any other."""
    return (Part(1.0, _encode_part(text, steps, second_pass_steps, encoder, options)),)


def encode_empty(encoder: TextEncoder) -> Tensor:
    """Conditioning of the empty prompt, (77, width): what `pad_pair` pads with."""
    return encode_texts([""], encoder)[0][0]


def _encode_part(
    text: str, steps: int, second_pass_steps: int | None, encoder: TextEncoder, options: EncodeOptions
) -> tuple[Scheduled, ...]:
    schedule = read_schedule(text, steps, second_pass_steps)
    conds, pooled = encode_texts([entry for _, entry in schedule], encoder, options)
    vectors = [None] * len(schedule) if pooled is None else list(pooled)
    return tuple(Scheduled(until, cond, vector) for (until, _), cond, vector in zip(schedule, conds, vectors, strict=True))


@torch.no_grad()
def encode_texts(texts: Sequence[str], encoder: TextEncoder, options: EncodeOptions = DEFAULTS) -> tuple[Tensor, Tensor | None]:
    """Encode texts together: (texts, tokens, width) and the pooled vectors of the first chunks.

    Shorter texts are filled up with empty chunks. Texts encoded together share the mean that "Original" emphasis restores.
    """
    words = Words(encoder.tokenizer, {name: len(vectors) for name, vectors in encoder.embeddings.items()})
    chunked = [
        make_chunks(text, encoder.tokenizer, words, emphasis=options.emphasis != "None", backtrack=options.comma_backtrack)[0]
        for text in texts
    ]
    length = max(map(len, chunked))
    empty = empty_chunk(encoder.tokenizer)
    rows = [[*chunks, *[empty] * (length - len(chunks))] for chunks in chunked]
    columns = [_encode_chunks(column, encoder, options.emphasis) for column in zip(*rows, strict=True)]
    return torch.hstack([cond for cond, _ in columns]), columns[0][1]


def _encode_chunks(chunks: Sequence[Chunk], encoder: TextEncoder, emphasis: Emphasis) -> tuple[Tensor, Tensor | None]:
    device = encoder.computes_on
    tokens = torch.tensor([_padded(chunk.tokens, encoder) for chunk in chunks], device=device)
    with _inversions(chunks, encoder):
        output = encoder.model(input_ids=tokens, output_hidden_states=encoder.skip > 1)
    cond = output.last_hidden_state if encoder.skip == 1 else _skipped(output, encoder)
    weights = torch.tensor([chunk.weights for chunk in chunks], device=device).unsqueeze(-1)
    pooled = getattr(output, "text_embeds", None)
    return emphasise(cond, weights, emphasis), pooled


def _padded(tokens: list[int], encoder: TextEncoder) -> list[int]:
    if encoder.pad is None:
        return tokens
    end = tokens.index(encoder.tokenizer.end) + 1
    return tokens[:end] + [encoder.pad] * (len(tokens) - end)


def _skipped(output: Any, encoder: TextEncoder) -> Tensor:
    hidden: Tensor = output.hidden_states[-min(encoder.skip, len(output.hidden_states))]
    if not encoder.final_norm:
        return hidden
    text_model = getattr(encoder.model, "text_model", encoder.model)
    return text_model.final_layer_norm(hidden)  # type: ignore[no-any-return,operator]


@contextmanager
def _inversions(chunks: Sequence[Chunk], encoder: TextEncoder) -> Iterator[None]:
    """Put textual-inversion vectors in the place of their words' token embeddings while the encoder runs."""

    def replace(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        output = output.clone()
        for row, chunk in enumerate(chunks):
            for place, name in chunk.words:
                vectors = encoder.embeddings[name][: output.shape[1] - place]
                output[row, place : place + len(vectors)] = vectors.to(output)
        return output

    if not any(chunk.words for chunk in chunks):
        yield
        return
    hook = encoder.model.get_input_embeddings().register_forward_hook(replace)  # type: ignore[operator]
    try:
        yield
    finally:
        hook.remove()


def emphasise(cond: Tensor, weights: Tensor, mode: Emphasis) -> Tensor:
    """Multiply each token by its weight. "Original" then restores the mean of the whole tensor, "No norm" does not."""
    if mode in ("None", "Ignore"):
        return cond
    scaled = cond * weights.to(cond.dtype)
    if mode == "No norm":
        return scaled
    mean = scaled.mean()
    return scaled * (cond.mean() / mean) if mean != 0 else scaled


def stack(conds: Sequence[Tensor]) -> Tensor:
    """Conditionings of unequal length as one batch: the shorter ones repeat their last vector."""
    length = max(len(cond) for cond in conds)
    return torch.stack([torch.cat([cond, cond[-1:].expand(length - len(cond), -1)]) for cond in conds])


def pad_pair(cond: Tensor, uncond: Tensor, empty: Tensor) -> tuple[Tensor, Tensor]:
    """Make both equally long by empty chunks at the end of the shorter one ("Pad prompt/negative prompt")."""
    longest = max(len(cond), len(uncond))

    def pad(tensor: Tensor) -> Tensor:
        return torch.cat([tensor, *[empty.to(tensor)] * ((longest - len(tensor)) // len(empty))])

    return pad(cond), pad(uncond)


def pad_pair_v0(cond: Tensor, uncond: Tensor) -> tuple[Tensor, Tensor]:
    """A1111 1.6's way: a shorter negative prompt repeats its last vector, a longer one is cut."""
    missing = max(len(cond) - len(uncond), 0)
    return cond, torch.cat([uncond, uncond[-1:].expand(missing, -1)])[: len(cond)]
