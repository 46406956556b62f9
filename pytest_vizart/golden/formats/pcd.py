"""PCD clouds: point labels in a field of the points, or reference clouds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from pytest_vizart.golden.formats.point_fields import FieldCloudReader
from pytest_vizart.golden.pcd_file import read_fields


class PcdReader(FieldCloudReader):
    """Reads `clouds/{id}.pcd`."""

    def fields(self, path: Path) -> dict[str, NDArray[Any]]:
        return read_fields(path)
