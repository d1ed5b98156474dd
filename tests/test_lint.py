"""The house's one style: ruff finds nothing, ruff's formatting stands, mypy is strict and content."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    "words",
    [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"], ["mypy", "launch.py"]],
    ids=["ruff", "format", "mypy", "mypy-launch"],
)
def test_nothing_to_complain_about(words):
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
