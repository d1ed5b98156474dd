"""The words behind a conditioning of ComfyUI's graph, by output slot."""

from dataclasses import dataclass

from webui.images.dialects.comfyui_graph import MAX_DEPTH, MAX_TEXT, Circle, Link, Node, TooLarge, Walk
from webui.images.dialects.comfyui_nodes import EFFICIENT, ENCODERS, PAIRS, PASSING, SILENT_PAIRS
from webui.images.dialects.comfyui_values import number_of, text_of
from webui.images.dialects.plain_text import COMFYUI, embeddings_by_name


@dataclass(frozen=True)
class Words:
    """A conditioning: texts that are predicted apart and averaged, nearly always one, and where the first one's text encoder comes from."""

    branches: tuple[str, ...]
    clip: Link | None = None

    @property
    def prompt(self) -> str:
        """In A1111's words: each branch with its share."""
        if len(self.branches) == 1:
            return self.branches[0]
        share = f"{1 / len(self.branches):.4g}"
        return " AND ".join(f"{branch} :{share}" for branch in self.branches)


def words_of(walk: Walk, link: Link | None, what: str) -> Words | None:
    """What a conditioning says; None when it comes from something unknown, which is noted under the name `what`."""
    try:
        return _words(walk, link, what, 0)
    except Circle:
        walk.note(f"{what}: its links go in a circle")
        return None


def _words(walk: Walk, link: Link | None, what: str, depth: int) -> Words | None:
    found = walk.at(link)
    if found is None or depth > MAX_DEPTH:
        walk.note(f"{what}: is not linked")
        return None
    node, slot = found
    with walk.inside(node, slot):
        words = _combined(walk, node, what, depth + 1) or _handed_on(walk, node, slot, what, depth + 1) or _encoded(walk, node, slot, what)
    if words is None and not any(note.startswith((f"{what}:", f"{what},")) for note in walk.notes):
        walk.note(f"{what}: comes from node {node.kind}")
    if words is not None and sum(map(len, words.branches)) > MAX_TEXT:
        raise TooLarge
    return words


def _combined(walk: Walk, node: Node, what: str, depth: int) -> Words | None:
    """Nodes that make one conditioning of two, or of none."""
    if node.kind == "ConditioningZeroOut":
        walk.note(f"{what}: node ConditioningZeroOut, an empty one stands for it")
        return Words(("",))
    if node.kind == "ConditioningCombine":
        both = [_words(walk, node.link(f"conditioning_{number}"), what, depth) for number in (1, 2)]
        known = [words for words in both if words is not None]
        return Words(tuple(branch for words in known for branch in words.branches), known[0].clip) if known else None
    if node.kind not in ("ConditioningConcat", "ConditioningAverage"):
        return None
    to = _words(walk, node.link("conditioning_to"), what, depth)
    share = 1.0
    if node.kind == "ConditioningAverage":
        share = number_of(walk, node.inputs.get("conditioning_to_strength", 1.0), what) or 0.0
        if share == 1 and to is not None:
            return to
    other = _words(walk, node.link("conditioning_from"), what, depth)
    if node.kind == "ConditioningAverage":
        walk.note(f"{what}: node ConditioningAverage ({share:g} and {1 - share:g}), the stronger text is taken")
        return to if share >= 0.5 else other
    if to is None or other is None:
        return to or other
    return Words(tuple(f"{branch} BREAK {other.branches[0]}" for branch in to.branches), to.clip)


def _handed_on(walk: Walk, node: Node, slot: int, what: str, depth: int) -> Words | None:
    """Nodes that hand a conditioning on with something added."""
    if node.kind in PAIRS:
        names = PAIRS[node.kind]
        if node.kind not in SILENT_PAIRS:
            walk.note(f"node {node.kind}")
        return _words(walk, node.link(names[slot]), what, depth) if 0 <= slot < len(names) and names[slot] else None
    if node.kind == "ConditioningSetTimestepRange":
        start, end = node.inputs.get("start", 0), node.inputs.get("end", 1)
        if (start, end) != (0, 1):
            walk.note(f"{what}: node ConditioningSetTimestepRange ({start} to {end}), the text is taken for the whole")
        return _words(walk, node.link("conditioning"), what, depth)
    if node.kind in PASSING:
        walk.note(f"node {node.kind}")
        return _words(walk, node.link("conditioning", "conditioning_to"), what, depth)
    return None


def _encoded(walk: Walk, node: Node, slot: int, what: str) -> Words | None:
    """Nodes that make a conditioning of texts."""
    if node.kind in EFFICIENT:
        name = {1: "positive", 2: "negative"}.get(slot)
        text = text_of(walk, node.inputs.get(name), what) if name else None
        return None if text is None else Words((_ours(walk, text, what),), (node.id, 5))
    names = ENCODERS.get(node.kind)
    if names is None:
        names = tuple(name for name in ("text", "prompt") if name in node.inputs)[:1] if "textencode" in node.kind.lower() else ()
        if names:
            walk.note(f"node {node.kind}: only its text is taken")
    texts = {name: text_of(walk, node.inputs[name], what) for name in names if name in node.inputs}
    known = {name: text for name, text in texts.items() if text is not None}
    if not known:
        return None
    first = next((text for text in known.values() if text.strip()), "")
    for name, text in known.items():
        if text != first and text.strip():
            walk.note(f"{what}, {name}: {text}")
    clip = node.link("clip")
    if clip is None and node.kind in ENCODERS:
        walk.note(f"{what}: its text encoder is not linked")
    return Words((_ours(walk, first, what),), clip)


def _ours(walk: Walk, text: str, what: str) -> str:
    """ComfyUI's text in A1111's words: embeddings by their bare name."""
    for line in COMFYUI.lines(text, what):
        walk.note(line)
    text, names = embeddings_by_name(text)
    walk.embeddings.update(dict.fromkeys(names))
    return text
