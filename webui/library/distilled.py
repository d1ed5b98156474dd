"""Checkpoints that were distilled to few steps say so in their names: what their makers advise takes the place of the family's defaults."""

import re
from typing import Any

_STEPS = re.compile(r"(\d{1,2}) ?steps?\b")
_BREAKS = re.compile(r"[^a-z0-9]+")
_OFFICIAL_TURBO = {"sd xl turbo", "sdxl turbo", "sd turbo"}

_LIGHTNING = {"steps": 4, "sampler": "Euler", "schedule": "SGM Uniform", "guidance": 1.0}
_HYPER = {"steps": 8, "sampler": "Euler", "schedule": "SGM Uniform", "guidance": 1.0}
_LCM = {"steps": 6, "sampler": "LCM", "schedule": "SGM Uniform", "guidance": 1.5}
_TURBO = {"steps": 8, "sampler": "DPM++ SDE", "schedule": "Karras", "guidance": 2.0}
_ONE_STEP = {"width": 512, "height": 512, "steps": 4, "sampler": "Euler a", "schedule": "SGM Uniform", "guidance": 1.0}
"""Sauer et al. 2023, arXiv:2311.17042: one to four steps at 512 pixels without guidance."""


def advised(stem: str) -> dict[str, Any]:
    """Values of a request for a file of this name, empty for one that was not distilled. A number of steps in the name counts."""
    words = _BREAKS.sub(" ", stem.lower()).strip()
    values = _values(words)
    found = _STEPS.search(words)
    if values and found and int(found[1]) > 0:
        return values | {"steps": int(found[1])}
    return dict(values)


def _values(words: str) -> dict[str, Any]:
    split = words.split()
    if "lightning" in words:
        return _LIGHTNING
    if "hyper" in split and ("sd" in split or "sd15" in split or "sdxl" in split or _STEPS.search(words)):
        return _HYPER
    if "lcm" in split:
        return _LCM
    if any(words.startswith(name) for name in _OFFICIAL_TURBO):
        return _ONE_STEP
    return _TURBO if "turbo" in words else {}
