"""Precision, recall and F1 at every threshold, by trying them all."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_vizart.accuracy.detection.operating_points import OperatingPoint, best_f1, overall


def test_figures_of_counts() -> None:
    assert OperatingPoint(4, 2, 1).figures() == {"precision": 0.5, "recall": 0.25, "f1": pytest.approx(1 / 3)}
    assert OperatingPoint(0, 0, 0).figures() == {"precision": None, "recall": None, "f1": None}
    assert OperatingPoint(3, 0, 0).figures() == {"precision": None, "recall": 0.0, "f1": 0.0}
    assert overall([OperatingPoint(1, 2, 1), OperatingPoint(3, 4, 2)]) == OperatingPoint(4, 6, 3)
    assert overall([]) == OperatingPoint(0, 0, 0)


@pytest.mark.parametrize("seed", range(20))
def test_the_best_f1_is_the_best_of_all_thresholds(seed: int) -> None:
    generator = np.random.default_rng(seed)
    scores, hit = np.round(generator.random(30), 1), generator.random(30) < 0.4
    objects = int(hit.sum()) + 5
    tried = {t: 2 * (hit & (scores >= t)).sum() / ((scores >= t).sum() + objects) for t in set(scores.tolist())}
    best, threshold = best_f1(scores, hit, objects)
    assert best == pytest.approx(max(tried.values()))
    assert threshold == max(t for t, value in tried.items() if value == max(tried.values()))


def test_without_objects_or_predictions_there_is_no_best() -> None:
    nothing = np.empty(0)
    assert best_f1(nothing, nothing.astype(bool), 3) == (None, None)
    assert best_f1(np.array([0.5]), np.array([False]), 0) == (None, None)
    assert best_f1(np.array([0.5]), np.array([False]), 2) == (0.0, 0.5)
