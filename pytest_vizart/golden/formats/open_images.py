"""Open Images boxes (Kuznetsova et al., 2020): one CSV file for all samples, in shares of the image's size."""

from __future__ import annotations

import copy
from functools import cached_property
from pathlib import Path

import numpy as np

from pytest_vizart.golden.files import resolve_inside
from pytest_vizart.golden.formats import LabelSource
from pytest_vizart.golden.formats.box_columns import box_labels
from pytest_vizart.golden.formats.open_images_file import SampleRows, read_rows, read_table
from pytest_vizart.golden.formats.parsed_once import parsed_once
from pytest_vizart.golden.image_size import image_size
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.golden.manifest_values import MAX_CLASSES
from pytest_vizart.records.labels import BoxLabels, ClassMap, Task


class OpenImagesReader:
    """Reads a `...-bbox.csv`; a sample without a row is unlabeled, since the file does not list images without boxes.

    LabelName is the name of a class or, where a `class-descriptions` CSV lies beside, the code that it gives to one;
    without a class map in the manifest its classes are taken, in its order, with IDs from 0. IsGroupOf marks a crowd.
    Decimal commas, of programs set to another language, are read as points.
    """

    tasks: tuple[Task, ...] = ("boxes",)
    per_sample = False

    def __init__(self, source: LabelSource) -> None:
        self._source = source
        self._path = source.only_path()

    def classes(self) -> ClassMap:
        return self._classes

    def read(self, key: SampleKey) -> BoxLabels | None:
        source = self._source
        # The class map is part of the key: stages may read one file with different classes.
        shared_key = ("open images", self._path, self._classes_key)
        rows: SampleRows | None = parsed_once(source.shared, shared_key, self._read_rows).get(key.id)
        if rows is None:
            return None
        if rows.error is not None:
            raise copy.copy(rows.error)  # without the tracebacks piling up
        height, width = image_size(key.path, source.shared)
        corners = np.array(rows.shares).reshape(-1, 4) * [width, height, width, height]
        return box_labels(corners, rows.class_index, crowd=[bool(flag) for flag in rows.crowd])

    def _read_rows(self) -> dict[str, SampleRows]:
        return read_rows(self._path, self._source.samples, self._classes, self._descriptions)

    @cached_property
    def _classes(self) -> ClassMap:
        if self._source.classes is not None:
            return self._source.classes
        names = tuple(self._descriptions.values())
        if not 0 < len(set(names)) == len(names) <= MAX_CLASSES:
            return self._source.required_classes()
        return ClassMap(names, tuple(range(len(names))))

    @cached_property
    def _classes_key(self) -> int:
        return hash(self._classes)

    @cached_property
    def _descriptions(self) -> dict[str, str]:
        """Code of a class -> its name, of the files beside; empty without one."""
        source = self._source
        found: dict[str, str] = {}
        for path in sorted(self._path.parent.glob("*class-descriptions*.csv")):
            inside = _inside(source, path)
            for line, cells in read_table(inside):
                if len(cells) >= 2 and not (line == 1 and cells[0] == "LabelName"):
                    found[cells[0].strip()] = cells[1].strip()
        return found


def _inside(source: LabelSource, path: Path) -> Path:
    relative = path.relative_to(source.root).as_posix()
    return resolve_inside(source.root, relative, file=source.manifest, place=f"{source.place}.path")
