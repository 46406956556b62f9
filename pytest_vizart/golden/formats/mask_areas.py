"""Areas of run-length encoded masks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_AREAS_AT_ONCE = 255  # pycocotools 2.0.11 puts the number of masks into 8 bits, and fails beyond


def mask_areas(masks: Sequence[bytes], sizes: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """Return the area of each mask in pixels; `sizes`: of each."""
    from pycocotools import mask as codec

    areas = np.empty(len(masks))
    for start in range(0, len(masks), _AREAS_AT_ONCE):
        now = slice(start, start + _AREAS_AT_ONCE)
        objects = zip(masks[now], sizes[now], strict=True)
        areas[now] = codec.area([{"size": list(size), "counts": counts} for counts, size in objects])
    return areas
