"""Prompts to conditioning: emphasis, clip skip, textual inversion, and which text holds at which step. The only file here with torch."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from webui.core.request import Emphasis
from webui.prompts.chunks import BACKTRACK, Chunk, Words, empty_chunk, make_chunks
from webui.prompts.editing import Schedule
from webui.prompts.grammar import read_and
from webui.prompts.limits import Budget
from webui.prompts.tokenizer import ClipTokenizer

BATCH = 32
"""Chunks that are encoded at once; between two such batches others may have the device."""

T = TypeVar("T")


def _now(work: Callable[[], T]) -> T:
    return work()


@dataclass(frozen=True)
class Way:
    """How encoding gets on beside others: a batch on the device, reading a prompt off it, and what is asked between two texts.

    Each may raise, to stop it all.
    """

    run: Callable[[Callable[[], Any]], Any] = _now
    aside: Callable[[Callable[[], Any]], Any] = _now
    check: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class TextEncoder:
    """A text encoder and how its output is used.

    `model` is transformers' CLIPTextModel or CLIPTextModelWithProjection. `embeddings` are textual inversions: name to (vectors, width).
    `pad` follows the end token (None: the end token again, as CLIP-L does; OpenCLIP takes 0). `skip` is clip skip: 1 is the last layer.
    Without `final_norm` a skipped layer comes out as it is (SDXL). `device` is where it computes (None: where its weights rest).
    `way` is how it gets there.
    """

    model: nn.Module
    tokenizer: ClipTokenizer
    embeddings: Mapping[str, Tensor] = field(default_factory=dict)
    pad: int | None = None
    skip: int = 1
    final_norm: bool = True
    device: torch.device | None = None
    way: Way = Way()

    @property
    def parts(self) -> tuple["TextEncoder", ...]:
        """Itself: one encoder."""
        return (self,)

    @property
    def computes_on(self) -> torch.device:
        """Where its input must lie."""
        return self.device or next(self.model.parameters()).device


@dataclass(frozen=True)
class JoinedEncoders:
    """Several encoders that read the same chunks of one tokenizer; their outputs lie beside each other (SDXL: CLIP-L and OpenCLIP-G).

    Emphasis is each encoder's own; the pooled vector is the last encoder's that has one.
    """

    parts: tuple[TextEncoder, ...]

    @property
    def tokenizer(self) -> ClipTokenizer:
        """The first encoder's."""
        return self.parts[0].tokenizer

    @property
    def embeddings(self) -> Mapping[str, Tensor]:
        """Those that every encoder has vectors for: as many tokens in each."""
        first, *others = (part.embeddings for part in self.parts)
        return {name: rows for name, rows in first.items() if all(len(rows) == len(other.get(name, ())) for other in others)}

    @property
    def way(self) -> Way:
        """How encoding gets on beside others."""
        return self.parts[0].way


Encoder = TextEncoder | JoinedEncoders


@dataclass(frozen=True)
class EncodeOptions:
    """The request's fields that change how a prompt is read."""

    emphasis: Emphasis = "Original"
    comma_backtrack: int = BACKTRACK


DEFAULTS = EncodeOptions()


class Scheduled(NamedTuple):
    """What holds until step `until`: `cond` (tokens, width) and, where the encoder has one, the pooled vector.

    `whole` is the conditioning itself, one row, of a model that encodes its prompts on its own.
    """

    until: int
    cond: Tensor
    pooled: Tensor | None = None
    whole: Any = None


class Part(NamedTuple):
    """One side of AND: its weight and its schedule. The weight of a region differs from place to place: [1, 1, h, w] in latent pixels.

    `place` is the set of adapters that it is predicted with (0: the prompt's), `beside` what else its prediction looks at.
    """

    weight: float | Tensor
    schedule: tuple[Scheduled, ...]
    place: int = 0
    beside: "Beside | None" = None

    def at(self, step: int) -> Scheduled:
        """What holds after `step` model calls. As in A1111 an entry still holds at the call whose number it names."""
        return next((entry for entry in self.schedule if step <= entry.until), self.schedule[0])


class Beside(NamedTuple):
    """The areas' prompts of one prediction (attention couple), and how much the own prompt and each counts: [1 + parts, h, w]."""

    parts: tuple[Part, ...]
    shares: Tensor


ScheduledPrompt = tuple[Part, ...]


def encode_prompt(
    text: str, steps: int, encoder: Encoder, options: EncodeOptions = DEFAULTS, second_pass_steps: int | None = None
) -> ScheduledPrompt:
    """Encode a prompt, whose comments and tags are out already; `steps` is the number of model calls that a whole run would make.

    Raises `RequestError` for one that is too large, before anything is encoded.
    """
    return _encode_parts("prompt", read_and(text), (steps, second_pass_steps), encoder, options)


def encode_negative(
    text: str, steps: int, encoder: Encoder, options: EncodeOptions = DEFAULTS, second_pass_steps: int | None = None
) -> ScheduledPrompt:
    """Encode a negative prompt: as `encode_prompt`, but AND is a word like any other."""
    return _encode_parts("negative_prompt", [(text, 1.0)], (steps, second_pass_steps), encoder, options)


class Held(NamedTuple):
    """One side of AND as plain texts: its weight, and until which step which text holds."""

    weight: float
    ends: tuple[int, ...]
    texts: list[str]


def schedule_prompt(field: str, text: str, steps: tuple[int, int | None], *, joined: bool = True) -> list[Held]:
    """A prompt for an encoder that reads plain texts, by the sides of AND.

    `joined` is false for a negative prompt, where AND is a word. Raises `RequestError` for one that is too large.
    """
    budget, parts = Budget(field), read_and(text) if joined else [(text, 1.0)]
    budget.parts(len(parts))
    found = []
    for words, weight in parts:
        schedule = Schedule.read(words, *steps)
        budget.texts(schedule.count, len(words))
        texts = list(schedule.texts())
        found.append(Held(weight, schedule.ends, [texts[place] for place in schedule.places]))
    return found


def encode_empty(encoder: Encoder) -> Tensor:
    """Conditioning of the empty prompt, (77, width): what `pad_pair` pads with."""
    return encode_texts([""], encoder)[0][0]


def encode_texts(texts: Sequence[str], encoder: Encoder, options: EncodeOptions = DEFAULTS) -> tuple[Tensor, Tensor | None]:
    """Encode texts together: (texts, tokens, width) and the pooled vectors of the first chunks.

    Shorter texts are filled up with empty chunks. Texts encoded together share the mean that "Original" emphasis restores. Each text is
    encoded once, and counts in that mean as often as it is there.
    """
    counts = Counter(texts)
    read = _reader(encoder, options)
    conds, pooled = _encode_rows([read(text) for text in counts], list(counts.values()), encoder, options.emphasis)
    places = [list(counts).index(text) for text in texts]
    return conds[places], None if pooled is None else pooled[places]


class _Read(NamedTuple):
    """A part of a prompt, read: until when which of its texts holds, and the texts in chunks."""

    ends: tuple[int, ...]
    places: tuple[int, ...]
    texts: list[list[Chunk]]


def _encode_parts(
    field: str, parts: Sequence[tuple[str, float]], steps: tuple[int, int | None], encoder: Encoder, options: EncodeOptions
) -> ScheduledPrompt:
    def read() -> list[_Read]:
        budget, reader = Budget(field), _reader(encoder, options)
        budget.parts(len(parts))
        return [_read_part(text, steps, budget, reader) for text, _ in parts]

    conds = [_encode_read(part, encoder, options.emphasis) for part in encoder.way.aside(read)]
    return tuple(Part(weight, schedule) for (_, weight), schedule in zip(parts, conds, strict=True))


def _read_part(text: str, steps: tuple[int, int | None], budget: Budget, read: Callable[[str], list[Chunk]]) -> _Read:
    schedule = Schedule.read(text, *steps)
    budget.texts(schedule.count, len(text))
    texts = list(schedule.texts())
    known = {words: place for place, words in enumerate(dict.fromkeys(texts))}
    chunks: list[list[Chunk]] = []
    for words in known:
        chunks.append(read(words))
        budget.fits(len(known), len(chunks[-1]))
    budget.chunks(len(known), max(map(len, chunks)))
    return _Read(schedule.ends, tuple(known[texts[place]] for place in schedule.places), chunks)


def _reader(encoder: Encoder, options: EncodeOptions) -> Callable[[str], list[Chunk]]:
    """What makes chunks of a text."""
    words = Words(encoder.tokenizer, {name: len(vectors) for name, vectors in encoder.embeddings.items()})

    def read(text: str) -> list[Chunk]:
        encoder.way.check()
        emphasis = options.emphasis != "None"
        return make_chunks(text, encoder.tokenizer, words, emphasis=emphasis, backtrack=options.comma_backtrack)[0]

    return read


def _encode_read(part: _Read, encoder: Encoder, emphasis: Emphasis) -> tuple[Scheduled, ...]:
    counts = Counter(part.places)
    conds, pooled = _encode_rows(part.texts, [counts[place] for place in range(len(part.texts))], encoder, emphasis)
    return tuple(
        Scheduled(until, conds[place], None if pooled is None else pooled[place])
        for until, place in zip(part.ends, part.places, strict=True)
    )


def _encode_rows(texts: list[list[Chunk]], counts: list[int], encoder: Encoder, emphasis: Emphasis) -> tuple[Tensor, Tensor | None]:
    """Texts in chunks, encoded a column of chunks at a time."""
    length = max(map(len, texts))
    empty = empty_chunk(encoder.tokenizer)
    rows = [[*chunks, *[empty] * (length - len(chunks))] for chunks in texts]
    columns = [_encode_column(column, counts, encoder, emphasis) for column in zip(*rows, strict=True)]
    return torch.hstack([cond for cond, _ in columns]), columns[0][1]


def _encode_column(chunks: Sequence[Chunk], counts: list[int], encoder: Encoder, emphasis: Emphasis) -> tuple[Tensor, Tensor | None]:
    """Equal chunks are encoded once, and few enough at a time that others need not wait long."""
    known: dict[object, int] = {}
    places = [known.setdefault((tuple(chunk.tokens), tuple(chunk.weights), tuple(chunk.words)), len(known)) for chunk in chunks]
    distinct = [chunks[places.index(place)] for place in range(len(known))]
    times = [0] * len(known)
    for place, count in zip(places, counts, strict=True):
        times[place] += count
    batches = [distinct[start : start + BATCH] for start in range(0, len(distinct), BATCH)]
    conds, pooled = [], None
    for part in encoder.parts:
        made = [part.way.run(partial(_encode_chunks, batch, part)) for batch in batches]
        conds.append(emphasise(torch.cat([cond for cond, _, _ in made]), torch.cat([weights for _, weights, _ in made]), emphasis, times))
        if made[0][2] is not None:
            pooled = torch.cat([vectors for _, _, vectors in made])
    return torch.cat(conds, dim=-1)[places], None if pooled is None else pooled[places]


@torch.no_grad()
def _encode_chunks(chunks: Sequence[Chunk], encoder: TextEncoder) -> tuple[Tensor, Tensor, Tensor | None]:
    """(conditioning, weights, pooled vectors) of a batch."""
    device = encoder.computes_on
    tokens = torch.tensor([_padded(chunk.tokens, encoder) for chunk in chunks], device=device)
    with _inversions(chunks, encoder):
        output = encoder.model(input_ids=tokens, output_hidden_states=encoder.skip > 1)
    cond = output.last_hidden_state if encoder.skip == 1 else skipped(output, encoder)
    return cond, torch.tensor([chunk.weights for chunk in chunks], device=device).unsqueeze(-1), getattr(output, "text_embeds", None)


def _padded(tokens: list[int], encoder: TextEncoder) -> list[int]:
    if encoder.pad is None:
        return tokens
    end = tokens.index(encoder.tokenizer.end) + 1
    return tokens[:end] + [encoder.pad] * (len(tokens) - end)


def skipped(output: Any, encoder: TextEncoder) -> Tensor:
    """The hidden states that clip skip chooses, with the final norm where the encoder has it so."""
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


def emphasise(cond: Tensor, weights: Tensor, mode: Emphasis, times: Sequence[int] = ()) -> Tensor:
    """Multiply each token by its weight. "Original" then restores the mean of the whole tensor, "No norm" does not.

    `times` says how often each row counts in that mean (empty: once).
    """
    if mode in ("None", "Ignore"):
        return cond
    scaled = cond * weights.to(cond.dtype)
    if mode == "No norm":
        return scaled
    mean = _mean(scaled, times)
    return scaled * (_mean(cond, times) / mean) if mean != 0 else scaled


def _mean(rows: Tensor, times: Sequence[int]) -> Tensor:
    if all(count == 1 for count in times):
        return rows.mean()
    shares = torch.tensor(times, dtype=torch.float32, device=rows.device) / sum(times)
    return (rows.float().mean(dim=(1, 2)) * shares).sum().to(rows.dtype)


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
