"""Outlines of masks, to be drawn: rings along the pixels' edges, simplified."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.geometry.masks import Size, cropped

_MOST_CORNERS = 20_000
"""Masks with more corners are looked at in coarser steps first."""
_DRAWN_EDGE_PX = 512
"""A picture is drawn about so large: what is finer than a pixel of it is left out."""


def outlines(masks: Sequence[bytes], size: Size) -> list[list[list[int]]]:
    """Return, for each mask, its rings [x1, y1, x2, y2, ...] in whole pixels; holes are rings too (even-odd rule)."""
    tolerance = max(1.0, max(size, default=0) / _DRAWN_EDGE_PX)
    return [_outline(counts, size, tolerance) for counts in masks]


def rings_of(mask: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Return the exact rings (P, 2) of x, y along the pixels' edges of an (H, W) mask, corners only."""
    x, y = _corners(mask)
    if not len(x):
        return []
    along_row, along_column = _partners(y, x), _partners(x, y)
    return _walked(x, y, along_row, along_column)


def _outline(counts: bytes, size: Size, tolerance: float) -> list[list[int]]:
    mask, (left, top) = cropped(counts, size)
    step = 1
    while len(_corners(mask)[0]) > _MOST_CORNERS:
        mask, step = mask[::2, ::2], step * 2
    rings = [_simplified(ring, tolerance / step) * step + (left, top) for ring in rings_of(mask)]
    rings.sort(key=_area, reverse=True)
    # The largest one stays whatever its size; of the others those that would be seen.
    return [ring.reshape(-1).tolist() for number, ring in enumerate(rings) if not number or _area(ring) > tolerance**2]


def _corners(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return x, y of the corners of all outlines; a point where two pixels touch corner to corner appears twice."""
    padded = np.pad(mask, 1).astype(np.int8)
    upper, lower = padded[:-1], padded[1:]
    around = upper[:, :-1] + upper[:, 1:] + lower[:, :-1] + lower[:, 1:]
    touching = (around == 2) & (upper[:, :-1] == lower[:, 1:])
    y, x = np.nonzero((around % 2 == 1) | touching)
    twice = 1 + touching[y, x]
    return np.repeat(x, twice), np.repeat(y, twice)


def _partners(line: NDArray[np.int64], place: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each corner the other end of its edge on this line: edges begin and end in turn along it."""
    order = np.lexsort((place, line))
    partner = np.empty(len(order), dtype=np.int64)
    partner[order[0::2]], partner[order[1::2]] = order[1::2], order[0::2]
    return partner


def _walked(
    x: NDArray[np.int64], y: NDArray[np.int64], along_row: NDArray[np.int64], along_column: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    row, column = along_row.tolist(), along_column.tolist()
    new = [True] * len(row)
    rings: list[NDArray[np.int64]] = []
    for first in range(len(row)):
        members: list[int] = []
        here = first
        while new[here]:
            there = row[here]
            new[here] = new[there] = False
            members += (here, there)
            here = column[there]
        if members:
            rings.append(np.stack([x[members], y[members]], axis=1))
    return rings


def _simplified(ring: NDArray[np.int64], tolerance: float) -> NDArray[np.int64]:
    """Leave out points within the tolerance of the line between their neighbours (Douglas and Peucker, 1973)."""
    if len(ring) <= 4:
        return ring
    far = int(np.argmax(((ring - ring[0]) ** 2).sum(axis=1)))  # a ring has no ends: two points far apart serve
    closed = np.concatenate([ring, ring[:1]])
    kept = np.zeros(len(closed), dtype=bool)
    kept[[0, far, len(ring)]] = True
    spans = [(0, far), (far, len(ring))]
    while spans:
        start, stop = spans.pop()
        if stop - start < 2:
            continue
        distances = _distances(closed[start + 1 : stop], closed[start], closed[stop])
        worst = int(np.argmax(distances))
        if distances[worst] > tolerance:
            middle = start + 1 + worst
            kept[middle] = True
            spans += ((start, middle), (middle, stop))
    result = ring[kept[:-1]]
    if len(result) > 2:
        return result
    (x1, y1), (x2, y2) = ring.min(axis=0), ring.max(axis=0)  # thinner than the tolerance
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])


def _distances(points: NDArray[np.int64], start: NDArray[np.int64], stop: NDArray[np.int64]) -> NDArray[np.float64]:
    along = (stop - start).astype(np.float64)
    offset = points - start
    length = np.hypot(*along)
    if not length:
        return np.asarray(np.hypot(offset[:, 0], offset[:, 1]), dtype=np.float64)
    return np.asarray(np.abs(along[0] * offset[:, 1] - along[1] * offset[:, 0]) / length, dtype=np.float64)


def _area(ring: NDArray[np.int64]) -> float:
    x, y = ring[:, 0], ring[:, 1]
    return float(abs((x * np.roll(y, -1) - np.roll(x, -1) * y).sum()) / 2)
