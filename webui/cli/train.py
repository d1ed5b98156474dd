"""`train default-model`: the recipe of the model that ships with us."""

import argparse
from collections.abc import Sequence


def run(words: Sequence[str]) -> int:
    """Hand the words on to the recipe."""
    parser = argparse.ArgumentParser(
        prog="python -m webui train", description="Train the default model from scratch or from a file.", add_help=False
    )
    parser.add_argument("what", choices=["default-model"])
    arguments, rest = parser.parse_known_args(words or ["--help"])
    from webui.train.default_model.command import run as train

    return int(train(rest) or 0)
