"""A grid goes on after kill -9 of web, engine and both: no cell is lost, none is made twice."""

import random

import pytest

from webui.bench import grids
from webui.bench.faults import AppProcess


@pytest.mark.timeout(1200)  # web is started three times
def test_a_grid_survives_three_kills(tmp_path):
    app = AppProcess(tmp_path)
    app.start()
    try:
        figures = grids.survive(app, tmp_path, cells=9, kills=3, chance=random.Random(5), say=lambda text: None)
    finally:
        app.stop()
    assert figures == {"cells": 9, "kills": 3, "lost": 0, "twice": 0, "pictures": 9}
