"""What a picture that went through Extras says of itself: all that it said before, and what was done to it since."""

import json
from dataclasses import dataclass
from typing import Any

from webui.core.finish import GrainStep
from webui.core.request import MAX_SEED, ResolvedRequest
from webui.images import text_chunks
from webui.images.dialects import adetailer
from webui.images.dialects.infotext import read_infotext, read_pairs
from webui.images.dialects.postprocessing import CHUNKS, FINISH, KEYS, pairs_of
from webui.images.metadata import GenerationInfo, ImageMetadata, read_metadata, texts_encoder
from webui.images.parameters import pairs_text
from webui.images.store import Encode

_BLOCKS = ("Raw profile type", "XML:")
"""Texts that are whole blocks of EXIF or XMP: they say how the source's pixels are turned, and the result's are upright."""


@dataclass(frozen=True)
class Added:
    """What a job of Extras adds: its request, which of its pictures this is, that picture's seed, and how it was made."""

    request: ResolvedRequest
    index: int
    seed: int
    info: GenerationInfo


def extras_encoder(source: bytes, added: Added) -> Encode:
    """How `ImageStore.save` writes the result for the picture file `source`."""
    reading, said = read_metadata(source), text_chunks.read_texts(source).found
    texts = {name: text for name, text in said.items() if name != text_chunks.OWN and not name.startswith(_BLOCKS)}
    steps = [_seeded(step, added.seed) for step in added.request.model_dump(mode="json")["finish"]]
    earlier = list(reading.fields.get("finish") or ()) if reading is not None else []
    request = _request(reading, added, [*earlier, *steps])
    facts = added.info.model_dump(mode="json", exclude_defaults=True)
    own = {"request": request, "index": 0, "place": added.index, "source": added.request.inputs[added.index], "facts": facts}
    done = pairs_text(pairs_of(added.request.finish))
    texts[CHUNKS[0]] = ", ".join(part for part in (texts.get(CHUNKS[0], ""), done) if part)
    if parameters := texts.get(text_chunks.PARAMETERS):
        chain = ResolvedRequest.model_validate(dict(added.request) | {"finish": request["finish"][-20:]}).finish
        texts[text_chunks.PARAMETERS] = _with_pairs(parameters, pairs_text(pairs_of(chain)))
    texts[text_chunks.OWN] = json.dumps(own, ensure_ascii=False, separators=(",", ":"))
    return texts_encoder(texts)


def seed_inside(source: bytes, otherwise: int) -> int:
    """The seed that a picture file was made with."""
    reading = read_metadata(source)
    seed = reading.fields.get("seed") if reading is not None else None
    return seed if isinstance(seed, int) and 0 <= seed <= MAX_SEED else otherwise


def notes_inside(data: bytes) -> tuple[str, ...]:
    """What a picture file says of itself that its user should know: it holds for what is made of it, too."""
    reading = read_metadata(data)
    found = reading.facts.get("notes") if reading is not None else None
    return tuple(note for note in found if isinstance(note, str)) if isinstance(found, list) else ()


def _seeded(step: dict[str, Any], seed: int) -> dict[str, Any]:
    """Grain with the seed that it was drawn from: the source's own request has another one."""
    return step | {"seed": seed} if step["kind"] == GrainStep.model_fields["kind"].default and step["seed"] < 0 else step


def _request(reading: ImageMetadata | None, added: Added, chain: list[dict[str, Any]]) -> dict[str, Any]:
    """The request that makes the result: the source's own with the chain; of a picture that says nothing, this job's."""
    if reading is None:
        plain = {"mode": "extras", "inputs": [added.request.inputs[added.index]], "seed": added.seed}
        return plain | {"upscale_tile": added.request.upscale_tile, "upscale_overlap": added.request.upscale_overlap, "finish": chain}
    return {"mode": reading.mode, **reading.fields, "finish": chain}


def _with_pairs(text: str, pairs: str) -> str:
    """A parameters text with more pairs at the end of its line of pairs; as it was where it has none."""
    read, lines = read_infotext(text), text.rstrip().split("\n")
    kept = tuple((key, value) for key, value in read.pairs if key != FINISH and key not in KEYS and not adetailer.is_key(key))
    at = next((number for number, line in reversed([*enumerate(lines)]) if read.pairs and tuple(read_pairs(line)) == read.pairs), None)
    if at is None:
        return text
    lines[at] = f"{lines[at] if kept == read.pairs else pairs_text(kept)}, {pairs}"
    return "\n".join(lines)
