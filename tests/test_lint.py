"""The house's one style: ruff finds nothing, ruff's formatting stands, mypy is strict and content."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


VENV = ROOT / ".venv"
CACHE = [f"--cache-dir={VENV / 'cache' / 'mypy'}"] if VENV.is_dir() else []
"""mypy's, beside what it was made with: a warm environment checks in seconds what takes a cold one a minute."""


@pytest.mark.parametrize(
    "words",
    [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy", *CACHE]],
    ids=["ruff", "format", "mypy"],
)
def test_nothing_to_complain_about(words):
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
