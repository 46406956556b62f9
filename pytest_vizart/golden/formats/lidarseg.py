"""nuScenes lidarseg labels: one byte for each point, its class."""

from __future__ import annotations

import numpy as np

from pytest_vizart.golden.cloud_fields import MAX_CLOUD_BYTES
from pytest_vizart.golden.files import read_bytes
from pytest_vizart.golden.formats.class_ids import class_indices
from pytest_vizart.golden.formats.label_paths import is_present
from pytest_vizart.golden.formats.per_sample import PerSampleReader
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import PointLabels, Task


class LidarsegReader(PerSampleReader):
    """Reads `lidarseg/{id}_lidarseg.bin`; a sample without such a file is unlabeled."""

    tasks: tuple[Task, ...] = ("points",)

    def read(self, key: SampleKey) -> PointLabels | None:
        path = self._source.path_for(key)
        if not is_present(path):
            return None
        values = np.frombuffer(read_bytes(path, limit=MAX_CLOUD_BYTES), np.uint8)
        return PointLabels(
            class_indices(values, self.classes(), ignore=self._source.entry.ignore, file=path, what="point")
        )
