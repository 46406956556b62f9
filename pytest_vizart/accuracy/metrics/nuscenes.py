"""Average precision and errors of true positives as nuScenes has them (Caesar et al., "nuScenes: A multimodal dataset
for autonomous driving", CVPR 2020, section 3.1).

Predictions and objects meet by the distance of their centres on the ground, under .5, 1, 2 and 4 metres. Precision is
interpolated at 101 recalls; recalls up to .1 and precision under .1 are taken for noise and left out. Errors of true
positives are those of the matches under 2 m, averaged over the recalls from .1 to the highest one reached; a class
that does not get beyond a recall of .1 has an error of 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DISTANCES_M: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
ERROR_DISTANCE_M = 2.0
_RECALLS = np.linspace(0, 1, 101)
_FIRST = 11  # the first recall beyond the least one, .1
_MIN_PRECISION = 0.1


def nuscenes_ap(hit: NDArray[np.bool_], objects: int) -> float:
    """Return the average precision, 0 to 1, of one class.

    hit: (N,) bool, predictions in the order of their scores, best first. objects: how many there are to find, from 1.
    """
    if not hit.any():
        return 0.0
    found = np.cumsum(hit)
    precision = np.interp(_RECALLS, found / objects, found / np.arange(1, len(hit) + 1), right=0.0)
    above = np.maximum(precision[_FIRST:] - _MIN_PRECISION, 0.0)
    # Divided before the mean, so that perfect is 1 and not an ulp more.
    return float((above / (1.0 - _MIN_PRECISION)).mean())


def nuscenes_errors(
    hit: NDArray[np.bool_], errors: NDArray[np.float64], scores: NDArray[np.float64], objects: int
) -> NDArray[np.float64]:
    """Return (E,) mean errors of the true positives of one class.

    hit: (N,) bool, best score first. errors: (N, E) float64, read where hit. scores: (N,) descending. objects: from 1.
    """
    recall = np.cumsum(hit) / objects
    reached = int(np.count_nonzero(recall[-1] >= _RECALLS)) if len(recall) else 0
    if reached <= _FIRST:
        return np.ones(errors.shape[1])
    running = np.cumsum(errors[hit], axis=0) / np.arange(1, int(hit.sum()) + 1)[:, None]
    # Recalls stand for scores, and a score for the mean error of all matches down to it.
    score_at = np.interp(_RECALLS[:reached], recall, scores)
    ascending = scores[hit][::-1]
    means = [np.interp(score_at[_FIRST:], ascending, column[::-1]).mean() for column in running.T]
    return np.array(means, dtype=np.float64)
