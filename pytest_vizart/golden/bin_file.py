"""Raw clouds: nothing but little-endian float32, as KITTI, SemanticKITTI (x, y, z, intensity) and nuScenes (x, y, z,
intensity, ring) store them, or bare coordinates.

No header tells the number of columns. The file's length does where it fits one of them only; else what the extra
columns hold must: a ring is a whole number from 0 to 255, an intensity lies between 0 and 1 or is such a number. A
cloud that fits several all the same is refused, not guessed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.cloud_fields import MAX_CLOUD_BYTES
from pytest_vizart.golden.files import read_bytes

_NUMBER_BYTES = 4
_NUSCENES_COLUMNS = 5
_COLUMNS = (3, 4, _NUSCENES_COLUMNS)


def read_bin(path: Path) -> NDArray[np.float32]:
    """Return the columns of a raw cloud: (N, 3), (N, 4) or (N, 5) float32; (N, 5) if its name ends in `.pcd.bin`.

    Raises:
        GoldenFormatError: the length fits no number of columns, or length and content fit several.
    """
    numbers = np.frombuffer(_whole(read_bytes(path, limit=MAX_CLOUD_BYTES), path), "<f4").astype(np.float32)
    if not len(numbers):
        return np.empty((0, 4), np.float32)
    columns = (_NUSCENES_COLUMNS,) if path.name.lower().endswith(".pcd.bin") else _COLUMNS
    fitting = [width for width in columns if len(numbers) % width == 0]
    if len(fitting) > 1:
        fitting = [width for width in fitting if width > 3 and _plausible(numbers.reshape(-1, width))]
    if len(fitting) != 1:
        raise GoldenFormatError(
            "number of columns of the raw cloud cannot be told",
            file=path,
            expected=f"rows of {' or '.join(map(str, columns))} float32, and one of them only",
            found=f"{len(numbers):,} numbers, which fit {' and '.join(map(str, fitting)) or 'none'}",
            hint="save it as NPY, which keeps the shape; nuScenes' own files end in .pcd.bin",
        )
    return numbers.reshape(-1, fitting[0])


def _whole(content: bytes, path: Path) -> bytes:
    if len(content) % _NUMBER_BYTES:
        raise GoldenFormatError(
            "file ends within a number",
            file=path,
            expected="float32 numbers of 4 bytes",
            found=f"{len(content):,} bytes",
            hint="was the file fetched completely?",
        )
    return content


def _plausible(rows: NDArray[np.float32]) -> bool:
    """Whether the columns after x, y, z hold an intensity and, if there is a fifth, a ring."""
    intensity = rows[:, 3]
    within_one = bool(((intensity >= 0) & (intensity <= 1)).all())
    return (within_one or _small_whole(intensity)) and all(_small_whole(column) for column in rows.T[4:])


def _small_whole(column: NDArray[Any]) -> bool:
    inside = (column >= 0) & (column <= 255)
    return bool(inside.all() and (column == np.floor(column)).all())
