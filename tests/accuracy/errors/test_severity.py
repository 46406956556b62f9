"""How bad an error is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vizart.accuracy.errors.severity import miss_severities, relative_sizes, severities
from pytest_vizart.accuracy.errors.tide import Kind


def severity(kind: Kind, score: float, overlap: float = 0.0, size: float = 1.0) -> float:
    columns = (np.array([value]) for value in (score, overlap, size))
    return float(severities(np.array([kind], dtype=np.int8), *columns)[0])


@pytest.mark.parametrize(
    "kind, score, overlap, expected",
    [
        (Kind.CLS, 0.8, 0.9, 0.8),
        (Kind.BOTH, 0.8, 0.3, 0.8),
        (Kind.BKG, 0.8, 0.0, 0.8),
        (Kind.DUPE, 0.8, 0.7, 0.4),
        (Kind.LOC, 0.8, 0.3, 0.7),
        (Kind.NONE, 0.8, 0.9, 0.0),
        (Kind.BKG, 17.0, 0.0, 1.0),
        (Kind.BKG, -3.0, 0.0, 0.0),
    ],
)
def test_certainty_by_kind(kind: Kind, score: float, overlap: float, expected: float) -> None:
    assert severity(kind, score, overlap) == pytest.approx(expected)
    assert severity(kind, score, overlap, size=0.0) == pytest.approx(expected / 2)


def test_a_missed_object_weighs_by_its_size() -> None:
    assert miss_severities(np.array([0.0, 0.5, 1.0])).tolist() == [0.5, 0.75, 1.0]


def test_sizes_are_lengths_relative_to_the_largest() -> None:
    predicted, true = relative_sizes(np.array([[0, 0, 5, 5.0]]), np.array([[0, 0, 10, 10.0], [3, 3, 3, 9]]))
    assert (predicted.tolist(), true.tolist()) == ([0.5], [1.0, 0.0])
    predicted, true = relative_sizes(np.array([[0, 0, 0, 1, 1, 1.0]]), np.array([[0, 0, 0, 2, 2, 2.0]]))
    assert predicted.tolist() == pytest.approx([0.5])
    predicted, true = relative_sizes(np.empty((0, 4)), np.array([[1, 1, 1, 1.0]]))
    assert (predicted.tolist(), true.tolist()) == ([], [0.0])


@given(st.sampled_from(list(Kind)), st.floats(-1e300, 1e300), st.floats(0, 1), st.floats(0, 1))
def test_severities_lie_between_0_and_1(kind: Kind, score: float, overlap: float, size: float) -> None:
    assert 0 <= severity(kind, score, overlap, size) <= 1
