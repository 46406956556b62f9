"""How bad an error is, from 0 to 1: what the report sorts by, and which error of a sample gives it its type.

    severity = certainty * (1 + size) / 2

size is the square root of the area (the cube root of the volume) relative to the largest object or prediction of the
image: an error on what is large there weighs up to twice as much as one on something tiny. certainty is 1 for a Miss;
the score, cut to 0 to 1, for Cls, Both and Bkg; half of it for a Dupe, whose object is found after all; and
1 - similarity for a Loc, the farther off the worse.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.errors.tide import Kind


def relative_sizes(
    predicted: NDArray[np.float64], true: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (N,) and (G,) sizes from 0 to 1 of places, (N, 2 D) and (G, 2 D): lower corner, then upper corner."""
    lengths = [_length(places) for places in (predicted, true)]
    largest = max((float(each.max()) for each in lengths if len(each)), default=0.0)
    if not largest > 0:
        return np.zeros(len(predicted)), np.zeros(len(true))
    return lengths[0] / largest, lengths[1] / largest


def severities(
    kind: NDArray[np.int8], scores: NDArray[np.float64], overlap: NDArray[np.float64], size: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return (N,) severities of predictions; 0 where kind is NONE."""
    score = np.clip(scores, 0.0, 1.0)
    certainty = np.select(
        [kind == Kind.NONE, kind == Kind.LOC, kind == Kind.DUPE],
        [0.0, np.clip(1 - overlap, 0.0, 1.0), score / 2],
        score,
    )
    return certainty * (1 + size) / 2


def miss_severities(size: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (G,) severities of missed objects."""
    return (1 + size) / 2


def _length(places: NDArray[np.float64]) -> NDArray[np.float64]:
    dimensions = places.shape[1] // 2
    edges = np.maximum(places[:, dimensions:] - places[:, :dimensions], 0.0)
    length: NDArray[np.float64] = edges.prod(axis=1) ** (1 / dimensions)
    return length
