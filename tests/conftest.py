"""For the whole suite: how long an example takes is no reason to fail, because the machine may have other work; long files come first."""

import compileall
import gc
import os
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

TESTS = Path(__file__).parent
WEBUI = TESTS.parent / "webui"
LONG_FIRST = (
    *("browser", "test_serving.py", "test_trouble.py", "test_grid_kills.py", "test_lint.py"),
    *("models", "generation", "api", "train", "bench", "jobs", "cli", "backends"),
)
"""Where a single file takes long: begun last, it would keep one worker busy while the others have nothing left."""

GIB_A_WORKER = 3
"""A worker with torch takes one, its servers, engines and browser the rest."""


def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: three workers for two processors, because a third of a test's time is spent waiting; fewer where memory is short."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores + (cores + 1) // 2, psutil.virtual_memory().available // (GIB_A_WORKER * 2**30)))


def pytest_configure(config: pytest.Config) -> None:
    """The tests start some two hundred processes; where Python may not write bytecode, each of them would compile the program anew."""
    if not hasattr(config, "workerinput"):
        compileall.compile_dir(str(WEBUI), quiet=2)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Workers take the files in this order (`--no-loadscope-reorder`), and the page's tests follow one another with one browser."""
    items.sort(key=_place)


def pytest_collection() -> None:
    """Six thousand tests are made and nothing is thrown away: a fifth of that time went into looking for garbage."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What has been imported by now is left out of garbage collections: a model's load asks for one, which took longer than the load."""
    gc.collect()
    gc.freeze()
    gc.enable()


def _place(item: pytest.Item) -> int:
    name = item.path.relative_to(TESTS).parts[0] if item.path.is_relative_to(TESTS) else ""
    return LONG_FIRST.index(name) if name in LONG_FIRST else len(LONG_FIRST)
