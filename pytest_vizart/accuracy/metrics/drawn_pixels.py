"""Masks as the report draws them: small enough, as runs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_PICTURE_PX = 512


def stride_px(shape: tuple[int, ...]) -> int:
    """Return every how many pixels of an (H, W, ...) array one is drawn, so that no side is over MAX_PICTURE_PX."""
    return max(1, -(-max(shape[:2]) // MAX_PICTURE_PX))


def runs(mask: NDArray[np.int32], names: list[str]) -> dict[str, Any]:
    """Return an (H, W) array of positions in `names`, or IGNORE, as run lengths."""
    step = stride_px(mask.shape)
    small = mask[::step, ::step]
    flat = small.ravel()
    starts = np.flatnonzero(np.diff(flat, prepend=flat[0] + 1)) if flat.size else np.empty(0, dtype=np.int64)
    lengths = np.diff(starts, append=flat.size)
    return {
        "width": int(small.shape[1]),
        "height": int(small.shape[0]),
        "classes": names,
        "rle": [list(run) for run in zip(flat[starts].tolist(), lengths.tolist(), strict=True)],
    }
