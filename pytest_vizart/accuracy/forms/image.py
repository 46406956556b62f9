"""Forms of a predicted image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.forms import FormContext
from pytest_vizart.accuracy.forms.arrays import as_array
from pytest_vizart.accuracy.predicted import ImagePrediction
from pytest_vizart.errors import PredictionError

OVERSHOOT = 0.1
"""How far a float image may leave 0 to 1, as interpolation does; what goes farther has another range."""

_TYPES = ("uint8", "uint16")


def read(value: Any, context: FormContext) -> ImagePrediction:
    """Return an (H, W) or (H, W, C) image: uint8, uint16, or float from 0 to 1 (as float32, float64 where it is that).

    Accepted: arrays, tensors, Pillow images without palette; booleans as 0 and 255; (H, W, 1) as (H, W).

    Raises:
        PredictionError: a palette, another shape, type or range, or a value that is not finite.
    """
    if getattr(value, "mode", None) in ("P", "PA"):
        raise PredictionError(
            "a palette image",
            place="image",
            expected="gray or colours",
            found="positions in a palette",
            hint='give image.convert("RGB")',
        )
    array = as_array(value, "image")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or not array.size:
        raise PredictionError(
            "wrong shape",
            place="shape",
            expected="(H, W) or (H, W, C)",
            found=str(array.shape),
            hint="a batch of one? give image[0]",
        )
    return ImagePrediction(_typed(array))


def _typed(array: NDArray[Any]) -> NDArray[np.generic]:
    if array.dtype.kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.name in _TYPES:
        return array
    if array.dtype.kind != "f":
        raise PredictionError(
            "not an image",
            place="image",
            expected="uint8, uint16, or float from 0 to 1",
            found=str(array.dtype),
            hint="values from 0 to 255? use .astype(numpy.uint8)",
        )
    if array.dtype.itemsize < 4 or not array.dtype.isnative:
        array = array.astype(np.float32 if array.dtype.itemsize <= 4 else np.float64)
    low, high = float(array.min()), float(array.max())
    if not (low >= -OVERSHOOT and high <= 1 + OVERSHOOT):  # NaN is neither
        raise PredictionError(
            "float image out of range",
            place="image",
            expected="values from 0 to 1",
            found=f"{low:g} to {high:g}",
            hint="0 to 255? divide by 255, or give uint8; -1 to 1? (image + 1) / 2; NaN? the model diverged",
        )
    return array
