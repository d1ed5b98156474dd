"""`bench NAME`: measurements, printed and kept as JSON in docs/bench/."""

from collections.abc import Sequence


def run(words: Sequence[str]) -> int:
    """Hand the words on to the bench of that name."""
    from webui import bench
    from webui.devices.environment import prepare_process

    prepare_process()  # before a bench imports torch
    return int(bench.run(words[0] if words else "--help", list(words[1:])) or 0)
