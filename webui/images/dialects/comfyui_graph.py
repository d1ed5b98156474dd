"""ComfyUI's graph as data: the API's `prompt` or the editor's `workflow`, and the walk along its links by output slot."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from webui.images.dialects.comfyui_nodes import CONTROLS, WIDGETS

Link = tuple[str, int]
"""A node and the slot of its output."""

MAX_NODES, MAX_VISITS, MAX_DEPTH, MAX_TEXT = 20_000, 50_000, 80, 200_000
_MUTED, _BYPASSED = 2, 4


class TooLarge(Exception):
    """The graph is larger, or its texts are longer, than a picture's can be."""


class Circle(Exception):
    """A node's own output is among what it is made of."""


@dataclass(frozen=True)
class Node:
    """One node: its kind, and its inputs as values or links."""

    id: str
    kind: str
    inputs: Mapping[str, Any]

    def link(self, *names: str) -> Link | None:
        """The first of these inputs that is a link."""
        return next((value for name in names if isinstance(value := self.inputs.get(name), tuple)), None)


Graph = Mapping[str, Node]


@dataclass
class Walk:
    """One walk over a graph: it counts its visits, and keeps lines about what was not understood."""

    graph: Graph
    notes: dict[str, None] = field(default_factory=dict)
    embeddings: dict[str, None] = field(default_factory=dict)
    visits: int = 0
    reading: set[Link] = field(default_factory=set)

    def note(self, line: str) -> None:
        """List a line once."""
        self.notes[line] = None

    @contextmanager
    def inside(self, node: Node, slot: int) -> Iterator[None]:
        """Around reading what an output is made of. Raises `Circle` where that leads back to it."""
        place = (node.id, slot)
        if place in self.reading:
            raise Circle
        self.reading.add(place)
        try:
            yield
        finally:
            self.reading.discard(place)

    def at(self, link: Link | None) -> tuple[Node, int] | None:
        """The node behind a link, and its slot, past reroutes and switches; None for a loop and for a link that leads nowhere.

        Raises `TooLarge` when the walk has become longer than a picture's graph can need.
        """
        seen = set()
        while link is not None and link not in seen and link[0] in self.graph:
            self.visits += 1
            if self.visits > MAX_VISITS:
                raise TooLarge
            seen.add(link)
            node = self.graph[link[0]]
            onward = _through(node)
            if onward is None:
                return node, link[1]
            link = onward
        return None


def _through(node: Node) -> Link | None:
    """Where a reroute or a switch leads; None for any other node, and for a switch that cannot be read."""
    if node.kind.startswith("Reroute"):
        return next((value for value in node.inputs.values() if isinstance(value, tuple)), None)
    switch = node.inputs
    if isinstance(on := switch.get("switch", switch.get("boolean")), bool):
        return node.link("on_true" if on else "on_false")
    if node.kind in ("ImpactSwitch", "ImpactMultiSwitch") and isinstance(switch.get("select"), int):
        return node.link(f"input{switch['select']}")
    if node.kind == "Any Switch (rgthree)":
        return node.link(*(f"any_{number:02}" for number in range(1, 100)))
    if node.kind.startswith("CR ") and node.kind.endswith("Switch") and str(switch.get("Input")) in "12":
        return node.link(*(name for name in switch if name.endswith(str(switch["Input"]))))
    return None


def read_graph(prompt: str, workflow: str) -> Graph:
    """The graph that ran, or where only the editor's is told that one, without what was muted; empty when there is none."""
    data = _json(prompt)
    nodes = _from_prompt(data) if isinstance(data, dict) else {}
    if not nodes:
        data = _json(workflow)
        nodes = _from_workflow(data) if isinstance(data, dict) else {}
    return nodes if len(nodes) <= MAX_NODES else {}


def _json(text: str) -> Any:
    """JSON as ComfyUI writes it, with a bare NaN, which is given as that word; None when it is none."""
    try:
        return json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return None


def _from_prompt(data: Mapping[str, Any]) -> dict[str, Node]:
    nodes = {str(key): node for key, node in data.items() if isinstance(node, dict) and isinstance(node.get("class_type"), str)}
    return {
        key: Node(key, node["class_type"], {str(name): _input(value, nodes) for name, value in _mapping(node.get("inputs")).items()})
        for key, node in nodes.items()
    }


def _input(value: Any, nodes: Mapping[str, Any]) -> Any:
    """[node, slot] as a link; a value as it is."""
    is_link = isinstance(value, list) and len(value) == 2 and isinstance(value[0], (str, int)) and isinstance(value[1], int)
    return (str(value[0]), value[1]) if is_link and str(value[0]) in nodes else value


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> Iterable[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _from_workflow(data: Mapping[str, Any]) -> dict[str, Node]:
    """The editor's nodes; a bypassed one hands on its first input of the output's type, a muted one nothing."""
    listed = {str(node.get("id")): node for node in _dicts(data.get("nodes"))}
    links = {row[0]: (str(row[1]), row[2]) for row in _rows(data.get("links")) if isinstance(row[2], int)}
    named = {_first(node): node for node in listed.values() if node.get("type") == "SetNode"}
    resolved = {key: _resolved(link, listed, links, named) for key, link in links.items()}
    return {
        key: Node(key, str(node.get("type")), _widgets(node) | _linked(node, resolved))
        for key, node in listed.items()
        if node.get("mode", 0) not in (_MUTED, _BYPASSED)
    }


def _rows(value: Any) -> Iterable[list[Any]]:
    """Links as lists, or as the newer objects."""
    for row in value if isinstance(value, list) else []:
        if isinstance(row, dict):
            row = [row.get("id"), row.get("origin_id"), row.get("origin_slot")]
        if isinstance(row, list) and len(row) >= 3 and isinstance(row[0], (int, str)):
            yield row


def _first(node: Mapping[str, Any]) -> str:
    values = node.get("widgets_values")
    return str(values[0]) if isinstance(values, list) and values else ""


def _resolved(link: Link, listed: Mapping[str, Any], links: Mapping[Any, Link], named: Mapping[str, Any]) -> Link | None:
    """Where a link comes from, past bypassed nodes and pairs of Set and Get; None past a muted one."""
    for _ in range(MAX_DEPTH):
        node = listed.get(link[0])
        if node is None or node.get("mode") == _MUTED:
            return None
        kind = ""
        if node.get("type") == "GetNode":
            node = named.get(_first(node), {})
        elif node.get("mode") == _BYPASSED:
            outputs = list(_dicts(node.get("outputs")))
            kind = str(outputs[link[1]].get("type")) if 0 <= link[1] < len(outputs) else ""
        elif node.get("type") != "SetNode":
            return link
        inputs = (each for each in _dicts(node.get("inputs")) if not kind or each.get("type") == kind)
        onward = next((links[each["link"]] for each in inputs if _key(each.get("link")) in links), None)
        if onward is None:
            return None
        link = onward
    return None


def _key(value: Any) -> Any:
    return value if isinstance(value, (int, str)) else None


def _linked(node: Mapping[str, Any], links: Mapping[Any, Link | None]) -> dict[str, Any]:
    inputs = [each for each in _dicts(node.get("inputs")) if _key(each.get("link")) in links]
    return {str(each.get("name")): link for each in inputs if (link := links[each["link"]]) is not None}


def _widgets(node: Mapping[str, Any]) -> dict[str, Any]:
    """A node's own values by name: the newer editor lists all of them as inputs; of the older one's the usual nodes are known by place."""
    values = node.get("widgets_values")
    if isinstance(values, dict):
        return dict(values)
    if not isinstance(values, list):
        return {}
    names = _controls_there(WIDGETS.get(str(node.get("type")), ()), values)
    if not names:
        for each in _dicts(node.get("inputs")):
            if isinstance(each.get("widget"), dict):
                names.append(str(each["widget"].get("name")))
                names += ["control_after_generate"] * (names[-1] in ("seed", "noise_seed") and _controlled(values, len(names)))
    return dict(zip(names, values, strict=False)) if names else {"value": values[0]} if len(values) == 1 else {}


def _controls_there(names: Sequence[str], values: list[Any]) -> list[str]:
    """Names by place, without the editor's own "what becomes of the seed" where it is not; in its first year it was yes or no."""
    name = "control_after_generate"
    place = names.index(name) if name in names else len(values)
    absent = place < len(values) and not isinstance(values[place], bool) and not _controlled(values, place)
    return [each for each in names if not (absent and each == name)]


def _controlled(values: list[Any], place: int) -> bool:
    """Whether the editor's own "what becomes of the seed" stands behind a seed."""
    return place < len(values) and isinstance(values[place], str) and values[place] in CONTROLS
