"""Forms of a predicted cloud."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.forms import FormContext
from pytest_vizart.accuracy.forms.arrays import as_array
from pytest_vizart.accuracy.predicted import CloudPrediction
from pytest_vizart.errors import PredictionError

_KEYS = ("xyz", "points")


def read(value: Any, context: FormContext) -> CloudPrediction:
    """Return (N, 3) coordinates in metres.

    Accepted: (N, 3), organised (H, W, 3), an array with the fields x, y, z, a mapping with the key "xyz" or "points",
    an object with such an attribute (Open3D). Points that are not finite, which sensors write where nothing came
    back, stay: the comparison leaves them out and counts them.

    Raises:
        PredictionError: another form or shape, or no numbers.
    """
    if isinstance(value, Mapping):
        value = next((value[key] for key in _KEYS if key in value), value)
    elif not isinstance(value, (np.ndarray, list, tuple)):
        value = next((getattr(value, key) for key in _KEYS if hasattr(value, key)), value)
    fields = getattr(getattr(value, "dtype", None), "names", None)
    if fields and {"x", "y", "z"} <= set(fields):
        value = np.stack([value[axis] for axis in "xyz"], axis=-1)
    return CloudPrediction(_coordinates(as_array(value, "cloud")))


def _coordinates(array: NDArray[Any]) -> NDArray[np.float64]:
    if not array.size and array.ndim < 3:
        return np.empty((0, 3))
    if array.dtype.kind not in "iuf":
        raise PredictionError(
            "not coordinates", place="cloud", expected="numbers, metres", found=str(array.dtype), hint="convert them"
        )
    if array.ndim not in (2, 3) or array.shape[-1] != 3:
        wide = array.ndim == 2 and array.shape[1] > 3
        raise PredictionError(
            "wrong shape",
            place="shape",
            expected="(N, 3), x, y, z in metres",
            found=str(array.shape),
            hint="more columns than coordinates? give cloud[:, :3]" if wide else "transpose it? batch? give one cloud",
        )
    return array.reshape(-1, 3).astype(np.float64)
