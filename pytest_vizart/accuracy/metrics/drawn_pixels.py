"""Masks and images as the report draws them, small enough."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.metrics.ssim import unit_range

MAX_PICTURE_PX = 512
_MOST_PREVIEW_BYTES = 80_000
_QUALITIES = (80, 50, 20)


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
        "step": step,
        "classes": names,
        "rle": [list(run) for run in zip(flat[starts].tolist(), lengths.tolist(), strict=True)],
    }


def preview(image: NDArray[Any]) -> str | None:
    """Return an (H, W) or (H, W, C) image as base64 of a small JPEG, None where nothing of it can be shown.

    Gray, or the first three channels; values as shares of the full range of their type.
    """
    from PIL import Image

    step = stride_px(image.shape)
    small = image[::step, ::step]
    if not small.size:
        return None
    if small.ndim == 3:
        small = small[:, :, :3] if small.shape[2] >= 3 else small[:, :, 0]
    shares = np.nan_to_num(unit_range(small), nan=0.0, posinf=1.0, neginf=0.0)
    pixels = np.round(np.clip(shares, 0.0, 1.0) * 255).astype(np.uint8)
    for quality in _QUALITIES:
        buffer = BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
        if buffer.tell() <= _MOST_PREVIEW_BYTES:
            return b64encode(buffer.getvalue()).decode("ascii")
    return None
