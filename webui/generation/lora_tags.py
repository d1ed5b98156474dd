"""What a `<lora:…>` tag asks for."""

import re
from collections.abc import Iterator

from webui.models.adapters import ALWAYS, LoraUse, StepRange
from webui.models.block_weights import read_blocks
from webui.prompts import Tag

_KNOWN = {"te", "unet", "dyn", "lbw", "lbwe", "start", "stop", "step"}
"""A1111's, and those of sd-webui-lora-block-weight."""


def use_of(tag: Tag) -> LoraUse:
    """The file, strengths, block weights and steps of a tag; what cannot be read of the last two is left out."""
    blocks = tag.block_weights if read_blocks(tag.block_weights, "") is not None else ""
    return LoraUse(tag.name, tag.te_weight, tag.unet_weight, blocks, _steps(tag) or ALWAYS)


def misread_in(tag: Tag) -> Iterator[str]:
    """Sentences about what cannot be read of a tag."""
    for text in tag.unread_weights:
        meant = f" Write {text.replace(',', '.')}." if re.fullmatch(r"-?\d*,\d+", text) else ""
        yield f"LoRA {tag.name!r}: the weight {text[:30]!r} is no number, so 1 was used.{meant}"
    for key in tag.named.keys() - _KNOWN:
        yield f"LoRA {tag.name!r}: {f'{key}={tag.named[key]}'[:40]!r} is not known here and was left out."
    if tag.block_weights and read_blocks(tag.block_weights, "") is None:
        said = "They are 12, 17, 20 or 26 numbers, or the name of a preset such as ALL, MIDD or OUTALL."
        yield f"LoRA {tag.name!r}: the block weights {tag.block_weights[:60]!r} were left out. {said}"
    if _steps(tag) is None:
        start, stop = tag.steps
        said = "They are numbers of steps, or parts of the run between 0 and 1."
        yield f"LoRA {tag.name!r}: its steps {start[:30]!r} to {stop[:30]!r} were left out. {said}"


def _steps(tag: Tag) -> StepRange | None:
    try:
        return StepRange.read(*tag.steps)
    except ValueError:
        return None
