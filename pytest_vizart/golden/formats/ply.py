"""PLY clouds: point labels in a property of the vertices, or reference clouds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from pytest_vizart.golden.formats.point_fields import FieldCloudReader
from pytest_vizart.golden.ply_file import read_vertices


class PlyReader(FieldCloudReader):
    """Reads `clouds/{id}.ply`."""

    def fields(self, path: Path) -> dict[str, NDArray[Any]]:
        return read_vertices(path)
