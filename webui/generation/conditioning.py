"""Prompts to conditioning: removes LoRA tags, encodes the rest and caches it as long as the model is loaded."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from webui.core.finish import details_of
from webui.core.pictures import distinct
from webui.core.request import ResolvedRequest
from webui.generation.device import INLINE_DEVICE, DeviceAccess
from webui.generation.lora_tags import misread_in, use_of
from webui.generation.profiles import profile_of
from webui.models.adapters import LoraUse
from webui.models.conditioning import Conditioning
from webui.models.hypernetworks import HypernetworkUse
from webui.models.model import LoadedModel, Model
from webui.prompts import strip_comments, strip_tags
from webui.prompts.encode import (
    BATCH,
    EncodeOptions,
    Encoder,
    JoinedEncoders,
    Part,
    Scheduled,
    ScheduledPrompt,
    TextEncoder,
    Way,
    encode_empty,
    encode_negative,
    encode_prompt,
    schedule_prompt,
    skipped,
)

REMEMBERED = 96
"""Number of texts whose conditioning is cached."""
REMEMBERED_BYTES = 512 * 2**20
LONG = 20_000
"""Prompts longer than this many characters are parsed off the device, because that takes noticeable time."""
TOLD_KINDS = 10


@dataclass(frozen=True)
class Texts:
    """The prompts of one pass, the positive one without its tags, and the LoRAs that they asked for."""

    prompt: str
    negative: str
    loras: tuple[LoraUse, ...]
    unknown: tuple[str, ...] = ()
    misread: tuple[str, ...] = ()
    hypernetworks: tuple[HypernetworkUse, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about tags that were removed without an effect."""
        kinds = list(dict.fromkeys(self.unknown))
        told = [f"<{kind[:40]}:…> is not known here and was left out." for kind in kinds[:TOLD_KINDS]]
        more = len(kinds) - len(told)
        return (*self.misread[:TOLD_KINDS], *told, *([f"{more} other kinds of tags are not known here and were left out."] if more else []))


@dataclass(frozen=True)
class Encoded:
    """Both prompts as the denoiser takes them; `empty` is what short ones are padded with.

    `vectors` condition every call besides the prompt, each [1, d]; `negative_vectors` those with the negative prompt. `spread` has the
    negative prompt by each set of adapters, where not all of the picture has the same: its weight is how much the set counts where.
    """

    positive: ScheduledPrompt
    negative: Part
    empty: Tensor
    vectors: Mapping[str, Tensor] = field(default_factory=dict)
    negative_vectors: Mapping[str, Tensor] = field(default_factory=dict)
    spread: tuple[Part, ...] = ()


def read_texts(prompt: str, negative: str) -> Texts:
    """Take comments out, and the prompt's tags. In a negative prompt a tag is words like any other, as in A1111."""
    text, tags = strip_tags(strip_comments(prompt))
    loras = tuple(use_of(tag) for tag in tags if tag.kind in ("lora", "lyco"))
    unknown = tuple(tag.kind for tag in tags if tag.kind not in ("lora", "lyco", "hypernet"))
    misread = tuple(note for tag in tags if tag.kind in ("lora", "lyco") for note in misread_in(tag))
    hypernetworks = tuple(HypernetworkUse(tag.name, tag.te_weight) for tag in tags if tag.kind == "hypernet")
    return Texts(text, strip_comments(negative), loras, unknown, misread, hypernetworks)


def prompts_of(request: ResolvedRequest) -> str:
    """All that a request's prompts say, of all passes, without tags: a LoRA's name is no word of an embedding."""
    return "\n".join(strip_tags(text)[0] for each in distinct(request) for text in _said(each) if text)


def _said(request: ResolvedRequest) -> tuple[str, ...]:
    hires = request.hires
    second = (hires.prompt, hires.negative_prompt) if hires is not None else ()
    details = (text for step in details_of(request.finish) for text in (step.prompt, step.negative_prompt))
    blend = (request.blend.prompt,) if request.blend is not None else ()
    areas = [area.prompt for area in request.regions.areas] if request.regions is not None else []
    return (request.prompt, request.negative_prompt, *second, *details, *blend, *areas)


def loras_of(request: ResolvedRequest) -> tuple[LoraUse, ...]:
    """The LoRAs that a request's prompts ask for, of all passes."""
    return tuple(use for texts in _texts_of(request) for use in texts.loras)


def hypernetworks_of(request: ResolvedRequest) -> tuple[HypernetworkUse, ...]:
    """The hypernetworks that a request's prompts ask for, of both passes."""
    return tuple(use for texts in _texts_of(request) for use in texts.hypernetworks)


def _texts_of(request: ResolvedRequest) -> Iterator[Texts]:
    prompts = [text for each in distinct(request) for text in (each.prompt, each.hires.prompt if each.hires is not None else "")]
    prompts += [step.prompt for step in details_of(request.finish)]
    prompts += [area.prompt for area in request.regions.areas] if request.regions is not None else []
    return (read_texts(prompt, "") for prompt in dict.fromkeys(prompts) if prompt)


@dataclass(frozen=True)
class EncodeInputs:
    """The prompts of one pass and what they are encoded for.

    `calls` are the model calls of the first pass, `second_calls` those of the second, None in the first. `size` is the pass's width
    and height in pixels, which some families are conditioned on.
    """

    texts: Texts
    request: ResolvedRequest
    calls: int
    second_calls: int | None = None
    size: tuple[int, int] = (0, 0)


def encode(inputs: EncodeInputs, model: Model, device: DeviceAccess = INLINE_DEVICE, check: Callable[[], None] = lambda: None) -> Encoded:
    """Encode the prompts, or take them from the model's memory.

    A batch at a time: between two of them `check` is asked, which may raise, and other jobs get their turn. Raises `RequestError` for
    prompts that are too large.
    """
    texts, request, calls, second_calls = inputs.texts, inputs.request, inputs.calls, inputs.second_calls
    way = _way(texts, device, check)
    positive_vectors, negative_vectors = (model.static_vectors(request, inputs.size, negative=negative) for negative in (False, True))
    zero = model.rules.zero_empty_negative and texts.negative == ""
    if not model.texts:
        return _by_model(texts, model, (calls, second_calls), way, positive_vectors, negative_vectors)
    encoder = _encoder(model, request, way)
    if profile_of(request).plain_prompts:
        positive, negative, empty = way.run(lambda: _plain(texts, encoder))
        return Encoded((positive,), _zeros(negative) if zero else negative, empty, positive_vectors, negative_vectors)
    options = EncodeOptions(request.emphasis, request.comma_backtrack)
    state = (request.clip_skip, options, _adapters(model), model.words.key)
    memory = model.state.conditioning

    def known(kind: str, text: str, make: Callable[[], Any]) -> Any:
        """Positive and negative prompts are cached separately, because the negative prompt rarely changes."""
        key = (kind, text, calls, second_calls, state)
        if key not in memory:
            made = make()
            memory[key] = made, _bytes(made)
            while len(memory) > 1 and (len(memory) > REMEMBERED or sum(size for _, size in memory.values()) > REMEMBERED_BYTES):
                memory.popitem(last=False)
        memory.move_to_end(key)
        return memory[key][0]

    positive = known("prompt", texts.prompt, lambda: encode_prompt(texts.prompt, calls, encoder, options, second_calls))
    negative = known("negative", texts.negative, lambda: encode_negative(texts.negative, calls, encoder, options, second_calls))
    empty = known("empty", "", lambda: encode_empty(encoder))
    return Encoded(positive, _zeros(negative[0]) if zero else negative[0], empty, positive_vectors, negative_vectors)


def _by_model(
    texts: Texts,
    model: LoadedModel,
    calls: tuple[int, int | None],
    way: Way,
    vectors: Mapping[str, Tensor],
    negative_vectors: Mapping[str, Tensor],
) -> Encoded:
    """Both prompts encoded by a model with encoders of its own: what holds at a step is a plain text."""
    parts = schedule_prompt("prompt", texts.prompt, calls)
    sides = [*parts, *schedule_prompt("negative_prompt", texts.negative, calls, joined=False)]
    distinct = list(dict.fromkeys(text for _, _, held in sides for text in held))
    made: dict[str, Conditioning] = {}
    for start in range(0, len(distinct), BATCH):
        some = distinct[start : start + BATCH]
        made |= dict(zip(some, way.run(partial(model.encode_prompt, some)), strict=True))
    encoded = [
        Part(weight, tuple(Scheduled(until, made[text].context[0], None, made[text]) for until, text in zip(ends, held, strict=True)))
        for weight, ends, held in sides
    ]
    return Encoded(tuple(encoded[:-1]), encoded[-1], encoded[-1].schedule[0].cond, vectors, negative_vectors)


def _encoder(model: Model, request: ResolvedRequest, way: Way) -> Encoder:
    """The model's text encoders, by the request's clip skip."""
    parts = tuple(
        TextEncoder(
            part.module,
            part.tokenizer,
            {name: vectors[place] for name, vectors in model.embeddings.items()},
            pad=part.pad,
            skip=max(request.clip_skip, part.lowest_skip),
            final_norm=part.final_norm,
            device=model.device,
            way=_way_to(part.module, model, way),
        )
        for place, part in enumerate(model.texts)
    )
    return parts[0] if len(parts) == 1 else JoinedEncoders(parts)


def _way_to(module: nn.Module, model: Model, way: Way) -> Way:
    """The way to one encoder, which must be on the device first."""

    def run(work: Callable[[], Any]) -> Any:
        def on_device() -> Any:
            model.load(module)
            return work()

        return way.run(on_device)

    return replace(way, run=run)


def _zeros(part: Part) -> Part:
    """The same shape with nothing in it, context and pooled vector."""
    entries = (
        Scheduled(entry.until, torch.zeros_like(entry.cond), None if entry.pooled is None else torch.zeros_like(entry.pooled))
        for entry in part.schedule
    )
    return Part(part.weight, tuple(entries))


def _way(texts: Texts, device: DeviceAccess, check: Callable[[], None]) -> Way:
    """How to encode these prompts without blocking other jobs."""

    def run(work: Callable[[], Any]) -> Any:
        check()
        return device.run_on_device(work)

    is_long = len(texts.prompt) + len(texts.negative) > LONG
    return Way(run, device.run_off_device if is_long else INLINE_DEVICE.run_off_device, check)


def _bytes(made: Any) -> int:
    """Memory of what was encoded; entries of a schedule may share a tensor."""
    tensors = [made] if isinstance(made, Tensor) else [entry.cond for part in made for entry in part.schedule]
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
    return sum(storages.values())


def _adapters(model: Model) -> object:
    """Cache key of the active LoRAs, which change the text encoder too."""
    return model.weights_key


def _plain(texts: Texts, encoder: Encoder) -> tuple[Part, Part, Tensor]:
    """(positive, negative, negative context) in Encode as diffusers does: 77 tokens, the rest cut off; brackets are plain text."""
    made = [_plain_conds((texts.prompt, texts.negative), part) for part in encoder.parts]
    conds = torch.cat([cond for cond, _ in made], dim=-1)
    pooled = next((vectors for _, vectors in reversed(made) if vectors is not None), None)
    parts = [Part(1.0, (Scheduled(2**31, cond, None if pooled is None else pooled[row]),)) for row, cond in enumerate(conds)]
    return parts[0], parts[1], conds[1]


@torch.no_grad()
def _plain_conds(texts: Sequence[str], encoder: TextEncoder) -> tuple[Tensor, Tensor | None]:
    words = encoder.tokenizer
    rows = [[words.start, *words.encode(text)[:75], words.end] for text in texts]
    pad = words.end if encoder.pad is None else encoder.pad
    tokens = torch.tensor([row + [pad] * (77 - len(row)) for row in rows], device=encoder.computes_on)
    output = encoder.model(input_ids=tokens, output_hidden_states=encoder.skip > 1)
    return (output.last_hidden_state if encoder.skip == 1 else skipped(output, encoder)), getattr(output, "text_embeds", None)
