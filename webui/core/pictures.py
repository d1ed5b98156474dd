"""What one picture of a job has of its own: seeds, and prompts where they came from templates."""

from collections.abc import Iterator

from webui.core.request import MAX_SEED, FilledTemplate, GenerationRequest, HiresOptions, Request, TemplateField


def image_seeds(request: GenerationRequest, index: int) -> tuple[int, int]:
    """(seed, variation seed) of one picture of a job: each counts up, but a variation keeps the first seed (A1111's rule)."""
    seed = request.seed if request.variation_strength > 0 else _count_up(request.seed, index)
    return seed, _count_up(request.variation_seed, index)


def _count_up(seed: int, index: int) -> int:
    return seed if seed < 0 else (seed + index) % (MAX_SEED + 1)


def one_image(request: Request, index: int) -> Request:
    """The request that makes picture `index` of `request` alone."""
    seed, variation_seed = image_seeds(request, index)
    alone = {"seed": seed, "variation_seed": variation_seed, "batch_size": 1, "batch_count": 1}
    return own_words(request, index).model_copy(update=alone)


def own_words(request: Request, index: int) -> Request:
    """The request with the prompts of its picture `index`, and with their templates alone."""
    if not request.templates:
        return request
    own = with_prompts(request, index)
    templates = {
        field: FilledTemplate(text=each.text, filled=(each.filled[min(index, len(each.filled) - 1)],))
        for field, each in request.templates.items()
        if each.filled
    }
    return own.model_copy(update={"templates": templates})


def with_prompts(request: Request, index: int) -> Request:
    """The request with the prompts of its picture `index`; itself where all pictures have the same."""
    for field, template in request.templates.items():
        if index < len(template.filled):
            request = with_text(request, field, template.filled[index])
    return request


def text_of(request: GenerationRequest, field: TemplateField) -> str:
    """One of the request's prompts; nothing where it has no second pass."""
    if field == "prompt":
        return request.prompt
    if field == "negative_prompt":
        return request.negative_prompt
    hires = request.hires or HiresOptions()
    return hires.prompt if field == "hires.prompt" else hires.negative_prompt


def with_text(request: Request, field: TemplateField, text: str) -> Request:
    """The request with another one of its prompts."""
    outer, _, inner = field.partition(".")
    if not inner:
        return request.model_copy(update={outer: text})
    hires = request.hires or HiresOptions()
    return request.model_copy(update={"hires": hires.model_copy(update={inner: text})})


def distinct(request: Request) -> Iterator[Request]:
    """The request with each set of prompts that its pictures have, the first picture's first."""
    if not request.templates:
        yield request
        return
    seen = set()
    for index in range(max(len(each.filled) for each in request.templates.values()) or 1):
        texts = tuple(each.filled[index] for each in request.templates.values() if index < len(each.filled))
        if texts not in seen:
            seen.add(texts)
            yield with_prompts(request, index)


def same_prompts(request: GenerationRequest, one: int, other: int) -> bool:
    """Whether two pictures of a job have the same prompts."""
    return all(max(one, other) >= len(each.filled) or each.filled[one] == each.filled[other] for each in request.templates.values())
