"""Small polynomials and linear systems in Python floats: for a multistep method's few coefficients, arrays would cost more."""

from collections.abc import Sequence

Coefficients = list[float]
"""Lowest power first."""


def lagrange(points: Sequence[float], j: int) -> Coefficients:
    """The polynomial that is 1 at points[j] and 0 at the others."""
    result = [1.0]
    for k, point in enumerate(points):
        if k != j:
            gap = points[j] - point
            raised, lowered = [0.0, *result], [*(-point * value for value in result), 0.0]
            result = [(up + down) / gap for up, down in zip(raised, lowered, strict=True)]
    return result


def value(coefficients: Coefficients, at: float) -> float:
    """The polynomial's value."""
    total = 0.0
    for coefficient in reversed(coefficients):
        total = total * at + coefficient
    return total


def integral(coefficients: Coefficients, start: float, end: float) -> float:
    """The polynomial's integral."""
    primitive = [0.0, *(coefficient / (power + 1) for power, coefficient in enumerate(coefficients))]
    return value(primitive, end) - value(primitive, start)


def solve(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """The x of matrix · x = right, by elimination with the largest pivot."""
    rows = [[*row, end] for row, end in zip(matrix, right, strict=True)]
    for column in range(len(rows)):
        pivot = max(range(column, len(rows)), key=lambda row: abs(rows[row][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for row in range(len(rows)):
            if row != column:
                factor = rows[row][column] / rows[column][column]
                rows[row] = [here - factor * there for here, there in zip(rows[row], rows[column], strict=True)]
    return [row[-1] / row[index] for index, row in enumerate(rows)]
