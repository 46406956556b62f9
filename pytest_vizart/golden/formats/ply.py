"""Point labels: one PLY cloud for each sample, with the class ID in a vertex property."""

from __future__ import annotations

from difflib import get_close_matches

import numpy as np

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats import LabelSource
from pytest_vizart.golden.formats.class_ids import class_indices
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.golden.ply_file import read_vertices
from pytest_vizart.records.labels import ClassMap, PointLabels, Task


class PlyReader:
    """Reads `clouds/{id}.ply`; a sample without such a file is unlabeled."""

    tasks: tuple[Task, ...] = ("points",)
    per_sample = True

    def __init__(self, source: LabelSource) -> None:
        self._source = source

    def classes(self) -> ClassMap:
        return self._source.required_classes()

    def read(self, key: SampleKey) -> PointLabels | None:
        path = self._source.path_for(key)
        if not path.exists():
            return None
        vertices = read_vertices(path)
        name = self._source.entry.property
        if name not in vertices:
            close = get_close_matches(name, vertices, n=1)
            raise GoldenFormatError(
                "vertices have no such property",
                file=path,
                place="header",
                expected=name,
                found=", ".join(vertices) or "none",
                hint=f"set `property: {close[0] if close else '...'}` in the manifest",
            )
        values = vertices[name]
        if values.dtype.kind == "f":
            whole = np.isfinite(values) & (values == np.round(values)) & (np.abs(values) < 2**31)
            if not whole.all():
                row = int(np.flatnonzero(~whole)[0])
                raise GoldenFormatError(
                    "label is no class ID",
                    file=path,
                    place=f"element vertex, row {row}",
                    expected="a whole number",
                    found=str(values[row]),
                    hint=f"is {name!r} the property that holds the class?",
                )
            values = values.astype(np.int64)
        indices = class_indices(values, self.classes(), ignore=self._source.entry.ignore, file=path, what="point")
        return PointLabels(labels=indices)
