"""Draw Things: JSON in XMP, of which `v2` is the app's whole configuration."""

from collections.abc import Iterator, Mapping
from typing import Any

from webui.images.dialects import Chunks, ParsedMetadata
from webui.images.dialects.names import file_stem, sampler_fields
from webui.images.dialects.plain_text import DRAW_THINGS
from webui.images.dialects.values import (
    ELSEWHERE,
    NUMBER,
    TEXT,
    Kinds,
    json_object,
    left_over,
    listed,
    same_noise,
    size_of,
    typed,
    weight_of,
    with_loras,
)

_FIELDS = {"c": "prompt", "uc": "negative_prompt", "scale": "guidance", "seed": "seed", "steps": "steps"}
_KNOWN = {*_FIELDS, "model", "sampler", "size", "strength", "lora", "v2", "seed_mode", "profile"}
_KINDS: Kinds = {
    **dict.fromkeys((*_FIELDS, "strength"), NUMBER),
    **dict.fromkeys(("c", "uc", "sampler", "model"), TEXT),
    "size": (str, list),
    "lora": (list,),
    "v2": (dict,),
}
_TOLD = ("width", "height", "seed", "steps", "guidanceScale", "strength", "model", "sampler", "loras", "seedMode", "id", "name")
"""What `v2` says again of what stands beside it."""
_READ = ("clipSkip", "hiresFix", "hiresFixWidth", "hiresFixHeight", "hiresFixStrength", "batchSize")
_WHOLE_KINDS: Kinds = {
    **dict.fromkeys(("clipSkip", "hiresFixWidth", "hiresFixHeight", "batchSize"), (int,)),
    "hiresFix": (bool, int),
    "hiresFixStrength": (int, float),
}
_USUAL: Mapping[str, Any] = {
    "aestheticScore": 6, "batchCount": 1, "clipWeight": 1, "cropLeft": 0, "cropTop": 0, "guidanceEmbed": 3.5, "imageGuidanceScale": 1.5,
    "imagePriorSteps": 5, "maskBlur": 1.5, "maskBlurOutset": 0, "negativeAestheticScore": 2.5, "negativePromptForImagePrior": True,
    "preserveOriginalAfterInpaint": True, "resolutionDependentShift": True, "sharpness": 0, "shift": 1, "speedUpWithGuidanceEmbed": True,
    "stochasticSamplingGamma": 0.3, "t5TextEncoder": True, "t5TextEncoderDecoding": True, "upscalerScaleFactor": 0, "cfgZeroInitSteps": 0,
    "causalInference": 0, "causalInferencePad": 0,
}  # fmt: skip
"""What it says where nothing was changed."""
_WITH = {
    "refinerStart": "refinerModel",
    **dict.fromkeys(("decodingTileWidth", "decodingTileHeight", "decodingTileOverlap"), "tiledDecoding"),
    **dict.fromkeys(("diffusionTileWidth", "diffusionTileHeight", "diffusionTileOverlap"), "tiledDiffusion"),
    **dict.fromkeys(("teaCacheStart", "teaCacheEnd", "teaCacheThreshold", "teaCacheMaxSkipSteps"), "teaCache"),
}
"""Settings of something, which say nothing while that is off."""
_VIDEO = ("fps", "motionScale", "numFrames", "guidingFrameNoise", "startFrameGuidance")
_SIZES = (
    *("originalImageWidth", "originalImageHeight", "targetImageWidth", "targetImageHeight"),
    *("negativeOriginalImageWidth", "negativeOriginalImageHeight"),
)


def read(chunks: Chunks) -> ParsedMetadata | None:
    """Read Draw Things's JSON, which XMP holds as the user comment."""
    values = json_object(chunks.get("XMP UserComment", "")) or json_object(chunks.get("parameters", ""))
    if values is None or not {"c", "sampler"} <= values.keys():
        return None
    values, lines = typed(values, _KINDS)
    fields = {name: values[key] for key, name in _FIELDS.items() if values.get(key) is not None}
    fields |= ELSEWHERE | (size := size_of(values.get("size", ""))) | sampler_fields(values.get("sampler", ""))
    fields["checkpoint"] = file_stem(model) if (model := values.get("model")) else None
    lines += DRAW_THINGS.of(fields)
    fields["prompt"] = with_loras(fields.get("prompt"), list(_loras(values, lines)))
    lines += left_over(values, _KNOWN) + left_over({"size": values.get("size")} if not size else {}, ())
    strength = weight_of(values.get("strength"))
    if strength is None:
        lines += left_over({"strength": values.get("strength")}, ())
    if strength is not None and strength < 1:
        fields["strength"] = strength
    fields |= _whole(values.get("v2", {}), fields, lines)
    return ParsedMetadata("Draw Things", fields, tuple(lines), "img2img" if "strength" in fields else "txt2img")


def _whole(told: Mapping[str, Any], fields: Mapping[str, Any], lines: list[str]) -> dict[str, Any]:
    """What the configuration says besides; `lines` gets what has no place."""
    whole, wrong = typed(told, _WHOLE_KINDS)
    lines += [f"v2.{line}" for line in wrong]
    found: dict[str, Any] = {"clip_skip": skip} if (skip := whole.get("clipSkip", 0)) > 1 else {}
    if (together := whole.get("batchSize", 1)) > 1:
        found["batch_size"] = together
        lines += same_noise("Draw Things", together)
    if whole.get("hiresFix"):
        first = [whole.get(key) for key in ("hiresFixWidth", "hiresFixHeight")]
        if all(first) and {"width", "height"} <= fields.keys() and "strength" not in fields:
            found |= {"hires.width": fields["width"], "hires.height": fields["height"], "width": first[0], "height": first[1]}
            found |= {"hires.strength": whole.get("hiresFixStrength", 0.7), "hires.upscaler": "Latent"}
        else:
            fix = {key: value for key, value in whole.items() if key.startswith("hiresFix")}
            lines += [f"v2.{line}" for line in left_over(fix, ())]
    off = {key for key, switch in _WITH.items() if not told.get(switch)}
    sizes = {value for key in ("width", "height") if (value := fields.get(key)) is not None} | {0}
    rest = {
        key: value
        for key, value in whole.items()
        if key not in off and not (key in _USUAL and _USUAL[key] == value) and not (key in _SIZES and value in sizes)
    }
    lines += [f"v2.{line}" for line in left_over(rest, {*_TOLD, *_READ, *_VIDEO})]
    return found


def _loras(values: Mapping[str, Any], lines: list[str]) -> Iterator[tuple[str, Any]]:
    """Names and weights; `lines` gets what is neither."""
    for each in listed(values.get("lora")):
        told = each if isinstance(each, dict) else {}
        name, weight = told.get("model"), weight_of(told.get("weight"))
        if isinstance(name, str) and name and weight is not None:
            yield name, weight
        else:
            lines += left_over({"LoRA": each}, ())
