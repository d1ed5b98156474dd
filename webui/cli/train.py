"""`train default-model|upscaler`: the recipes of weights of our own."""

import argparse
from collections.abc import Sequence


def run(words: Sequence[str]) -> int:
    """Hand the words on to the recipe."""
    parser = argparse.ArgumentParser(
        prog="python -m webui train", description="Train weights of our own, from scratch or from a file.", add_help=False
    )
    parser.add_argument("what", choices=["default-model", "upscaler"])
    arguments, rest = parser.parse_known_args(words or ["--help"])
    if arguments.what == "upscaler":
        from webui.train.upscaler.command import run as train_upscaler

        return train_upscaler(rest)
    from webui.train.default_model.command import run as train

    return int(train(rest) or 0)
