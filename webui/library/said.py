"""What a model file says of itself: in its header's metadata, and by the names and shapes of its tensors."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from webui.core.family import FamilySpec, Header, ModelFacts
from webui.core.foreign import shortened
from webui.core.names import printable
from webui.core.request import FrozenModel
from webui.library.control_kinds import adapter_family, control_sort
from webui.library.lora_keys import kind_of
from webui.library.models import embedding_width
from webui.library.plain_text import plain_text

LONGEST, LONGEST_TEXT = 200, 2000
MOST_WORDS, MOST_TAGS = 30, 20
_LONGEST_JSON = 20 * 2**20
_DTYPES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16", "F64": "float64", "F8_E4M3": "float8", "F8_E5M2": "float8"}
_WIDTHS = {768: "sd1", 1024: "sd2", 1280: "sdxl", 2048: "sdxl"}
"""How wide what a text encoder gives is, in each family."""
_ARCHITECTURES = (
    ("stable-diffusion-xl", "sdxl"),
    ("sdxl", "sdxl"),
    ("stable-diffusion-v1", "sd1"),
    ("stable-diffusion-v2", "sd2"),
    ("stable-diffusion-3", "sd3"),
    ("sd3", "sd3"),
    ("sd_v1", "sd1"),
    ("sd_v2", "sd2"),
    ("sd_1", "sd1"),
    ("sd_2", "sd2"),
    ("flux", "flux"),
    ("qwen", "qwen-image"),
    ("wan", "wan"),
    ("lumina", "lumina2"),
)
_CONTEXT = ("attn2_to_k.", "attn2.to_k.", "attn2_to_v.", "attn2.to_v.")
_SDXL_NAMES = ("lora_te2_", "text_encoder_2.", "lora_te1_")
_SECOND_BLOCK = ("transformer_blocks_1_", "transformer_blocks.1.")
"""A second transformer in one place of a UNet: SDXL alone has it."""
_UNET_PLACES = ("down_blocks", "input_blocks", "up_blocks", "output_blocks", "mid_block", "middle_block")
_TEXT_LAYER = re.compile(r"(?:lora_te|text_encoder)[._](?:text_model[._])?encoder[._]layers[._](\d{1,2})[._]")
_FLUX_NAMES = ("double_blocks", "single_blocks", "single_transformer_blocks")


class Said(FrozenModel):
    """`base` is the model it was made from or for, in words; `family` the name of the family that it fits, "" where nothing tells.

    `triggers` are words that call what was learned, `tags` the most frequent ones of the pictures it was trained on. `facts` are the sizes
    that the memory estimate takes.
    """

    title: str = ""
    author: str = ""
    licence: str = ""
    description: str = ""
    base: str = ""
    family: str = ""
    dtype: str = ""
    network: str = ""
    trained: str = ""
    triggers: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    facts: ModelFacts | None = None


def said_by(header: Header, kind: str, spec: FamilySpec) -> Said:
    """Read a header; whatever in it is not what it should be is left out."""
    told = header.metadata
    is_checkpoint = kind == "checkpoint"
    family = spec.name if is_checkpoint and spec.name != "unknown" else family_of(header, kind)
    facts = ModelFacts.of(header.shapes, spec, header.dtype).model_copy(update={"memory": None}) if is_checkpoint else None
    return Said(
        title=_text(told.get("modelspec.title")),
        author=_text(told.get("modelspec.author")),
        licence=_text(told.get("modelspec.license")),
        description=_text(plain_text(told.get("modelspec.description", "")), LONGEST_TEXT),
        base=_text(told.get("ss_sd_model_name") if not is_checkpoint else ""),
        family=family,
        dtype=_DTYPES.get(header.dtype, header.dtype.lower()),
        network=_network(header) if kind == "lora" else control_sort(header.shapes) if kind == "controlnet" else "",
        trained=_trained(told),
        triggers=words_of(told.get("modelspec.trigger_phrase", "")),
        tags=_frequent_tags(told.get("ss_tag_frequency", "")),
        facts=facts,
    )


def family_of(header: Header, kind: str) -> str:
    """The family that a LoRA, embedding or ControlNet fits: by what it says, else by its layers."""
    told = header.metadata
    for name in ("modelspec.architecture", "ss_base_model_version"):
        said = told.get(name, "").lower()
        if found := next((family for start, family in _ARCHITECTURES if said.startswith(start)), ""):
            return found
    if kind == "embedding":
        return "sdxl" if "clip_g" in header.shapes else _WIDTHS.get(embedding_width(header.shapes), "")
    if kind not in ("lora", "controlnet"):
        return ""
    if header.begins(*_SDXL_NAMES):
        return "sdxl"
    names = "\n".join(header.shapes)
    if any(mark in names for mark in _FLUX_NAMES):
        return "flux"
    return adapter_family(header.shapes) or _by_context(header.shapes) or _by_depth(header.shapes)


def _by_context(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """By the width of the text that cross attention reads: the second side of the matrix that it is multiplied by.

    LoKr's matrix is made of two, whose sides are multiplied.
    """
    for name, shape in shapes.items():
        if len(shape) >= 2 and name.endswith((".lokr_w1", ".lokr_w1_b")) and any(mark in name for mark in _CONTEXT):
            layer = name.rpartition(".")[0]
            second = next((shapes[f"{layer}.{part}"] for part in ("lokr_w2", "lokr_w2_b") if f"{layer}.{part}" in shapes), (0, 0))
            if len(second) >= 2 and (family := _WIDTHS.get(shape[1] * second[1])):
                return family
        is_first = "lora_up" not in name and "lora_B" not in name and ".up." not in name
        if len(shape) >= 2 and is_first and any(mark in name for mark in _CONTEXT) and (family := _WIDTHS.get(shape[1])):
            return family
    return ""


def _by_depth(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """By how many layers there are, where no width tells: OFT, IA3, and LoKr whose factors hide it."""
    if any(mark in name for name in shapes for mark in _SECOND_BLOCK if any(place in name for place in _UNET_PLACES)):
        return "sdxl"
    layers = [int(found[1]) for name in shapes if (found := _TEXT_LAYER.match(name))]
    return "" if not layers else "sd2" if max(layers) > 11 else "sd1"


def words_of(text: Any) -> tuple[str, ...]:
    """Trigger words from a text with commas, or from a list of texts; each once."""
    parts = text if isinstance(text, list) else [text]
    words = [word.strip() for part in parts if isinstance(part, str) for word in printable(part[:LONGEST_TEXT]).split(",")]
    return tuple(dict.fromkeys(word[:LONGEST] for word in words if word))[:MOST_WORDS]


def _text(value: Any, most: int = LONGEST) -> str:
    return in_lines(str(value), most) if value and str(value) != "None" else ""


def in_lines(text: str, most: int = LONGEST) -> str:
    """Somebody's text as it can be shown: cut where it is too long; a description keeps its lines."""
    lines = text.strip().splitlines() if most == LONGEST_TEXT else [text.strip()]
    return shortened("\n".join(printable(line) for line in lines), most)


def _network(header: Header) -> str:
    """The kind of LoRA, and its rank where its trainer said it."""
    kind = next((kind_of(name) for name in header.shapes if not name.endswith((".alpha", ".dora_scale"))), "")
    if kind == "plain LoRA" and any(name.endswith(".dora_scale") for name in header.shapes):
        kind = "DoRA"
    rank = header.metadata.get("ss_network_dim", "")
    return f"{kind}, rank {rank}" if rank.isdigit() and len(rank) < 6 else kind


def _trained(told: Mapping[str, str]) -> str:
    """What a LoRA was trained on, in a line."""
    names = (("ss_num_train_images", "{} pictures"), ("ss_num_epochs", "{} epochs"), ("ss_steps", "{} steps"), ("ss_resolution", "at {}"))
    return ", ".join(form.format(_text(told[name], 40)) for name, form in names if told.get(name) not in (None, "", "None"))


def _frequent_tags(text: str) -> tuple[str, ...]:
    """The most frequent tags of kohya's `ss_tag_frequency`: {folder: {tag: count}}."""
    if not text or len(text) > _LONGEST_JSON:
        return ()
    try:
        folders = json.loads(text)
        counts: Counter[str] = Counter()
        for tags in _tables(folders):
            for tag, count in tags.items():
                counts[tag] += count if isinstance(count, int) else 0
    except (ValueError, RecursionError, AttributeError):
        return ()
    return tuple(_text(tag.strip()) for tag, _ in counts.most_common(MOST_TAGS) if tag.strip())


def _tables(folders: Any) -> Iterable[dict[str, Any]]:
    return (tags for tags in folders.values() if isinstance(tags, dict))
