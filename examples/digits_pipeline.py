"""Reads a handwritten digit. Knows nothing of tests or labels; trained on digits that are not golden.

Stages: decode, features, classify.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from digits_split import TRAINING_DIGITS
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from sklearn.datasets import load_digits
from sklearn.svm import SVC

SIDE_PX = 32
CELL_PX = 4
DIRECTIONS = 8
CELLS = (SIDE_PX // CELL_PX) ** 2
BLUR_SIGMA_PX = 1.5
_ROWS, _COLUMNS = np.indices((SIDE_PX, SIDE_PX)) // CELL_PX
CELL_OF_PIXEL: NDArray[np.int64] = _ROWS * (SIDE_PX // CELL_PX) + _COLUMNS


def decode(path: str | Path) -> NDArray[np.float64]:
    """Return the digit as (32, 32) ink from 0 to 1."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"), dtype=np.float64) / 255


def features(ink: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (64 + 512,): the ink of every cell, and how strongly strokes run in each of 8 directions there."""
    smooth = ndimage.gaussian_filter(ink, BLUR_SIGMA_PX)
    across, down = ndimage.sobel(smooth, axis=1), ndimage.sobel(smooth, axis=0)
    turn = (np.arctan2(down, across) / (2 * np.pi) % 1.0) * DIRECTIONS
    lower = turn.astype(np.int64)
    strength, share = np.hypot(across, down), turn - lower
    upper_bins = CELL_OF_PIXEL * DIRECTIONS + (lower + 1) % DIRECTIONS
    lower_bins = CELL_OF_PIXEL * DIRECTIONS + lower % DIRECTIONS
    strokes = _sums(lower_bins, strength * (1 - share)) + _sums(upper_bins, strength * share)
    cells = smooth.reshape(SIDE_PX // CELL_PX, CELL_PX, SIDE_PX // CELL_PX, CELL_PX).mean(axis=(1, 3))
    return np.concatenate([cells.ravel(), strokes / max(float(np.sqrt(np.sum(strokes**2))), 1e-9)])


def classify(vector: NDArray[np.float64]) -> dict[str, float]:
    """Return how likely each digit is, "0" to "9", 0..1: the softmax of the classifier's decision values."""
    decisions = CLASSIFIER.decision_function(vector[np.newaxis])[0]
    weights = np.exp(decisions - decisions.max())
    shares = weights / weights.sum()
    return {str(digit): float(share) for digit, share in zip(CLASSIFIER.classes_, shares, strict=True)}


def _sums(bins: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.bincount(bins.ravel(), weights.ravel(), minlength=CELLS * DIRECTIONS).astype(np.float64)


def _train() -> SVC:
    digits = load_digits()
    enlarged = np.kron(digits.images[TRAINING_DIGITS] / 16, np.ones((1, SIDE_PX // 8, SIDE_PX // 8)))
    return SVC(C=10.0).fit(np.stack([features(ink) for ink in enlarged]), digits.target[TRAINING_DIGITS])


CLASSIFIER = _train()
