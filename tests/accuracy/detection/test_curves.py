"""Average precision of a few predictions, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_vizart.accuracy.detection.curves import (
    average_precision,
    eleven_point_ap,
    every_point_ap,
    interpolated_precision,
)

HITS = np.array([True, False, True])


def test_a_curve_of_three_predictions_and_two_objects() -> None:
    curve = interpolated_precision(HITS, 2)
    assert (curve[:51].tolist(), curve[51:].tolist()) == ([1.0] * 51, pytest.approx([2 / 3] * 50))
    assert average_precision(HITS, 2) == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert every_point_ap(HITS, 2) == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert eleven_point_ap(HITS, 2) == pytest.approx((6 + 5 * 2 / 3) / 11)


def test_recalls_that_are_not_reached_have_no_precision() -> None:
    curve = interpolated_precision(HITS, 4)
    assert (curve[50], curve[51]) == (pytest.approx(2 / 3), 0.0)
    assert every_point_ap(HITS, 4) == pytest.approx(0.25 + 0.25 * 2 / 3)


@pytest.mark.parametrize("average", [average_precision, every_point_ap, eleven_point_ap])
def test_nothing_predicted_or_nothing_right_is_zero(average: object) -> None:
    assert callable(average)
    assert average(np.empty(0, dtype=bool), 3) == 0.0
    assert average(np.zeros(3, dtype=bool), 3) == 0.0
    assert average(np.ones(3, dtype=bool), 3) == pytest.approx(1.0)
