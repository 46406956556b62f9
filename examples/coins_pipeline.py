"""Finds coins in a gray photograph with classical image processing. Knows nothing of tests or labels.

Stages: decode, preprocess, segment, boxes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.measure import label, regionprops
from skimage.segmentation import watershed

NOISE_SIGMA_PX = 1.0
LEAST_COIN_PX = 90  # square pixels; a smaller blob is dust or the rim of the photograph


class Boxes(TypedDict):
    """boxes: (N, 4) float64, xyxy, pixels, half-open. scores: (N,) in 0..1. labels: N class names."""

    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    labels: list[str]


def decode(path: str | Path) -> NDArray[np.float64]:
    """Return the picture as (H, W) gray values from 0 to 1."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"), dtype=np.float64) / 255


def preprocess(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the picture without grain, (H, W), 0..1."""
    return np.asarray(ndimage.gaussian_filter(image, NOISE_SIGMA_PX), dtype=np.float64)


def segment(image: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the pixels of coins, (H, W): the gradient is flooded from what is surely dark and surely bright."""
    threshold = threshold_otsu(image)
    gradient = np.hypot(ndimage.sobel(image, axis=0), ndimage.sobel(image, axis=1))
    markers = np.zeros(image.shape, dtype=np.int32)
    markers[image < 0.8 * threshold] = 1
    markers[image > 1.3 * threshold] = 2
    coins = ndimage.binary_fill_holes(watershed(gradient, markers) == 2)
    return np.asarray(ndimage.binary_opening(coins, iterations=3))


def find_boxes(mask: NDArray[np.bool_]) -> Boxes:
    """Return one box for every connected region; the rounder the region, the higher its score."""
    regions = [region for region in regionprops(label(mask)) if region.area >= LEAST_COIN_PX]
    corners = [(left, top, right, bottom) for top, left, bottom, right in (region.bbox for region in regions)]
    return Boxes(
        boxes=np.array(corners, dtype=np.float64).reshape(-1, 4),
        scores=np.array([region.solidity for region in regions], dtype=np.float64),
        labels=["coin"] * len(regions),
    )
