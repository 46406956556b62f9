"""LAS and LAZ clouds (ASPRS), read by laspy, which the extra `pointcloud` brings.

What the header claims is checked against the file first: laspy, and the decompressor below it, believe it.
"""

from __future__ import annotations

import io
import struct
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.cloud_fields import MAX_CLOUD_BYTES, coordinates
from pytest_vizart.golden.files import read_bytes
from pytest_vizart.golden.laz_chunks import require_sound_chunks

INSTALL_HINT = 'pip install "pytest-vizart[pointcloud]"'

_HEADER_BYTES = 227  # of version 1.0 to 1.2, the shortest
_HEADER_BYTES_1_4 = 375
_VLR_BYTES = 54
_COMPRESSED = 0x80  # flag in the point format


def is_installed() -> bool:
    """Whether LAS and LAZ can be read here."""
    return find_spec("laspy") is not None and find_spec("lazrs") is not None


def read_fields(path: Path) -> dict[str, NDArray[Any]]:
    """Return the fields of the points by laspy's names: (N,) arrays; x, y, z scaled, float64, in the file's unit.

    Raises:
        GoldenFormatError: damaged, too large, or laspy is not installed.
    """
    content = read_bytes(path, limit=MAX_CLOUD_BYTES)
    _require_sound(content, path)
    if not is_installed():
        raise GoldenFormatError(
            "reading LAS and LAZ needs laspy",
            file=path,
            expected="laspy and lazrs installed",
            found="not installed",
            hint=INSTALL_HINT,
        )
    try:
        return _fields(content)
    except Exception as error:
        raise _damaged(path, error) from error
    except BaseException as error:
        if type(error).__module__ != "pyo3_runtime":  # a panic of the decompressor is no Exception
            raise
        raise _damaged(path, error) from error


def read_points(path: Path) -> NDArray[np.float64]:
    """Return the points' coordinates: (N, 3) float64. GoldenFormatError as `read_fields`."""
    return coordinates(read_fields(path), np.float64, path)


def _fields(content: bytes) -> dict[str, NDArray[Any]]:
    import laspy

    with laspy.open(io.BytesIO(content), laz_backend=laspy.LazBackend.Lazrs, read_evlrs=False) as reader:
        header = reader.header
        if header.are_points_compressed:
            record = header.vlrs[header.vlrs.index("LasZipVlr")].record_data
            require_sound_chunks(
                content, record, header.offset_to_point_data, header.point_count, header.point_format.size
            )
        points = reader.read_points(-1)
    if len(points) != header.point_count:
        raise ValueError(f"{len(points)} points instead of {header.point_count}")
    fields = {name: np.asarray(points[name]) for name in points.point_format.dimension_names}
    return {axis: np.asarray(points[axis], dtype=np.float64) for axis in "xyz"} | fields


def _require_sound(content: bytes, path: Path) -> None:
    """Raise GoldenFormatError where the header claims what the file cannot hold."""
    if content[:4] != b"LASF" or len(content) < _HEADER_BYTES:
        raise GoldenFormatError(
            "not a LAS file",
            file=path,
            place="header",
            expected="LASF",
            found=repr(content[:16]),
            hint="check the file",
        )
    minor = content[25]
    if minor >= 4 and len(content) < _HEADER_BYTES_1_4:
        raise _cut_off(path, f"a header of {_HEADER_BYTES_1_4} bytes", f"{len(content)} bytes")
    header_bytes, data_start, blocks, form, point_bytes, points = struct.unpack_from("<HIIBHI", content, 94)
    if minor >= 4:
        (points,) = struct.unpack_from("<Q", content, 247)
    if header_bytes + blocks * _VLR_BYTES > data_start or data_start > len(content):
        raise _cut_off(
            path, f"{blocks} records of {_VLR_BYTES} bytes or more before byte {data_start}", f"{len(content)} bytes"
        )
    claimed = points * point_bytes
    if not form & _COMPRESSED and data_start + claimed > len(content):
        raise _cut_off(path, f"{points} points of {point_bytes} bytes", f"{len(content) - data_start} bytes")
    if claimed > MAX_CLOUD_BYTES:
        raise GoldenFormatError(
            "cloud is too large to unpack",
            file=path,
            place="header",
            expected=f"at most {MAX_CLOUD_BYTES:,} bytes",
            found=f"{points} points of {point_bytes} bytes",
            hint="split it",
        )


def _cut_off(path: Path, expected: str, found: str) -> GoldenFormatError:
    return GoldenFormatError(
        "file ends before the header says",
        file=path,
        place="header",
        expected=expected,
        found=found,
        hint="was the file fetched completely?",
    )


def _damaged(path: Path, error: BaseException) -> GoldenFormatError:
    return GoldenFormatError(
        "not a LAS or LAZ file that can be read",
        file=path,
        expected="a cloud that laspy reads",
        found=f"{type(error).__name__}: {error}",
        hint="was the file fetched completely?",
    )
