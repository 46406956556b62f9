"""Run lengths of many masks in COCO's text form, checked together before pycocotools' C code gets them.

Five bits a character, lowest first, the sixth says that more follow, the highest bit of the last one is the sign; from
the fourth number on it is the difference from the run before the last (pycocotools, common/maskApi.c, rleFrString).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.golden.formats.coco_masks import encode_mask

Size = tuple[int, int]
"""(height, width) in pixels."""

_BITS, _MORE, _NEGATIVE = 0x1F, 0x20, 0x10
_MOST_GROUPS = 6  # 30 bits: no run of a mask is longer, and no sum of as many as fit into memory overflows
_CHARACTERS_AT_ONCE = 1 << 20


def checked_masks(
    segmentations: Sequence[Any], sizes: Sequence[Size], path: Path, place: Callable[[int], str]
) -> tuple[bytes, ...]:
    """Return the compressed run lengths of masks.

    Args:
        segmentations: {size, counts} or polygons, as rows of a COCO file have them.
        sizes: of the images, which the masks must cover.
        path, place: for messages; `place(3)` is that of the fourth row.

    Raises:
        GoldenFormatError: one that is none, or covers another size.
    """
    plain = [_is_text_form(one, size) for one, size in zip(segmentations, sizes, strict=True)]
    numbers = [number for number, is_plain in enumerate(plain) if is_plain]
    # Only ASCII can be right; what is not becomes a character that no run has.
    texts = [one["counts"].encode("ascii", "replace") for one in compress(segmentations, plain)]
    right = covers(texts, np.array([sizes[number][0] * sizes[number][1] for number in numbers], dtype=np.int64))
    masks = dict(compress(zip(numbers, texts, strict=True), right.tolist()))
    # Whatever is left is of another form, or wrong: the careful reader tells which, and what is wrong with it.
    return tuple(
        masks.get(number) or encode_mask({"segmentation": one}, sizes[number], place(number), path)
        for number, one in enumerate(segmentations)
    )


def covers(texts: Sequence[bytes], pixels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which run lengths are right and sum up to so many pixels."""
    right = np.zeros(len(texts), dtype=bool)
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    ends = np.cumsum(lengths)
    start = 0
    while start < len(texts):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + _CHARACTERS_AT_ONCE, side="right")))
        right[start:stop] = _cover(texts[start:stop], lengths[start:stop], pixels[start:stop])
        start = stop
    return right


def _is_text_form(segmentation: Any, size: Size) -> bool:
    return (
        isinstance(segmentation, dict)
        and segmentation.get("size") == list(size)
        and isinstance(segmentation.get("counts"), str)
    )


def _cover(texts: Sequence[bytes], lengths: NDArray[np.int64], pixels: NDArray[np.int64]) -> NDArray[np.bool_]:
    codes = np.frombuffer(b"".join(texts), dtype=np.uint8).astype(np.int64) - 48
    owner = np.repeat(np.arange(len(texts)), lengths)  # of each character
    right = lengths > 0
    right[owner[(codes < 0) | (codes > 63)]] = False
    codes = np.clip(codes, 0, 63)
    text_ends = np.cumsum(lengths)[lengths > 0] - 1
    right[owner[text_ends]] &= codes[text_ends] & _MORE == 0
    codes[text_ends] &= ~_MORE  # so that no number reaches into the next text
    values, run_owner = _numbers(codes, owner, right)
    runs = _undone(values, run_owner, len(texts))
    right[run_owner[(runs < 0) | (runs > pixels[run_owner])]] = False
    first = np.flatnonzero(np.diff(run_owner, prepend=-1))
    sums = np.zeros(len(texts), dtype=np.int64)
    if len(first):
        sums[run_owner[first]] = np.add.reduceat(runs, first)
    covered: NDArray[np.bool_] = right & (sums == pixels)
    return covered


def _numbers(
    codes: NDArray[np.int64], owner: NDArray[np.int64], right: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the numbers, and whose they are; marks texts with a number that is too long as not right."""
    lasts = np.flatnonzero(codes & _MORE == 0)
    firsts = np.append(0, lasts[:-1] + 1)[: len(lasts)]
    groups = lasts - firsts + 1
    right[owner[lasts[groups > _MOST_GROUPS]]] = False
    shifts = 5 * np.minimum(np.arange(len(codes)) - np.repeat(firsts, groups), _MOST_GROUPS)
    values = np.add.reduceat((codes & _BITS) << shifts, firsts) if len(firsts) else np.empty(0, dtype=np.int64)
    values -= np.where(codes[lasts] & _NEGATIVE, 1 << (5 * np.minimum(groups, _MOST_GROUPS)), 0)
    return values, owner[lasts]


def _undone(values: NDArray[np.int64], owner: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return the runs out of the differences from the run before the last."""
    starts = np.searchsorted(owner, np.arange(count))
    within = np.arange(len(values)) - starts[owner]
    runs = values.copy()
    for odd in (True, False):
        chosen = np.flatnonzero((within % 2 == odd) & (within > 0))
        if len(chosen):
            sums = np.cumsum(values[chosen])
            first = np.flatnonzero(np.diff(owner[chosen], prepend=-1))
            before = (sums - values[chosen])[first]
            runs[chosen] = sums - np.repeat(before, np.diff(np.append(first, len(chosen))))
    return runs
