"""Objects, predictions and their similarities of many images, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HIGHEST_THRESHOLD = 1 - 1e-10
"""COCO's own cap: a prediction equal to its object up to rounding meets it at threshold 1."""


@dataclass(frozen=True, slots=True)
class Objects:
    """G objects of many images, in any order.

    image: (G,) int64, position of the image. class_index: (G,) int64. area: (G,) float64, square pixels, of the label
    file. crowd: (G,) bool, regions that take many detections and are never missed. ignored: (G,) bool, single objects
    that count neither as found nor as missed; None where there are none.
    """

    image: NDArray[np.int64]
    class_index: NDArray[np.int64]
    area: NDArray[np.float64]
    crowd: NDArray[np.bool_]
    ignored: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.image)

    @property
    def counting(self) -> NDArray[np.bool_]:
        """(G,) bool: objects that a model has to find."""
        counting: NDArray[np.bool_] = ~self.crowd if self.ignored is None else ~(self.crowd | self.ignored)
        return counting


@dataclass(frozen=True, slots=True)
class Detections:
    """D predictions of many images, in any order; of equal scores the earlier one goes first.

    image, class_index: (D,) int64. scores: (D,) float64, finite. area: (D,) float64, square pixels. shielded: (D,)
    bool, predictions that do not count where they meet nothing, because nobody labelled the place; None where there are
    none.
    """

    image: NDArray[np.int64]
    class_index: NDArray[np.int64]
    scores: NDArray[np.float64]
    area: NDArray[np.float64]
    shielded: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.image)


@dataclass(frozen=True, slots=True)
class Pairs:
    """P pairs of a detection and an object of its image and class that may meet, in any order, none twice.

    detection, object: (P,) int64, positions in the columns. similarity: (P,) float64, 1 is equal: IoU, OKS, or what
    else the task has; of a crowd the share of the detection that lies in it. Pairs under the lowest threshold may be
    left out.
    """

    detection: NDArray[np.int64]
    object: NDArray[np.int64]
    similarity: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.similarity)


@dataclass(frozen=True, slots=True)
class MatchTable:
    """Which detection met which object at one threshold, in the order of the `Detections` that were given.

    hit: (D,) bool, detections that met an object that counts. excused: (D,) bool, those that met a crowd or an ignored
    object, are shielded and met nothing, or lie beyond the best `most` of their image and class: they count neither
    way. object: (D,) int64, the object met, 0 where neither hit nor met a crowd or ignored object. met: (D,) bool,
    whether `object` says something. similarity: (D,) float64 with that object, 0 where none was met. found: (G,) bool,
    objects that count and were met.
    """

    hit: NDArray[np.bool_]
    excused: NDArray[np.bool_]
    met: NDArray[np.bool_]
    object: NDArray[np.int64]
    similarity: NDArray[np.float64]
    found: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Convention:
    """What is evaluated.

    thresholds: (T,) ascending similarities at which detection and object meet. area_names, areas_px: A ranges in square
    pixels, both ends included. most: best detections of each image and class that count, ascending. T x A is at most
    63.
    """

    thresholds: tuple[float, ...]
    area_names: tuple[str, ...]
    areas_px: tuple[tuple[float, float], ...]
    most: tuple[int, ...]


_SMALL_PX, _MEDIUM_PX, _LARGE_PX = (0.0, 32.0**2), (32.0**2, 96.0**2), (96.0**2, 1e10)
_THRESHOLDS: Sequence[float] = np.linspace(0.5, 0.95, 10).tolist()

BOXES_AND_MASKS = Convention(
    tuple(_THRESHOLDS),
    ("all", "small", "medium", "large"),
    ((0.0, 1e10), _SMALL_PX, _MEDIUM_PX, _LARGE_PX),
    (1, 10, 100),
)
KEYPOINTS = Convention(tuple(_THRESHOLDS), ("all", "medium", "large"), ((0.0, 1e10), _MEDIUM_PX, _LARGE_PX), (20,))
