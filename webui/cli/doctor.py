"""`doctor`: what this machine has and what is wrong with it."""

import argparse

from webui.settings import Settings


def add(parser: argparse.ArgumentParser) -> None:
    """No flags besides the folders."""


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print the report; 1 when something is wrong."""
    from webui import doctor

    return int(doctor.run(settings))
