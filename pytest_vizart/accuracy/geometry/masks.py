"""Masks as COCO's compressed run lengths: made from arrays and polygons, measured, compared, and traced to be drawn.

Run lengths go down the columns, beginning outside of the object. The codec is pycocotools', which trusts what it is
given: run lengths from outside are checked by `checked_counts` first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import PredictionError

MAX_PIXELS = 178_956_970
"""Pixels of one mask, at most: Pillow's own bound for images."""
MAX_OUTLINE_PX = 20_000_000
"""The codec walks a polygon's outline in steps of a fifth of a pixel, keeping them all: this bounds its memory."""

_BITS, _MORE, _NEGATIVE = 0x1F, 0x20, 0x10
_MOST_GROUPS = 8  # 40 bits: no run of a mask is as long

Size = tuple[int, int]
"""(height, width) in pixels."""


def encode(masks: NDArray[Any]) -> tuple[bytes, ...]:
    """Return the run lengths of (N, H, W) masks; whatever is not 0 belongs to the object."""
    from pycocotools import mask as codec

    # One by one: the codec wants columns first, and a copy of all masks at once can be large.
    return tuple(codec.encode(np.asfortranarray(mask != 0).view(np.uint8))["counts"] for mask in masks)


_AREAS_AT_ONCE = 255
"""pycocotools' area() raises OverflowError for longer lists with numpy 2: it counts them in a byte."""


def decode(counts: bytes, size: Size) -> NDArray[np.bool_]:
    """Return the (H, W) mask."""
    from pycocotools import mask as codec

    inside: NDArray[np.bool_] = codec.decode({"size": list(size), "counts": counts}).astype(bool)
    return inside


def areas(masks: Sequence[bytes], size: Size) -> NDArray[np.float64]:
    """Return the (N,) areas in pixels."""
    from pycocotools import mask as codec

    objects = _objects(masks, size)
    found = np.empty(len(masks))
    for start in range(0, len(masks), _AREAS_AT_ONCE):
        now = slice(start, start + _AREAS_AT_ONCE)
        found[now] = codec.area(objects[now])
    return found


def boxes(masks: Sequence[bytes], size: Size) -> NDArray[np.float64]:
    """Return the (N, 4) boxes around the masks, xyxy, half-open; zeros for an empty mask."""
    from pycocotools import mask as codec

    if not masks:
        return np.empty((0, 4))
    sides = np.asarray(codec.toBbox(_objects(masks, size)), dtype=np.float64).reshape(-1, 4)
    return np.concatenate([sides[:, :2], sides[:, :2] + sides[:, 2:]], axis=1)


def mask_iou(
    predicted: Sequence[bytes], truth: Sequence[bytes], size: Size, crowd: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Return the (N, G) intersection over union; over the predicted mask's own area where the truth is a crowd."""
    from pycocotools import mask as codec

    if not predicted or not truth:
        return np.zeros((len(predicted), len(truth)))
    flags = [0] * len(truth) if crowd is None else crowd.astype(int).tolist()
    iou = codec.iou(_objects(predicted, size), _objects(truth, size), flags)
    return np.asarray(iou, dtype=np.float64).reshape(len(predicted), len(truth))


def from_polygons(rings: Sequence[NDArray[np.float64]], size: Size, place: str) -> bytes:
    """Return the run lengths of the union of polygons, (2P,) x, y, x, y, ... each, as COCO paints them.

    Raises:
        PredictionError: a ring that is no polygon, or whose outline is absurdly long.
    """
    from pycocotools import mask as codec

    for number, ring in enumerate(rings):
        _require_ring(ring, size, f"{place}[{number}]")
    if not rings:
        return encode(np.zeros((1, *size), dtype=bool))[0]
    counts: bytes = codec.merge(codec.frPyObjects([ring.tolist() for ring in rings], *size))["counts"]
    return counts


def from_runs(runs: NDArray[np.int64], size: Size) -> bytes:
    """Return the compressed form of plain run lengths, which must cover the mask."""
    from pycocotools import mask as codec

    counts: bytes = codec.frPyObjects({"size": list(size), "counts": runs.tolist()}, *size)["counts"]
    return counts


def checked_counts(counts: object, size: Size, place: str) -> bytes:
    """Return compressed run lengths of COCO's text, bytes or list of numbers.

    Raises:
        PredictionError: they are none, or do not cover a mask of this size exactly.
    """
    runs, pixels = _plain_runs(counts), size[0] * size[1]
    if runs is None or not ((runs >= 0) & (runs <= pixels)).all() or int(runs.sum()) != pixels:
        raise PredictionError(
            "run lengths do not cover the mask",
            place=place,
            expected=f"COCO's counts, runs from 0 that sum up to {pixels}",
            found="no run lengths" if runs is None else f"{len(runs)} runs, sum {int(runs.sum())}",
            hint="size is [height, width]; encode the masks again with pycocotools.mask.encode",
        )
    return from_runs(_without_empty(runs), size)


def _without_empty(runs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Join the runs around empty ones, at which pycocotools' IoU stops."""
    inside = (np.arange(len(runs)) % 2)[runs > 0]
    lengths = runs[runs > 0]
    starts = np.flatnonzero(np.diff(inside, prepend=-1))
    joined = np.add.reduceat(lengths, starts)
    return np.concatenate([[0], joined]) if inside[0] else joined


def runs_of(counts: bytes) -> NDArray[np.int64]:
    """Return the plain run lengths of compressed ones (pycocotools, common/maskApi.c, rleFrString)."""
    runs = _decompressed(counts)
    assert runs is not None  # our own bytes
    return runs


def cropped(counts: bytes, size: Size) -> tuple[NDArray[np.bool_], tuple[int, int]]:
    """Return the part of a mask inside of its box, and the (x, y) of that part; at the cost of the part only."""
    x1, y1, x2, y2 = (int(side) for side in boxes([counts], size)[0])
    height = size[0]
    ends = np.cumsum(runs_of(counts))
    starts, stops = ends[0::2][: len(ends) // 2], ends[1::2]
    filled = stops > starts
    starts, stops = starts[filled], stops[filled]
    # Only the box's columns are unrolled: runs begin and end at pixel numbers that count down the columns.
    change = np.zeros((x2 - x1) * height + 1, dtype=np.int8)
    np.add.at(change, starts - x1 * height, 1)
    np.add.at(change, stops - x1 * height, -1)
    inside = np.cumsum(change[:-1], dtype=np.int8).astype(bool).reshape(x2 - x1, height).T
    return inside[y1:y2], (x1, y1)


def _objects(masks: Sequence[bytes], size: Size) -> list[dict[str, Any]]:
    return [{"size": list(size), "counts": counts} for counts in masks]


def _plain_runs(counts: object) -> NDArray[np.int64] | None:
    if isinstance(counts, str | bytes):
        return _decompressed(counts.encode("utf-8", "replace") if isinstance(counts, str) else counts)
    try:
        runs = np.asarray(counts)
    except (TypeError, ValueError):
        return None
    whole = runs.ndim == 1 and runs.dtype.kind in "iu" and runs.size > 0
    return runs.astype(np.int64) if whole and not (np.abs(runs.astype(np.float64)) > MAX_PIXELS).any() else None


def _decompressed(counts: bytes) -> NDArray[np.int64] | None:
    """Decode COCO's text of run lengths; None if it is none.

    Five bits a character, lowest first, the sixth says that more follow, the highest bit of the last one is the sign;
    from the fourth run on a number is the difference from the run before the last.
    """
    codes = np.frombuffer(counts, dtype=np.uint8).astype(np.int64) - 48
    if not len(codes) or ((codes < 0) | (codes > 63)).any() or codes[-1] & _MORE:
        return None
    lasts = np.flatnonzero(codes & _MORE == 0)
    firsts = np.concatenate([[0], lasts[:-1] + 1])
    lengths = lasts - firsts + 1
    if lengths.max() > _MOST_GROUPS:
        return None
    within = np.arange(len(codes)) - np.repeat(firsts, lengths)
    values = np.add.reduceat((codes & _BITS) << (5 * within), firsts)
    values -= np.where(codes[lasts] & _NEGATIVE, 1 << (5 * lengths), 0)
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values


def _require_ring(ring: NDArray[np.float64], size: Size, place: str) -> None:
    if ring.ndim != 1 or len(ring) < 6 or len(ring) % 2:
        raise PredictionError(
            "not a polygon",
            place=place,
            expected="x, y of three points and more",
            found=f"shape {ring.shape}",
            hint="drop such objects, or give masks",
        )
    points = ring.reshape(-1, 2)
    outline = np.abs(points - np.roll(points, -1, axis=0)).max(axis=1).sum()
    reach = 4.0 * max(size) + 1000.0
    if np.abs(ring).max() > reach or outline > MAX_OUTLINE_PX:
        raise PredictionError(
            "polygon lies far outside of its image",
            place=place,
            expected=f"pixels of an image of {size[1]} x {size[0]}",
            found=f"coordinates up to {np.abs(ring).max():g}, an outline of {outline:g} pixels",
            hint="is the image's size (height, width)?",
        )
