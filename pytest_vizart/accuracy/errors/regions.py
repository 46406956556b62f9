"""Where masks, images and clouds are most wrong: connected regions of pixels, and cells of space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_REGIONS = 5

_LARGEST_PX = 1 << 24  # of larger images every second, third, ... pixel of each axis is looked at
_CELLS = 32  # along the longest side of a cloud
_FAR = 1e12  # metres; coordinates beyond it are no places


@dataclass(frozen=True, slots=True)
class Region:
    """A connected region. box: xyxy, pixels, half-open. size_px: pixels in it. rows, columns: (size_px,) positions.

    In images of more than 16 million pixels a sample of the pixels is looked at: `size_px` is then an estimate, and
    `rows` and `columns` hold the sample.
    """

    box: tuple[float, float, float, float]
    size_px: int
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Place:
    """A cell of space. box: x, y, z of the lower and upper corner of the points in it, metres. points: positions."""

    box: tuple[float, ...]
    points: NDArray[np.int64]


def worst_regions(wrong: NDArray[np.bool_], *, most: int = MOST_REGIONS) -> list[Region]:
    """Return the largest regions of an (H, W) array that are connected by their sides, largest first."""
    step = int(np.ceil(np.sqrt(max(1, wrong.size / _LARGEST_PX))))
    looked_at = wrong[::step, ::step]
    if not looked_at.any():
        return []
    from scipy import ndimage  # comes with scikit-learn; 0.2 s, only where something is wrong

    labels, count = ndimage.label(looked_at)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    largest = np.argsort(-sizes, kind="stable")[: min(most, count)]
    rank = np.zeros(count + 1, dtype=np.uint8)
    rank[largest] = np.arange(1, len(largest) + 1)
    ranked = rank[labels]
    regions = []
    for number, found in enumerate(ndimage.find_objects(ranked), start=1):
        rows, columns = np.nonzero(ranked[found] == number)
        rows, columns = (rows + found[0].start) * step, (columns + found[1].start) * step
        height, width = wrong.shape
        box = (
            float(columns.min()),
            float(rows.min()),
            float(min(columns.max() + step, width)),
            float(min(rows.max() + step, height)),
        )
        regions.append(Region(box, len(rows) * step * step, rows, columns))
    return regions


def worst_places(xyz: NDArray[np.floating[Any]], wrong: NDArray[np.bool_], *, most: int = MOST_REGIONS) -> list[Place]:
    """Return the cells of a cloud with the most wrong points, most first.

    The longest side of the cloud, its outermost points left out, has 32 cells. Points without a place are in none.
    """
    with np.errstate(invalid="ignore"):
        placed = (np.abs(xyz) < _FAR).all(axis=1)
    chosen = np.flatnonzero(wrong & placed)
    if not len(chosen):
        return []
    low, high = np.percentile(xyz[placed], (1, 99), axis=0)
    edge = float((high - low).max()) / _CELLS or 1.0
    cells = np.clip(np.floor((xyz[chosen] - low) / edge), -1, _CELLS + 1).astype(np.int64) + 1
    keys = np.ravel_multi_index(tuple(cells.T), (_CELLS + 3,) * 3)
    counts = np.bincount(keys)
    worst = np.argsort(-counts, kind="stable")[:most]
    return [_place(xyz, chosen[keys == cell]) for cell in worst if counts[cell]]


def _place(xyz: NDArray[np.floating[Any]], points: NDArray[np.int64]) -> Place:
    inside = xyz[points].astype(np.float64)
    return Place((*inside.min(axis=0).tolist(), *inside.max(axis=0).tolist()), points)
