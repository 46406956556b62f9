"""SemanticKITTI labels: 32 bits for each point, the lower 16 its class, the upper 16 its instance (0 for none)."""

from __future__ import annotations

import numpy as np

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.cloud_fields import MAX_CLOUD_BYTES
from pytest_vizart.golden.files import read_bytes
from pytest_vizart.golden.formats.class_ids import class_indices
from pytest_vizart.golden.formats.label_paths import is_present
from pytest_vizart.golden.formats.per_sample import PerSampleReader
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import PointLabels, Task

_BYTES = 4
_CLASS_BITS = 16


class SemanticKittiReader(PerSampleReader):
    """Reads `labels/{id}.label`; a sample without such a file is unlabeled."""

    tasks: tuple[Task, ...] = ("points",)

    def read(self, key: SampleKey) -> PointLabels | None:
        path = self._source.path_for(key)
        if not is_present(path):
            return None
        content = read_bytes(path, limit=MAX_CLOUD_BYTES)
        if len(content) % _BYTES:
            raise GoldenFormatError(
                "file ends within a point",
                file=path,
                place=f"point {len(content) // _BYTES}",
                expected=f"{_BYTES} bytes for each point",
                found=f"{len(content):,} bytes",
                hint="was the file fetched completely?",
            )
        words = np.frombuffer(content, "<u4")
        classes = (words & 0xFFFF).astype(np.uint16)
        labels = class_indices(classes, self.classes(), ignore=self._source.entry.ignore, file=path, what="point")
        return PointLabels(labels, (words >> _CLASS_BITS).astype(np.int32))
