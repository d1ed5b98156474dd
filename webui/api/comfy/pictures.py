"""The pictures and masks that a graph makes without a model: from its loaders on, and of what comes from the sampler."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from PIL import Image, ImageOps

from webui.api.comfy.nodes import INPUTS
from webui.api.comfy.pixels import PIXELS, band

Link = tuple[str, int]
Load = Callable[[str], Image.Image]
"""Gives the file of a loader by its node's id, or raises."""
LOADERS: Mapping[str, str] = {
    "ETN_LoadImageBase64": "image",
    "ETN_LoadImageCache": "id",
    "ETN_LoadMaskBase64": "mask",
    "LoadImage": "image",
    "LoadImageMask": "image",
}
"""Nodes that load what was sent, and the input that names it."""
MOST = 128 * 2**20
"""Pixels that one graph may make in all."""


class CannotMake(Exception):
    """A node whose picture cannot be made: its id, and a sentence."""

    def __init__(self, node: str, said: str) -> None:
        super().__init__(said)
        self.node, self.said = node, said


def link_of(value: Any) -> Link | None:
    """A link to a node's output; None for a value."""
    linked = isinstance(value, list) and len(value) == 2 and isinstance(value[0], str | int) and isinstance(value[1], int)
    return (str(value[0]), value[1]) if linked else None


def behind(graph: Mapping[str, Any], start: str) -> Iterator[str]:
    """All nodes that a node is made of, itself first."""
    waiting, seen = [start], set[str]()
    while waiting:
        key = waiting.pop(0)
        if key not in seen:
            seen.add(key)
            yield key
            waiting += [link[0] for value in graph[key].get("inputs", {}).values() if (link := link_of(value)) is not None]


class Pictures:
    """A graph without loops, and what its links are as pictures. `load` gives a loader's file by its node's id, or raises.

    `given` are the pictures of links that something else makes: what the sampler has made.
    """

    def __init__(
        self, graph: Mapping[str, Any], load: Callable[[str], Image.Image], given: Mapping[str, Image.Image] | None = None
    ) -> None:
        self._graph, self._load = graph, load
        self._given = given or {}
        self._made: dict[Link, Image.Image] = {}
        self._pixels = 0

    def is_pure(self, link: Link | None) -> bool:
        """Whether it comes from loaders through nodes that need no model."""
        waiting, seen = [link], set[str]()
        while waiting:
            each = waiting.pop()
            kind = self._graph[each[0]]["class_type"] if each is not None and each[0] in self._graph else ""
            if each is None or kind not in (*PIXELS, *LOADERS, "Reroute", "UpscaleModelLoader"):
                return False
            if each[0] not in seen:
                seen.add(each[0])
                waiting += [onward for value in self._graph[each[0]].get("inputs", {}).values() if (onward := link_of(value))]
        return True

    def at(self, link: Link) -> Image.Image:
        """What a link gives. Raises `CannotMake`, and what `load` raises."""
        stack = [link]
        while stack:  # no recursion: a graph may be 500 nodes deep
            now = stack[-1]
            needed = [each for each in self._needed(now) if each not in self._made]
            if not needed:
                self._made[stack.pop()] = self._keep(now, self._make(now))
            elif len(stack) > len(self._graph) + 1:
                raise CannotMake(now[0], "It goes in a circle.")
            else:
                stack.append(needed[0])
        return self._made[link]

    def _needed(self, link: Link) -> list[Link]:
        node = self._graph[link[0]]
        if link[0] in self._given or node["class_type"] in LOADERS:
            return []
        links = [each for value in node.get("inputs", {}).values() if (each := link_of(value)) is not None]
        return [each for each in links if self._graph[each[0]]["class_type"] != "UpscaleModelLoader"]

    def _make(self, link: Link) -> Image.Image:
        key, slot = link
        node = self._graph[key]
        kind = node["class_type"]
        if key in self._given:
            return self._given[key]
        if kind in LOADERS:
            return _loaded(kind, slot, self._load(key), str(node.get("inputs", {}).get("channel", "alpha")))
        types = INPUTS.get(kind, {})
        inputs = {name: self._value(value, types.get(name, "")) for name, value in node.get("inputs", {}).items()}
        if kind == "Reroute":
            return next(value for value in inputs.values() if isinstance(value, Image.Image))
        if kind not in PIXELS:
            raise CannotMake(key, f"{kind} needs a model, and makes no picture to start from.")
        try:
            return PIXELS[kind][1](inputs)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise CannotMake(key, f"{kind} cannot make this picture: {_why(error)}") from None

    def _value(self, value: Any, kind: str) -> Any:
        link = link_of(value)
        if link is None:
            return float(value) if kind in ("INT", "FLOAT") else value
        loader = self._graph[link[0]]
        return str(loader.get("inputs", {}).get("model_name", "")) if loader["class_type"] == "UpscaleModelLoader" else self._made[link]

    def _keep(self, link: Link, image: Image.Image) -> Image.Image:
        self._pixels += image.width * image.height
        if self._pixels > MOST:
            raise CannotMake(link[0], "The graph makes more pictures on the way than there may be.")
        return image


def _loaded(kind: str, slot: int, image: Image.Image, channel: str) -> Image.Image:
    """What a loader gives of its file. A picture without transparency that is taken as a mask is one: white changes."""
    if kind == "LoadImageMask":
        return band(image, channel)
    if kind == "ETN_LoadMaskBase64":
        return band(image, "red")
    if slot == 0:
        return image.convert("RGB")
    opaque = image.convert("RGBA").getchannel("A")
    if opaque.getextrema() == (255, 255):
        return image.convert("L")
    return opaque if kind == "ETN_LoadImageCache" else ImageOps.invert(opaque)


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, ValueError) and str(error).endswith(".") else "an input is missing, or of another kind."
