"""ComfyUI: the graph that a picture holds, followed from the node that saved it back to what it was made of."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from webui.core.finish import named_factor
from webui.images.dialects import Chunks, ParsedMetadata, short
from webui.images.dialects.comfyui_graph import Graph, Link, Node, TooLarge, Walk, read_graph
from webui.images.dialects.comfyui_models import Chain, chain_of, lora_tags, vae_of
from webui.images.dialects.comfyui_nodes import LATENT_UPSCALERS, LATENTS, PIXEL_UPSCALERS, PLAIN, UPSCALES
from webui.images.dialects.comfyui_sampler import Sampling, is_sampler, refiner_of, sampling_of
from webui.images.dialects.comfyui_text import Words, words_of
from webui.images.dialects.comfyui_values import number_of, text_of
from webui.images.dialects.names import file_stem
from webui.images.dialects.values import same_noise

Mode = Literal["txt2img", "img2img", "inpaint"]
_IMAGE = re.compile(r"(?:base_|input_)?(?:image|images|samples|latent|pixels|source|destination|any)(?:_?\w{1,4})?$")
GOES_ON = "goes on where the first sampler stops"
"""What is said of a second sampler that is neither a second pass nor a refiner."""
_SECOND, _GUIDED = "Model of the second pass", "What changes guidance and the network"
_INPAINTS = ("VAEEncodeForInpaint", "SetLatentNoiseMask", "InpaintModelConditioning", "INPAINT_VAEEncodeInpaintConditioning")


@dataclass
class Pass:
    """One sampler on the way, and the nodes between it and the next one, or the file."""

    node: Node
    after: list[Node]


@dataclass
class Way:
    """The way from a saved picture back to its first latent: samplers, the last one first."""

    passes: list[Pass] = field(default_factory=list)
    vae: Link | None = None
    is_decoded: bool = False
    source: Node | None = None
    before: list[Node] = field(default_factory=list)
    mode: Mode = "txt2img"


def read(chunks: Chunks) -> ParsedMetadata | None:
    """Read the graph that ran (`prompt`); the editor's (`workflow`) only where that one is missing."""
    graph = read_graph(chunks.get("prompt", ""), chunks.get("workflow", ""))
    if not graph:
        return None
    walk = Walk(graph)
    try:
        way = _way(walk)
        if not way.passes:
            kinds = ", ".join(sorted({node.kind for node in graph.values()}))
            return ParsedMetadata("ComfyUI", {}, (short(f"the whole graph: none of its nodes is a sampler that is known ({kinds})"),))
        fields = _fields(walk, way)
    except TooLarge:
        return ParsedMetadata("ComfyUI", {}, ("the whole graph: it is too large, or goes in a circle",))
    mode = way.mode
    for line in same_noise("ComfyUI", fields.get("batch_size")):
        walk.note(line)
    if mode == "txt2img":
        strength = fields.pop("strength", 1)
        if strength < 1:
            walk.note(f"Denoising strength: {strength:g} on an empty latent")
    notes, embeddings = tuple(short(note, 300) for note in walk.notes), tuple(walk.embeddings)
    return ParsedMetadata("ComfyUI", fields, notes, mode, {"mask_blur": 0}, embeddings)


def _way(walk: Walk) -> Way:
    """The longest way that ends in a saved picture; without one, the longest that ends in a sampler."""
    ends = list(_ends(walk.graph))
    ways = [way for link in ends if (way := _back(walk, link)).passes]
    last = {way.passes[0].node.id for way in ways}
    if not ways:
        ways = [_back(walk, (node.id, 0)) for node in walk.graph.values() if is_sampler(node)]
        used = {each.node.id for way in ways for each in way.passes[1:]}
        last = {way.passes[0].node.id for way in ways} - used
    if not ways:
        return Way()
    way = max(ways, key=lambda way: len(way.passes))
    if len(last) > 1:
        walk.note(f"{len(last)} pictures come out of this graph: that of node {way.passes[0].node.id} is taken")
    return way


def _ends(graph: Graph) -> Iterator[Link]:
    """What is saved; what is only shown, where nothing is."""
    for word in ("save", "preview"):
        nodes = [node for node in graph.values() if word in node.kind.lower() and not is_sampler(node)]
        if links := [link for node in nodes if (link := node.link("images", "image")) is not None]:
            yield from links
            return


def _back(walk: Walk, link: Link | None) -> Way:
    """Walk from a picture to where its first latent comes from."""
    way, seen = Way(), set()
    between: list[Node] = []
    while (found := walk.at(link)) is not None and found[0].id not in seen:
        node, _ = found
        seen.add(node.id)
        if is_sampler(node):
            way.passes.append(Pass(node, between))
            between = []
            if way.vae is None:
                way.vae = node.link("optional_vae", "vae")
        elif node.kind.startswith("VAEDecode") and not way.passes:
            way.vae, way.is_decoded = node.link("vae"), True
        else:
            between.append(node)
        link = node.link(*LATENTS) or _other_image(node)
        if link is None:
            way.source = None if is_sampler(node) else node
    way.before = [node for node in between if node is not way.source]
    way.mode = _mode(way, between)
    return way


def _other_image(node: Node) -> Link | None:
    """An unknown node's picture or latent, by the names that such inputs have; the node itself is listed."""
    return next((value for name, value in node.inputs.items() if isinstance(value, tuple) and _IMAGE.match(name)), None)


def _mode(way: Way, before: list[Node]) -> Mode:
    """What the first latent is: empty, a picture, or a picture under a mask."""
    if any(node.kind in _INPAINTS for node in before):
        return "inpaint"
    encoded = any(node.kind.startswith("VAEEncode") for node in before)
    return "img2img" if encoded or (way.source is not None and "LoadImage" in way.source.kind) else "txt2img"


def _fields(walk: Walk, way: Way) -> dict[str, Any]:
    first = way.passes[-1]
    sampling = sampling_of(walk, first.node)
    fields = dict(sampling.fields) | _source(walk, way)
    positive = words_of(walk, sampling.positive, "Prompt")
    negative = words_of(walk, sampling.negative, "Negative prompt") if sampling.has_negative else Words(("",))
    model = chain_of(walk, sampling.model, "model")
    clip = chain_of(walk, positive.clip, "clip") if positive and positive.clip else None
    fields |= _models(walk, way, model, clip)
    tags = lora_tags(model, clip)
    if positive is not None or tags:
        fields["prompt"] = " ".join([*([positive.prompt] if positive and positive.prompt else []), *tags])
    if negative is not None:
        fields["negative_prompt"] = ", ".join(branch for branch in negative.branches if branch)
        if len(negative.branches) > 1:
            walk.note("Negative prompt: node ConditioningCombine, its texts stand side by side")
        _compare(walk, clip, negative)
    _later(walk, way, sampling, model, fields)
    kept = {key: value for key, value in fields.items() if value is not None}
    return kept | {"noise_source": "cpu", "emphasis": "No norm"}


def _models(walk: Walk, way: Way, model: Chain, clip: Chain | None) -> dict[str, Any]:
    if clip and clip.checkpoint and model.checkpoint and clip.checkpoint != model.checkpoint:
        walk.note(f"Text encoder: that of the checkpoint {clip.checkpoint}")
    return {
        "checkpoint": model.checkpoint,
        "vae": vae_of(walk, way.vae, model.checkpoint) if way.vae or way.is_decoded else None,
        "clip_skip": clip.clip_skip if clip and clip.clip_skip > 1 else None,
        **model.guidance,
    }


def _compare(walk: Walk, clip: Chain | None, negative: Words) -> None:
    """Say where the negative prompt's text encoder is not the prompt's: a request has one."""
    if clip is None or negative.clip is None or not any(negative.branches):
        return
    other = chain_of(walk, negative.clip, "clip")
    if (other.clip_skip, other.loras) != (clip.clip_skip, clip.loras):
        walk.note("Negative prompt: its text encoder has another clip skip or other LoRAs")


def _source(walk: Walk, way: Way) -> dict[str, Any]:
    """Size and batch of an empty latent; what was done to the start picture is said."""
    found: dict[str, Any] = {}
    for node in way.before:
        if node.kind == "RepeatLatentBatch":
            found["batch_size"] = number_of(walk, node.inputs.get("amount"), "Batch size")
        elif node.kind not in (*PLAIN, *_INPAINTS[1:]):
            walk.note(f"node {node.kind}")
    source = way.source
    if source is None:
        walk.note(f"{'Size' if way.mode == 'txt2img' else 'Start picture'}: the first latent is not linked")
        return found
    width, height = (source.inputs.get(key, source.inputs.get(f"empty_latent_{key}")) for key in ("width", "height"))
    if way.mode == "txt2img" and width is not None and height is not None:
        found |= {"width": number_of(walk, width, "Width"), "height": number_of(walk, height, "Height")}
        size = number_of(walk, source.inputs.get("batch_size", 1), "Batch size")
        found["batch_size"] = size if not found.get("batch_size") else found["batch_size"] * (size or 1)
    elif "LoadImage" not in source.kind:
        walk.note(f"{'Start picture' if way.mode != 'txt2img' else 'Size'}: comes from node {source.kind}")
    return found


def _later(walk: Walk, way: Way, first: Sampling, model: Chain, fields: dict[str, Any]) -> None:
    """The second pass as Hires. fix; later ones, and what is done to the finished picture, are said."""
    last = way.passes[0]
    for node in last.after:
        if node.kind not in PLAIN:
            walk.note(f"node {node.kind}")
    if len(way.passes) == 1:
        return
    for extra in way.passes[:-2]:
        walk.note(f"node {extra.node.kind}: a pass after the second")
        for node in way.passes[way.passes.index(extra) + 1].after:
            if node.kind not in PLAIN:
                walk.note(f"node {node.kind}")
    second, between = sampling_of(walk, way.passes[-2].node), way.passes[-1].after
    if not any(node.kind in UPSCALES for node in between) and not second.adds_noise:
        other = chain_of(walk, second.model, "model", _SECOND)
        name = other.checkpoint
        if other.parts:
            walk.note(f"{_GUIDED}: the refiner's is left out")
        if name and len(way.passes) == 2 and (refiner := refiner_of(walk, way.passes[-2].node, first, second)) is not None:
            fields |= {"refiner_checkpoint": name, **refiner}
            return
        walk.note(f"node {way.passes[-2].node.kind}: {GOES_ON}, with checkpoint {name}; what it does is left out")
        return
    if way.mode != "txt2img":
        walk.note(f"node {way.passes[-2].node.kind}: a second pass over a picture made from another")
        return
    fields |= {f"hires.{key}": value for key, value in _hires(walk, between, first, second).items() if value is not None}
    _differences(walk, first, second, model, fields)


def _hires(walk: Walk, between: list[Node], first: Sampling, second: Sampling) -> dict[str, Any]:
    """The second pass's own values; what is like the first's stays empty."""
    ours, theirs = second.fields, first.fields
    found = {key: ours.get(key) for key in ("sampler", "schedule", "guidance") if ours.get(key) != theirs.get(key)}
    found |= {"steps": ours.get("steps"), "strength": ours.get("strength"), "upscaler": "Latent"}
    for node in between:
        if node.kind not in (*UPSCALES, *PLAIN):
            walk.note(f"node {node.kind}")
        if (name := _upscaler(walk, node)) and found["upscaler"] == "Latent":
            found["upscaler"] = name
    return found | _enlarged(walk, between)


def _enlarged(walk: Walk, between: list[Node]) -> dict[str, Any]:
    """The second pass's size, or by how much it is larger; the node nearest to the second pass comes first."""
    scale: float | None = 1.0
    for node in between:
        if node.kind in ("LatentUpscale", "ImageScale") and scale == 1:
            return {key: number_of(walk, node.inputs.get(key), f"Hires {key}") for key in ("width", "height")}
        factor: float | None = 1.0
        if "scale_by" in node.inputs:
            factor = number_of(walk, node.inputs["scale_by"], "Upscale by")
        elif node.kind == "ImageUpscaleWithModel":
            factor = named_factor(_model_name(walk, node))
        scale = None if scale is None or factor is None else scale * factor
    if scale is None:
        walk.note("Upscale by: the upscaler's own factor, which is not told")
    return {"scale": scale}


def _upscaler(walk: Walk, node: Node) -> str | None:
    """The name of the upscaler that a node is; None for one that is none."""
    if node.kind == "ImageUpscaleWithModel":
        return file_stem(_model_name(walk, node)) or None
    method = str(node.inputs.get("upscale_method"))
    names = LATENT_UPSCALERS if node.kind.startswith("LatentUpscale") else PIXEL_UPSCALERS if node.kind.startswith("ImageScale") else {}
    if names and method not in names:
        walk.note(f"Upscaler: {method} of node {node.kind}")
    return names.get(method)


def _model_name(walk: Walk, node: Node) -> str:
    loader = walk.at(node.link("upscale_model"))
    return (text_of(walk, loader[0].inputs.get("model_name"), "Upscaler") if loader else "") or ""


def _differences(walk: Walk, first: Sampling, second: Sampling, model: Chain, fields: dict[str, Any]) -> None:
    """What a second pass cannot have of its own is said; its prompts can."""
    if second.fields.get("seed") != first.fields.get("seed"):
        walk.note(f"Seed of the second pass: {second.fields.get('seed')}")
    if second.model != first.model:
        other = chain_of(walk, second.model, "model", _SECOND)
        if other.checkpoint and (other.checkpoint, other.loras) != (model.checkpoint, model.loras):
            walk.note(f"{_SECOND}: {other.checkpoint}")
        if other.guidance != model.guidance:
            walk.note(f"{_GUIDED}: the first pass's holds for the second")
    for key, link, ours in (("prompt", second.positive, first.positive), ("negative_prompt", second.negative, first.negative)):
        if link != ours and (words := words_of(walk, link, f"Hires {key.replace('_', ' ')}")) is not None:
            prompt = words.prompt if key == "prompt" else ", ".join(filter(None, words.branches))
            if prompt and prompt != fields.get(key):
                fields[f"hires.{key}"] = prompt
