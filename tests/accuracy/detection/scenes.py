"""Images made of nothing but their similarities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pytest_vizart.accuracy.detection.scene import Scene


def scene(
    similarity: Sequence[Sequence[float]],
    predicted: Sequence[int],
    true: Sequence[int],
    *,
    scores: Sequence[float] | None = None,
    crowd: Sequence[bool] | None = None,
    ignored: Sequence[bool] | None = None,
    shielded: Sequence[bool] | None = None,
) -> Scene:
    """A scene of N predictions, a row each, and G objects; without scores they fall from .99 on."""
    count, objects = len(predicted), len(true)
    return Scene(
        np.array(similarity, dtype=np.float64).reshape(count, objects),
        np.array([0.99 - 0.01 * row for row in range(count)] if scores is None else scores, dtype=np.float64),
        np.array(predicted, dtype=np.int64),
        np.array(true, dtype=np.int64),
        np.array([False] * objects if crowd is None else crowd, dtype=bool),
        np.array([False] * objects if ignored is None else ignored, dtype=bool),
        None if shielded is None else np.array(shielded, dtype=bool),
    )
