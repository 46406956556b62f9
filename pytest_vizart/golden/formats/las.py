"""LAS and LAZ clouds: the classification of the points, or reference clouds. Needs the extra `pointcloud`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from pytest_vizart.errors import UsageError
from pytest_vizart.golden.formats import LabelSource
from pytest_vizart.golden.formats.point_fields import FieldCloudReader
from pytest_vizart.golden.las_file import INSTALL_HINT, is_installed, read_fields


class LasReader(FieldCloudReader):
    """Reads `clouds/{id}.las`; the class is in `classification` unless the manifest's `property` names another field.

    Raises UsageError where laspy is not installed.
    """

    def __init__(self, source: LabelSource) -> None:
        super().__init__(source)
        if not is_installed():
            raise UsageError(
                "format las needs laspy",
                file=source.manifest,
                place=f"{source.place}.format",
                expected="laspy and lazrs installed",
                found="not installed",
                hint=INSTALL_HINT,
            )

    def fields(self, path: Path) -> dict[str, NDArray[Any]]:
        fields = read_fields(path)
        return {"label": fields["classification"]} | fields  # `property` is "label" where the manifest says nothing
