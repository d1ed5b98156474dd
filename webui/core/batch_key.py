"""Which jobs may share a batch: those whose requests give the same key. Torch-free, so that web can choose by it."""

import hashlib
import json
import re

from webui.core.finish import details_of
from webui.core.pictures import distinct
from webui.core.request import ResolvedRequest

PATCHING = ("freeu", "hrfix", "token_merging")
"""Parts that change the network for a job's own calls, which therefore go with no other's unless they change it alike."""
_TAG = re.compile(r"<[^<>:]+:[^<>]*>")


def batch_key(request: ResolvedRequest) -> str:
    """Return what jobs must have in common to share a batch (model, adapters, changes of the network, latent size, precision).

    "" is a job that must run alone.

    Adapters are compared as the tags are written. A second pass whose own prompt asks for others would change the weights under the
    neighbours, so such a job is alone.
    """
    tags, second_tags = _TAG.findall(request.prompt), _second_tags(request)
    if request.mode == "extras" or request.deterministic or request.others:
        return ""
    if tags != second_tags or not _same_tags(request) or not _details_fit(request, tags) or _area_tags(request):
        return ""
    patches = {name: part.model_dump() for name in PATCHING if (part := getattr(request, name)) is not None}
    shared: list[object] = [
        request.checkpoint,
        request.vae,
        request.text_encoder,
        request.width,
        request.height,
        request.dtype,
        request.tiling,
        tags,
    ]
    shared += [patches] if patches else []
    return hashlib.sha256(json.dumps(shared).encode()).hexdigest()[:16]


def _details_fit(request: ResolvedRequest, tags: list[str]) -> bool:
    """Whether all parts that are painted again take the job's own model and adapters."""
    steps = details_of(request.finish)
    return all(not step.checkpoint and (not step.prompt or _TAG.findall(step.prompt) == tags) for step in steps)


def _area_tags(request: ResolvedRequest) -> bool:
    """Whether parts of the picture ask for adapters of their own."""
    return request.regions is not None and any(_TAG.search(area.prompt) for area in request.regions.areas)


def _same_tags(request: ResolvedRequest) -> bool:
    """Whether all its pictures ask for the same adapters."""
    first = (_TAG.findall(request.prompt), _second_tags(request))
    return all((_TAG.findall(each.prompt), _second_tags(each)) == first for each in distinct(request))


def _second_tags(request: ResolvedRequest) -> list[str]:
    own = request.hires.prompt if request.hires is not None else ""
    return _TAG.findall(own or request.prompt)
