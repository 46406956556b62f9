"""Point clouds as binary PLY."""

from __future__ import annotations

from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.audit.artifacts.registry import Encoded, Wish

_NAMES = ("x", "y", "z")
_TYPES = {"float16": ("float", "<f4"), "float32": ("float", "<f4"), "float64": ("double", "<f8")}
_ROWS = 100_000  # written at once


def encode_cloud_form(value: Any, wish: Wish) -> Encoded:
    return encode_cloud(np.asarray(value.xyz))


def is_cloud(array: NDArray[Any]) -> bool:
    """Tell (N, 3 or more) floats, of a width that PLY has."""
    return array.ndim == 2 and array.shape[1] >= len(_NAMES) and array.dtype.name in _TYPES


def encode_cloud(array: NDArray[Any]) -> Encoded:
    """Write the first three columns as x, y and z, the others as value_3, value_4, ..., in their own precision."""
    name, stored = _TYPES[array.dtype.name]
    columns = [*_NAMES, *(f"value_{position}" for position in range(len(_NAMES), array.shape[1]))]
    properties = "".join(f"property {name} {column}\n" for column in columns)
    header = f"ply\nformat binary_little_endian 1.0\nelement vertex {len(array)}\n{properties}end_header\n".encode()

    def write(file: IO[bytes]) -> None:
        file.write(header)
        for start in range(0, len(array), _ROWS):
            file.write(array[start : start + _ROWS].astype(stored).tobytes())

    return Encoded(".ply", write, len(header) + array.size * np.dtype(stored).itemsize)
