"""A graph's pictures: those that it starts from, kept as uploads, and those that it ends in, made of what the sampler gave."""

import base64
import binascii
import io
from collections.abc import Mapping
from typing import Any

from PIL import Image

from webui.api.comfy.graphs import GraphError, Understood, invalid, wrong_input
from webui.api.comfy.kept import CACHE
from webui.api.comfy.pictures import LOADERS, CannotMake, Link, Pictures, behind
from webui.api.comfy.sent import End, Graphs, Sent
from webui.core.job import Job
from webui.core.record import ImageRecord
from webui.errors import NotFound, RequestError
from webui.gallery.service import Gallery
from webui.images.decode import as_png, read_image

_INSIDE = {"ETN_LoadImageBase64": "image", "ETN_LoadMaskBase64": "mask"}
CACHED = f" [{CACHE}]"
"""Behind the names of what was sent to /api/etn/image."""


def without_base64(graph: Mapping[str, Any], gallery: Gallery, owner: str) -> dict[str, Any]:
    """The graph with uploads for the pictures that are written into it. Raises `GraphError`, `RequestError`."""
    kept = dict(graph)
    for key, node in graph.items():
        name = _INSIDE.get(node["class_type"], "")
        text = node.get("inputs", {}).get(name)
        if name and isinstance(text, str):
            try:
                data = base64.b64decode(text.partition("base64,")[2] or text, validate=True)
            except (binascii.Error, ValueError):
                raise wrong_input(graph, key, name, "It must be a picture in base64.") from None
            try:
                sent = gallery.upload(data, owner)
            except RequestError as error:
                raise wrong_input(graph, key, name, error.message) from None
            kept[key] = {**node, "inputs": {**node["inputs"], name: f"{sent.id}.png"}}
    return kept


def start_images(meant: Understood, graph: Mapping[str, Any], gallery: Gallery, graphs: Graphs, owner: str) -> dict[str, Any]:
    """The request's fields of the pictures that a graph starts from. Raises `GraphError`, `RequestError`."""
    if meant.start is None:
        return {}
    made = _Files(gallery, graphs, graph, owner)
    image = made.at(meant.start)
    if meant.mode == "extras":
        chain = {"finish": meant.enlarged.steps} if meant.enlarged is not None else {}
        return {"inputs": [made.id_of(meant.start) or gallery.upload(as_png(image), owner).id], **chain}
    size = {"width": image.width // 8 * 8, "height": image.height // 8 * 8}
    fields = {"init": made.id_of(meant.start) or gallery.upload(as_png(image), owner).id, **size}
    if meant.mask is None:
        return fields
    mask = made.at(meant.mask)
    mask = mask if mask.size == image.size else mask.resize(image.size, Image.Resampling.BILINEAR)
    return {**fields, "mask": gallery.upload(as_png(mask), owner).id}


def loaded(graph: Mapping[str, Any], end: str, graphs: Graphs, owner: str) -> list[str]:
    """The ids of the pictures that an end of a graph is made of. Raises `RequestError` for one that was not sent."""
    return [graphs.id_of(owner, _name_of(graph[key])) for key in behind(graph, end) if graph[key]["class_type"] in LOADERS]


def finished(record: ImageRecord, sent: Sent, end: End, gallery: Gallery, graphs: Graphs) -> bytes | None:
    """The file of a picture that an end of its graph shows; None where nothing is done to what the job gave, or it cannot be."""
    if end.decoded is None:
        return None
    with Image.open(gallery.path(record)) as opened:
        opened.load()
        made = _Files(gallery, graphs, sent.graph, record.owner, {end.decoded[0]: opened.convert("RGB")})
    try:
        return encoded(made.at(sent.shown(end)), sent.format(end))
    except (GraphError, RequestError, NotFound):  # what it was made with is no longer there
        return None


def delivered(record: ImageRecord, sent: Sent, end: End, gallery: Gallery, graphs: Graphs) -> bytes:
    """The same for who gets it in a message: always a file, PNG unless the graph says JPEG."""
    if (made := finished(record, sent, end, gallery, graphs)) is not None:
        return made
    with Image.open(gallery.path(record)) as opened:
        opened.load()
        return encoded(opened, sent.format(end))


def all_delivered(job: Job, sent: Sent, end: End, gallery: Gallery, graphs: Graphs) -> list[bytes]:
    """Those of a job."""
    return [delivered(record, sent, end, gallery, graphs) for record in job.images]


def encoded(image: Image.Image, kind: str) -> bytes:
    """A file of these pixels, PNG or JPEG."""
    if kind != "JPEG":
        return as_png(image)
    stream = io.BytesIO()
    image.convert("RGB").save(stream, "JPEG", quality=95)
    return stream.getvalue()


def _name_of(node: Mapping[str, Any]) -> str:
    name = str(node.get("inputs", {}).get(LOADERS[node["class_type"]], ""))
    return name + CACHED if node["class_type"] == "ETN_LoadImageCache" else name


class _Files(Pictures):
    """A graph's pictures, its loaders' from the gallery."""

    def __init__(
        self, gallery: Gallery, graphs: Graphs, graph: Mapping[str, Any], owner: str, given: Mapping[str, Image.Image] | None = None
    ) -> None:
        super().__init__(graph, self._read, given)
        self._nodes, self._gallery, self._graphs, self._owner = graph, gallery, graphs, owner
        self._read_by: dict[str, Image.Image] = {}

    def at(self, link: Link) -> Image.Image:
        """What a link gives. Raises `GraphError`, `RequestError`, `NotFound`."""
        try:
            return super().at(link)
        except CannotMake as error:
            raise invalid(f"Node #{error.node[:50]}: {error.said}") from None

    def id_of(self, link: Link) -> str:
        """The upload that a link gives as it is; empty where it gives another picture."""
        read = self._read_by.get(link[0])
        if link[1] or read is None or read.mode != "RGB":
            return ""
        return self._graphs.id_of(self._owner, _name_of(self._nodes[link[0]]))

    def _read(self, key: str) -> Image.Image:
        path = self._gallery.path_by_id(self._graphs.id_of(self._owner, _name_of(self._nodes[key])))
        if key not in self._read_by:
            self._read_by[key] = read_image(path.read_bytes(), "image")
        return self._read_by[key]
