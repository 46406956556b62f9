"""Detections for which the label, not the model, may be wrong."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.errors.tide import Kind, SceneErrors

SUSPECT_SCORE = 0.9
"""From this score on a detection where no label is, is held against the label too.

A fixed score, and not the median of the right detections, so that what is said of a sample does not depend on the
samples before it: the live counts, the outcome and the next run agree.
"""


def label_suspects(errors: SceneErrors, scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return (N,) bool: confident detections on background that no label explains, not even an ignored one.

    Where every score is 1, as it is where a model gives none, nobody is confident.
    """
    confident: NDArray[np.bool_] = (scores >= SUSPECT_SCORE) & (errors.kind == Kind.BKG) & ~errors.explained
    return confident if bool((scores != 1.0).any()) else np.zeros_like(confident)
