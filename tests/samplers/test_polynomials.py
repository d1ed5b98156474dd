"""The small algebra behind multistep coefficients."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from webui.samplers.polynomials import integral, lagrange, solve, value

points = st.lists(st.integers(-20, 20), min_size=1, max_size=5, unique=True)


@given(points)
def test_lagrange_is_one_at_its_point_and_zero_at_the_others(places):
    for j in range(len(places)):
        np.testing.assert_allclose([value(lagrange(places, j), place) for place in places], np.eye(len(places))[j], atol=1e-6)


def test_integrals():
    assert integral([1.0, 2.0, 3.0], 0, 2) == 2 + 4 + 8
    assert integral([0.0, 1.0], -1, 1) == 0


@given(st.integers(1, 5), st.randoms(use_true_random=False))
def test_solving(size, random):
    matrix = np.array([[random.uniform(-1, 1) for _ in range(size)] for _ in range(size)]) + 3 * np.eye(size)
    wanted = np.array([random.uniform(-5, 5) for _ in range(size)])
    np.testing.assert_allclose(solve(matrix.tolist(), (matrix @ wanted).tolist()), wanted, atol=1e-9)
