"""Structural similarity of images (Wang et al., "Image quality assessment", IEEE TIP 13, 2004)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

WINDOW_PX = 11
_SIGMA_PX = 1.5
_C1, _C2 = 0.01**2, 0.03**2
_STRIP_PX = 1 << 19  # pixels of one channel at once: what is computed of them stays bounded in memory

FULL_SCALE: dict[str, float] = {"uint8": 255.0, "uint16": 65_535.0}
"""Largest value of the types that are not float."""


def unit_range(image: NDArray[Any]) -> NDArray[np.float64]:
    """Return an image as float64 from 0 to 1."""
    return image.astype(np.float64) / FULL_SCALE.get(image.dtype.name, 1.0)


def structural_similarity(first: NDArray[Any], second: NDArray[Any]) -> float | None:
    """Return the mean SSIM of two (H, W) or (H, W, C) images of equal shape; None if a side is under WINDOW_PX.

    A Gaussian window of 11 x 11 pixels with a standard deviation of 1.5, at all places where it lies inside of the
    image; for colours the mean over the channels. From -1 to 1.
    """
    height, width = first.shape[:2]
    if min(height, width) < WINDOW_PX:
        return None
    total = 0.0
    for a, b in _channels(first, second):
        rows = max(WINDOW_PX, _STRIP_PX // width)
        for start in range(0, height - WINDOW_PX + 1, rows):
            strip = slice(start, min(start + rows, height - WINDOW_PX + 1) + WINDOW_PX - 1)
            total += float(_similarities(unit_range(a[strip]), unit_range(b[strip])).sum())
    channels = first.shape[2] if first.ndim == 3 else 1
    return total / float((height - WINDOW_PX + 1) * (width - WINDOW_PX + 1) * channels)


def _channels(first: NDArray[Any], second: NDArray[Any]) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    if first.ndim == 2:
        yield first, second
        return
    for channel in range(first.shape[2]):
        yield first[:, :, channel], second[:, :, channel]


def _similarities(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    mean_a, mean_b = _windowed(a), _windowed(b)
    covariance = _windowed(a * b) - mean_a * mean_b
    variances = _windowed(a * a + b * b) - mean_a**2 - mean_b**2
    return ((2 * mean_a * mean_b + _C1) * (2 * covariance + _C2)) / ((mean_a**2 + mean_b**2 + _C1) * (variances + _C2))


def _windowed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weighted mean of the window around each pixel that has all of it."""
    from scipy.ndimage import correlate1d  # comes with scikit-learn

    reach = WINDOW_PX // 2
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / _SIGMA_PX) ** 2)
    weights /= weights.sum()
    means = correlate1d(correlate1d(values, weights, axis=0), weights, axis=1)
    inner: NDArray[np.float64] = means[reach : len(means) - reach, reach : means.shape[1] - reach]
    return inner
