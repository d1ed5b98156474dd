"""The names that devices have in the settings. Which of them are there only an engine knows."""

import re
import sys

MOST = 32
"""Engines of one studio: each is a process."""
_NAME = re.compile(r"auto|cpu|mps|(?:cuda|rocm|xpu)(?::\d{1,2})?")


def checked_devices(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names without spaces, in small letters. Raises ValueError for what is no device or cannot be here, for none and for too many."""
    cleaned = tuple(name.strip().lower() for name in names)
    if not cleaned:
        raise ValueError("Name at least one device: without an engine every job would wait. `auto` takes the best there is.")
    if len(cleaned) > MOST:
        raise ValueError(f"There may be at most {MOST} devices, with an engine for each; these are {len(cleaned)}.")
    for name in cleaned:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name[:60]!r} is no device. Write auto, cpu, mps, or cuda, rocm or xpu with a number, such as cuda:0.")
        if name == "mps" and sys.platform != "darwin":
            raise ValueError("mps is the GPU of Apple's computers, and this is none. Write auto, cpu or cuda:0.")
    return cleaned
