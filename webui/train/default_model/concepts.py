"""Which concepts the model is taught, by a rule over the emoji standard's groups, fixed before any training (2026-11-23).

A list is a tuple of rules; a rule is a subgroup of the standard, or the labels of a group with a given last word. Lists grow by
appending rules, so a later list contains the earlier ones. Nothing is taken out because it trained badly.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from webui.core.request import FrozenModel


class Rule(FrozenModel):
    """Entries of `group` that are in `subgroup` (empty: any) and whose label ends with `last_word` (empty: any)."""

    group: str
    subgroup: str = ""
    last_word: str = ""


FIRST = (
    Rule(group="food-drink", subgroup="food-fruit"),
    Rule(group="animals-nature", last_word="face"),
    Rule(group="animals-nature", subgroup="plant-flower"),
)
SECOND = (
    *FIRST,
    Rule(group="food-drink", subgroup="food-vegetable"),
    Rule(group="food-drink", subgroup="food-sweet"),
    Rule(group="animals-nature", subgroup="animal-bird"),
    Rule(group="animals-nature", subgroup="animal-marine"),
    Rule(group="animals-nature", subgroup="animal-reptile"),
    Rule(group="animals-nature", subgroup="animal-amphibian"),
    Rule(group="animals-nature", subgroup="animal-bug"),
    Rule(group="travel-places", subgroup="transport-air"),
)
NOUNS = tuple(Rule(group=group) for group in ("animals-nature", "food-drink", "travel-places", "activities", "objects"))
LISTS = {"first": FIRST, "second": SECOND, "nouns": NOUNS}
_TAG_CONCEPTS = 2


class Concept(FrozenModel):
    """One thing with a picture: `words` are its label and the synonyms that few other things share."""

    code: str
    label: str
    group: str
    subgroup: str
    words: tuple[str, ...]


def codepoints(hexcode: str) -> str:
    """The spelling both packages agree on: lower case, without the variation selector."""
    return "-".join(part for part in hexcode.lower().split("-") if part != "fe0f")


def read_concepts(package: Path) -> list[Concept]:
    """Every entry of the emoji standard with group and label, in the standard's order."""
    entries = json.loads((package / "en" / "data.json").read_text())
    messages = json.loads((package / "en" / "messages.json").read_text())
    groups, subgroups = ({entry["order"]: entry["key"] for entry in messages[name]} for name in ("groups", "subgroups"))
    shared = _tag_counts(entries)
    found = [entry for entry in sorted(entries, key=lambda entry: int(entry.get("order", 0))) if "subgroup" in entry]
    return [_concept(entry, groups, subgroups, shared) for entry in found]


def _concept(entry: Mapping[str, Any], groups: Mapping[int, str], subgroups: Mapping[int, str], shared: Mapping[str, int]) -> Concept:
    label = str(entry["label"])
    tags = [tag for tag in entry.get("tags", []) if shared[tag] <= _TAG_CONCEPTS and not any(mark in tag for mark in ":“”")]
    short = [label.removesuffix(" face")] if label.endswith(" face") else []
    words = tuple(dict.fromkeys([label, *short, *tags]))
    group, subgroup = groups[entry["group"]], subgroups[entry["subgroup"]]
    return Concept(code=codepoints(entry["hexcode"]), label=label, group=group, subgroup=subgroup, words=words)


def _tag_counts(entries: list[dict[str, Any]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for entry in entries:
        for tag in entry.get("tags", []):
            counts[tag] = counts.get(tag, 0) + 1
    return counts


def _fits(rule: Rule, concept: Concept) -> bool:
    if concept.group != rule.group or (rule.subgroup and concept.subgroup != rule.subgroup):
        return False
    return not rule.last_word or concept.label.split()[-1] == rule.last_word


def chosen(name: str, concepts: list[Concept]) -> list[Concept]:
    """The concepts of a list, rule by rule, in the standard's order."""
    picked = {concept.code: concept for rule in LISTS[name] for concept in concepts if _fits(rule, concept)}
    return list(picked.values())
