"""What upscale networks do at a graph's end, as steps of a finish chain: the engine runs them, what stands around them is pixels."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

from webui.api.comfy.pictures import LOADERS, Link, link_of
from webui.api.comfy.pixels import PIXELS

UPSCALE = "ImageUpscaleWithModel"
_MOST = 4
"""Networks one after another. Two of 4× make a side 16 times as long."""


@dataclass(frozen=True)
class Enlarged:
    """Networks that a picture goes through, one after another: their files' names, what the first is given, and what the last gives.

    `alone`: the graph has no others.
    """

    upscalers: tuple[str, ...]
    start: Link
    end: Link
    alone: bool

    @property
    def steps(self) -> list[dict[str, Any]]:
        """Each enlarges the picture by what its network makes of it."""
        return [{"kind": "upscale", "upscaler": name, "scale": 0} for name in self.upscalers]

    def after(self, end: Link) -> Link | None:
        """What more is done to its result on the way to `end`: from this link on; None where nothing is."""
        return None if self.end == end else self.end


def enlarged(graph: Mapping[str, Any], end: Link, base: Link | None, known: Container[str]) -> Enlarged | None:
    """The networks that come first on the way from `base` to `end`; those of a graph that loads and changes pictures alone without `base`.

    None where there is none, and, behind a base, where its file is not here: what is left is done by filters.
    """
    way = _way(graph, end, base)
    kinds = [graph[link[0]]["class_type"] for link in way]
    if UPSCALE not in kinds:
        return None
    first = kinds.index(UPSCALE)
    if base is not None and first > 0:
        return None
    last = next((place for place in range(first, len(way)) if kinds[place] != UPSCALE), len(way))
    names = tuple(_name(graph, way[place]) for place in range(first, min(last, first + _MOST)))
    if base is not None and any(name not in known for name in names):
        return None
    start = link_of(graph[way[first][0]]["inputs"].get("image"))
    alone = sum(node["class_type"] == UPSCALE for node in graph.values()) == len(names)
    return None if start is None else Enlarged(names, start, way[first + len(names) - 1], alone)


def _way(graph: Mapping[str, Any], end: Link, base: Link | None) -> list[Link]:
    """The links from `base`, or from a loader, to `end`, along what each node changes; nodes that only hand on are left out."""
    way: list[Link] = []
    link: Link | None = end
    while link is not None and link != base and len(way) <= len(graph):
        node = graph[link[0]]
        kind, inputs = node["class_type"], node.get("inputs", {})
        if kind in LOADERS or (kind not in PIXELS and kind != "Reroute"):
            break
        if kind in PIXELS:
            way.append(link)
        name = PIXELS[kind][0] if kind in PIXELS else next(iter(inputs), "")
        link = link_of(inputs.get(name))
    return way[::-1]


def _name(graph: Mapping[str, Any], link: Link) -> str:
    """The file of an upscale node's network."""
    found = link_of(graph[link[0]]["inputs"].get("upscale_model"))
    for _ in range(len(graph)):
        if found is None:
            return ""
        node = graph[found[0]]
        if node["class_type"] != "Reroute":
            return str(node.get("inputs", {}).get("model_name", ""))
        found = link_of(next(iter(node.get("inputs", {}).values()), None))
    return ""
