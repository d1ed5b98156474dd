"""What the prompts of a request become: LoRA tags out, the rest encoded once and remembered as long as the model stays."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from webui.core.request import GenerationRequest
from webui.pipelines.adapters import LoraUse
from webui.pipelines.model import Model
from webui.prompts import strip_comments, strip_tags
from webui.prompts.encode import (
    Conditioning,
    EncodeOptions,
    Part,
    Scheduled,
    TextEncoder,
    encode_empty,
    encode_negative,
    encode_prompt,
)

REMEMBERED = 96
"""Texts whose conditioning is kept."""


@dataclass(frozen=True)
class Texts:
    """The prompts of one pass, the positive one without its tags, and the LoRAs that they asked for."""

    prompt: str
    negative: str
    loras: tuple[LoraUse, ...]
    unknown: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was taken out without an effect."""
        return tuple(f"<{kind}:…> is not known here and was left out." for kind in dict.fromkeys(self.unknown))


@dataclass(frozen=True)
class Encoded:
    """Both prompts as the denoiser takes them; `empty` is what short ones are padded with."""

    positive: Conditioning
    negative: Part
    empty: Tensor


def read_texts(prompt: str, negative: str) -> Texts:
    """Take comments out, and the prompt's tags. In a negative prompt a tag is words like any other, as in A1111."""
    text, tags = strip_tags(strip_comments(prompt))
    loras = tuple(LoraUse(tag.name, tag.te_weight, tag.unet_weight) for tag in tags if tag.kind in ("lora", "lyco"))
    unknown = tuple(tag.kind for tag in tags if tag.kind not in ("lora", "lyco"))
    return Texts(text, strip_comments(negative), loras, unknown)


def prompts_of(request: GenerationRequest) -> str:
    """All that a request's prompts say, of both passes."""
    hires = request.hires
    said = (request.prompt, request.negative_prompt, *((hires.prompt, hires.negative_prompt) if hires is not None else ()))
    return "\n".join(text for text in said if text)


def loras_of(request: GenerationRequest) -> tuple[LoraUse, ...]:
    """The LoRAs that a request's prompts ask for, of both passes."""
    prompts = (request.prompt, request.hires.prompt if request.hires is not None else "")
    return tuple(use for prompt in prompts if prompt for use in read_texts(prompt, "").loras)


def encode(texts: Texts, request: GenerationRequest, model: Model, calls: int, second_calls: int | None = None) -> Encoded:
    """Encode the prompts for `calls` model calls (`second_calls` for the second pass), or take them from the model's memory."""
    model.offload.need(model.text_encoder)
    encoder = TextEncoder(model.text_encoder, model.tokenizer, model.embeddings, skip=request.clip_skip, device=model.device)
    if request.profile == "diffusers":
        return _plain(texts, encoder)
    options = EncodeOptions(request.emphasis, request.comma_backtrack)
    state = (request.clip_skip, options, _adapters(model), model.words.key)
    memory: OrderedDict[object, Any] = model.remembered.setdefault("conditioning", OrderedDict())

    def known(kind: str, text: str, make: Callable[[], Any]) -> Any:
        """By what it depends on: most people change their prompt far more often than their negative prompt."""
        key = (kind, text, calls, second_calls, state)
        if key not in memory:
            memory[key] = make()
            while len(memory) > REMEMBERED:
                memory.popitem(last=False)
        memory.move_to_end(key)
        return memory[key]

    positive = known("prompt", texts.prompt, lambda: encode_prompt(texts.prompt, calls, encoder, options, second_calls))
    negative = known("negative", texts.negative, lambda: encode_negative(texts.negative, calls, encoder, options, second_calls))
    empty = known("empty", "", lambda: encode_empty(encoder))
    return Encoded(positive, negative[0], empty)


def _adapters(model: Model) -> object:
    """Which LoRAs are on: they change the text encoder too."""
    return getattr(model.remembered.get("adapters"), "key", ())


def _plain(texts: Texts, encoder: TextEncoder) -> Encoded:
    """diffusers' way: 77 tokens, the rest cut off; brackets are text."""
    conds = _plain_conds((texts.prompt, texts.negative), encoder)
    parts = [Part(1.0, (Scheduled(2**31, cond),)) for cond in conds]
    return Encoded((parts[0],), parts[1], conds[1])


@torch.no_grad()
def _plain_conds(texts: Sequence[str], encoder: TextEncoder) -> Tensor:
    words = encoder.tokenizer
    rows = [[words.start, *words.encode(text)[:75], words.end] for text in texts]
    pad = words.end if encoder.pad is None else encoder.pad
    tokens = torch.tensor([row + [pad] * (77 - len(row)) for row in rows], device=encoder.computes_on)
    output = encoder.model(input_ids=tokens, output_hidden_states=encoder.skip > 1)
    if encoder.skip == 1:
        return output.last_hidden_state  # type: ignore[no-any-return]
    text_model = getattr(encoder.model, "text_model", encoder.model)
    return text_model.final_layer_norm(output.hidden_states[-encoder.skip])  # type: ignore[no-any-return,operator]
