"""Metadata as strangers write it, at random: texts of many programs with parts changed, cut, doubled and replaced by nonsense."""

import copy
import gzip
import io
import json
import random
import time
from typing import Any

import numpy as np
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from webui.core.request import GenerationRequest
from webui.errors import RequestError
from webui.images.metadata import read_metadata
from webui.ui.fields import to_values
from webui.ui.known import NameMatcher

SECONDS = 20.0
"""Of computing that one case may take at most; a usual one takes a few milliseconds."""
_HASH = "0" * 64
_KNOWN = NameMatcher({"sampler": ["Euler"], "checkpoint": ["a"]}, frozenset(), lambda digest: None, lambda name, digest: False)
_LINE = 'Steps: 7, Sampler: Euler a, CFG scale: 5, Seed: 123, Size: 128x192, Model: a, Hashes: {"model": "01"}, VAE: "b, c"'
_OLD = ", Denoising strength: 0.7, First pass size: 0x0, Hires upscale: 2, Mask blur: 4, Clip skip: 2, Lora weights: a: 1\nTemplate: x"


def _node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


_GRAPH = {
    "1": _node("CheckpointLoaderSimple", ckpt_name="a.safetensors"),
    "2": _node("CLIPTextEncode", text=["8", 0], clip=["9", 1]),
    "3": _node("ConditioningCombine", conditioning_1=["2", 0], conditioning_2=["10", 0]),
    "4": _node("EmptyLatentImage", width=128, height=192, batch_size=1),
    "5": _node("KSampler", seed=3, steps=7, cfg=5.0, sampler_name="euler", scheduler="karras", denoise=1.0, model=["9", 0],
               positive=["3", 0], negative=["10", 1], latent_image=["4", 0]),
    "6": _node("VAEDecode", samples=["12", 0], vae=["1", 2]),
    "7": _node("SaveImage", images=["6", 0]),
    "8": _node("StringConcatenate", string_a="a fox", string_b=["8", 0], delimiter=", "),
    "9": _node("LoraLoader", lora_name="b.pt", strength_model=0.5, strength_clip=1, model=["1", 0], clip=["1", 1]),
    "10": _node("ControlNetApplyAdvanced", positive=["2", 0], negative=["11", 0]),
    "11": _node("ConditioningZeroOut", conditioning=["2", 0]),
    "12": _node("KSamplerAdvanced", noise_seed=3, steps=7, cfg=5.0, sampler_name="dpmpp_2m", scheduler="normal", start_at_step=2,
                end_at_step=7, add_noise="enable", model=["9", 0], positive=["2", 0], negative=["11", 0], latent_image=["13", 0]),
    "13": _node("LatentUpscaleBy", samples=["5", 0], upscale_method="bislerp", scale_by=1.5),
}  # fmt: skip
_WORKFLOW = {
    "nodes": [
        {"id": 1, "type": "KSampler", "mode": 0, "widgets_values": [3, "fixed", 7, 5, "euler", "normal", 1],
         "inputs": [{"name": "positive", "type": "CONDITIONING", "link": 1}]},
        {"id": 2, "type": "CLIPTextEncode", "mode": 4, "widgets_values": ["a"], "inputs": [{"name": "clip", "link": 2}],
         "outputs": [{"type": "CONDITIONING"}]},
        {"id": 3, "type": "GetNode", "widgets_values": ["x"]}, {"id": 4, "type": "SetNode", "widgets_values": ["x"]},
    ],
    "links": [[1, 2, 0, 1, 0, "CONDITIONING"], {"id": 2, "origin_id": 3, "origin_slot": 0}],
}  # fmt: skip
_INVOKE = {
    "positive_prompt": "a", "negative_prompt": "b", "scheduler": "euler_k", "model": {"name": "a", "hash": "c"}, "steps": 3, "seed": 4,
    "loras": [{"model": {"name": "x"}, "weight": 0.5}], "clip_skip": 0, "vae": {"name": "v"}, "strength": 0.5, "init_image": "i.png",
}  # fmt: skip
_FOOOCUS = {
    "base_model": "a", "sampler": "dpmpp_2m", "scheduler": "karras", "full_prompt": ["a", "b"], "loras": [["x", 0.5, "01"]], "steps": 3,
    "resolution": "(128, 192)", "vae": "Default (model)", "seed": "5", "lora_combined_1": "a : 1", "styles": "[]",
}  # fmt: skip
_SWARM = {"sui_image_params": {"prompt": "a", "sampler": "euler", "loras": ["x"], "loraweights": ["1"], "clipstopatlayer": -2, "steps": 3}}
_NOVEL = {"sampler": "k_euler", "uc": "b", "steps": 3, "scale": 5.0, "v4_prompt": {"caption": {"char_captions": [{"char_caption": "c"}]}}}
_OLDER = {"model_weights": "a", "image": {"prompt": [{"prompt": "a [b]", "weight": 1}], "sampler": "k_lms", "steps": 3, "seed": 1}}
_EASY = {"use_stable_diffusion_model": "a", "sampler_name": "euler", "use_lora_model": ["x"], "lora_alpha": ["1"], "clip_skip": True}
_DRAWN = {"c": "a", "uc": "b", "sampler": "Euler A", "size": "128x192", "lora": [{"model": "x", "weight": 1}], "strength": 0.5}
SAMPLES: tuple[dict[str, Any], ...] = (
    {"parameters": f"a red apple\nNegative prompt: blurry\n{_LINE}"},
    {"parameters": f"a red apple\n{_LINE}{_OLD}", "fooocus_scheme": "a1111"},
    {"prompt": _GRAPH, "workflow": _WORKFLOW},
    {"prompt": _GRAPH},
    {"workflow": _WORKFLOW},
    {"invokeai_metadata": _INVOKE},
    {"sd-metadata": _OLDER},
    {"Dream": '"a fox [blurry]" -s 30 -S 12 -W 512 -C 7.5 -A k_euler_a -f 0.5 -I x'},
    {"parameters": _FOOOCUS},
    {"parameters": _SWARM},
    {"Comment": _NOVEL, "Description": "a", "Source": "NovelAI 01234567"},
    {"parameters": _EASY},
    {"XMP UserComment": _DRAWN, "parameters": _DRAWN},
    {"darkroom": {"request": {"prompt": "a", "steps": 3, "hires": {}}, "index": 0, "facts": {"job_id": "j"}}},
)


def metadata(rng: random.Random) -> None:
    """Read one picture with changed texts, and go on with what was read as the page and `generate --from` do.

    Raises whatever they raise, and `AssertionError` for an answer that is no request, is no JSON, or took too long.
    """
    texts = {key: _text(value, rng) for key, value in copy.deepcopy(rng.choice(SAMPLES)).items()}
    if rng.random() < 0.1:
        texts |= {key: _text(value, rng) for key, value in copy.deepcopy(rng.choice(SAMPLES)).items()}
    data = rng.choice((_png, _png, _png, _comment, _stealth))(texts, rng)
    began = time.process_time()
    reading = read_metadata(data)
    if reading is not None:
        try:
            request = reading.request({"init": _HASH, "mask": _HASH})
        except RequestError as error:
            raise AssertionError(f"what was read is no request: {error}") from error
        assert isinstance(request, GenerationRequest)
        assert not any(line.startswith("all of its metadata") for line in reading.unmapped), reading.unmapped
        placed, missing = _KNOWN.match_fields(reading.fields)
        shown, told = _KNOWN.match(to_values(reading.fields), str(reading.fields.get("checkpoint") or ""))
        json.dumps([placed, missing, shown, told, reading.unmapped, reading.text], ensure_ascii=False, allow_nan=False).encode()
        assert all(len(line) < 1000 for line in reading.unmapped), "a line that is left out is too long to be read"
    assert time.process_time() - began < SECONDS, f"read for {time.process_time() - began:.1f} s"


def _nonsense(rng: random.Random) -> Any:
    """A value that has no business where it is put."""
    choices: tuple[Any, ...] = (
        None,
        True,
        -1,
        0,
        2**70,
        10**400,
        1e308,
        float("nan"),
        float("inf"),
        "",
        "None",
        [],
        {},
        "\ud83d",
        "\0x\u2028",
        "1e999",
        "²",
    )
    deep: Any = "x"
    for _ in range(rng.choice((1, 30, 400))):
        deep = [deep] if rng.random() < 0.5 else {"value": deep}
    links = [[str(rng.randrange(16)), rng.randrange(-1, 4)] for _ in range(2)]
    return rng.choice((*choices, deep, *links, "x" * rng.choice((10, 300_000)), {"name": "a"}, {"content": 3}, [["a", "b"]], "(" * 500))


def _changed(value: Any, rng: random.Random, share: float = 0.02) -> Any:
    """JSON with one place changed; `share` is how often that is the whole."""
    if rng.random() < share or not isinstance(value, (dict, list)) or not value:
        return _nonsense(rng)
    key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
    how = rng.random()
    if how < 0.1 and isinstance(value, dict):
        value[str(_nonsense(rng))[:50]] = value.pop(key)
    elif how < 0.2:
        del value[key]
    else:
        value[key] = _changed(value[key], rng, 0.2)
    return value


def _text(value: Any, rng: random.Random) -> str:
    if not isinstance(value, str):
        for _ in range(rng.choice((0, 1, 1, 2, 5))):
            value = _changed(value, rng)
        value = json.dumps(value)
    for _ in range(rng.choice((0, 0, 0, 0, 1, 3))):
        start, end = sorted(rng.randrange(len(value) + 1) for _ in range(2))
        middle = rng.choice(
            ("", value[start:end] * 2, '"', "{", "[" * 200, ": ", ", ", "\n", "Steps: 3, ", "Negative prompt:", str(_nonsense(rng)))
        )
        value = value[:start] + middle + value[end:]
    return str(value)[:2_000_000]


def _png(texts: dict[str, str], rng: random.Random) -> bytes:
    info, stream = PngInfo(), io.BytesIO()
    for key, text in texts.items():
        info.add_itxt(key, text.replace("\0", "").encode(errors="replace").decode(), zip=rng.random() < 0.2)
    Image.new("RGB", (8, 8)).save(stream, "PNG", pnginfo=info)
    return stream.getvalue()


def _comment(texts: dict[str, str], rng: random.Random) -> bytes:
    """EXIF's user comment in any encoding, whole or cut."""
    exif, stream = Image.Exif(), io.BytesIO()
    body = next(iter(texts.values())).encode(rng.choice(("utf-16-be", "utf-16-le", "utf-16", "utf-8")), errors="replace")[:60_000]
    head = rng.choice((b"UNICODE\0", b"ASCII\0\0\0", b"JIS\0\0\0\0\0", bytes(8), b""))
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = head + body[: rng.choice((len(body), rng.randrange(len(body) + 1)))]
    Image.new("RGB", (8, 8)).save(stream, rng.choice(("JPEG", "WEBP")), exif=exif)
    return stream.getvalue()


def _stealth(texts: dict[str, str], rng: random.Random) -> bytes:
    """A text in the lowest bits of alpha; its length may lie, its packing may be broken."""
    body = next(iter(texts.values())).encode(errors="replace")[:2000]
    packed = rng.random() < 0.5
    payload = gzip.compress(body) if packed else body
    if rng.random() < 0.3:
        payload = payload[: rng.randrange(len(payload) + 1)]
    length = len(payload) * 8 if rng.random() < 0.7 else rng.randrange(2**32)
    whole = (b"stealth_pngcomp" if packed else b"stealth_pnginfo") + length.to_bytes(4, "big") + payload
    pixels = np.full((160, 160, 4), 255, np.uint8)
    bits = np.unpackbits(np.frombuffer(whole, np.uint8))
    plane = pixels[:, :, 3].T.reshape(-1).copy()
    plane[: len(bits)] = plane[: len(bits)] & 254 | bits
    pixels[:, :, 3] = plane.reshape(160, 160).T
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()
