"""COCO instance files (Lin et al., 2014): boxes, and semantic masks as the union of the instances' masks."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import resolve_inside
from pytest_vizart.golden.formats import LabelSource
from pytest_vizart.golden.formats.coco_file import CocoFile, CocoImage, contradiction, read_coco
from pytest_vizart.golden.formats.coco_masks import image_size, paint
from pytest_vizart.golden.formats.coco_values import is_crowd, read_area, read_box
from pytest_vizart.golden.formats.sample_names import SampleNames
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import IGNORE, BoxLabels, ClassMap, Label, SemanticLabels, Task

BACKGROUND = "background"


class CocoReader:
    """Reads a COCO file; a sample whose image is not in it is unlabeled, one without annotations has no objects.

    Classes are matched by name. In semantic masks class index 0 is the background, with ID 0.
    """

    tasks: tuple[Task, ...] = ("boxes", "semantic")
    per_sample = False

    def __init__(self, source: LabelSource) -> None:
        self._source = source
        self._path = resolve_inside(source.root, source.entry.path, file=source.manifest, place=f"{source.place}.path")
        self._classes: ClassMap | None = None
        self._images: dict[str, list[CocoImage]] | None = None

    def classes(self) -> ClassMap:
        if self._classes is None:
            given = self._source.classes or self._file().class_map()
            self._classes = self._with_background(given) if self._source.entry.task == "semantic" else given
        return self._classes

    def read(self, key: SampleKey) -> Label | None:
        file = self._file()
        if self._images is None:
            self._require_agreement(file)
            self._images = self._images_by_sample(file)
        images = self._images.get(key.id, [])
        if len(images) > 1:
            raise GoldenFormatError(
                "several images for one sample",
                file=self._path,
                place=f"{images[1].place}.file_name",
                expected=f"one image for sample {key.id}",
                found=", ".join(image.file_name for image in images),
                hint="write file_name relative to the dataset's folder",
            )
        return _READERS[self._source.entry.task](self, file, images[0]) if images else None

    def _require_agreement(self, file: CocoFile) -> None:
        found = None if self._source.classes is None else contradiction(file, self._source.classes)
        if found is not None:
            raise GoldenFormatError(
                "class IDs contradict each other",
                file=self._path,
                place="categories",
                expected=f"the IDs of {self._source.manifest.name}",
                found=found,
                hint="correct `classes` in the manifest, or leave it out to take those of the file",
            )

    def _boxes(self, file: CocoFile, image: CocoImage) -> BoxLabels:
        rows = file.annotations_of(image)
        boxes = [read_box(row, place, self._path) for place, row in rows]
        return BoxLabels(
            boxes=np.array([box for box, _ in boxes], dtype=np.float64).reshape(-1, 4),
            class_index=np.array([self._class_index(file, row, place) for place, row in rows], dtype=np.int64),
            crowd=np.array([is_crowd(row, place, self._path) for place, row in rows], dtype=np.bool_),
            area=np.array(
                [
                    read_area(row, extent, place, self._path)
                    for (place, row), (_, extent) in zip(rows, boxes, strict=True)
                ],
                dtype=np.float64,
            ),
            extent=np.array([extent for _, extent in boxes], dtype=np.float64),
        )

    def _semantic(self, file: CocoFile, image: CocoImage) -> SemanticLabels:
        size = image_size(image, self._path)
        mask = np.zeros(size, dtype=np.int32)
        rows = [(is_crowd(row, place, self._path), place, row) for place, row in file.annotations_of(image)]
        # Crowd regions first: what an instance says of a pixel is worth more than that it lies in a crowd.
        for crowd, place, row in sorted(rows, key=lambda one: not one[0]):
            index = self._class_index(file, row, place)
            paint(mask, row, IGNORE if crowd else index, place, self._path)
        return SemanticLabels(mask=mask)

    def _class_index(self, file: CocoFile, row: dict[str, Any], place: str) -> int:
        name = file.category_name(row, place)
        classes = self.classes()
        if name not in classes.names:
            raise GoldenFormatError(
                "class is not in the manifest",
                file=self._path,
                place=f"{place}.category_id",
                expected=f"one of {', '.join(classes.names)}",
                found=name,
                hint="add it to `classes`, or leave `classes` out to take those of the file",
            )
        return classes.names.index(name)

    def _with_background(self, classes: ClassMap) -> ClassMap:
        if classes.names[0] == BACKGROUND and classes.ids[0] == 0:
            return classes
        if BACKGROUND in classes.names:
            raise GoldenFormatError(
                "background is not the first class",
                file=self._source.manifest,
                place="classes",
                expected="ID 0 for background",
                found=f"ID {classes.ids[classes.names.index(BACKGROUND)]}",
                hint="leave background out, it is put in front by itself",
            )
        ids = tuple(range(1, len(classes) + 1)) if classes.ids == tuple(range(len(classes))) else classes.ids
        if 0 in ids:
            raise GoldenFormatError(
                "class ID 0 is kept for the background of semantic masks",
                file=self._source.manifest,
                place="classes",
                expected="IDs from 1",
                found=f"0: {classes.names[ids.index(0)]}",
                hint="give the class another ID",
            )
        return ClassMap(names=(BACKGROUND, *classes.names), ids=(0, *ids))

    def _images_by_sample(self, file: CocoFile) -> dict[str, list[CocoImage]]:
        names = SampleNames(self._source.samples)
        exact: dict[str, list[CocoImage]] = {}
        loose: dict[str, list[CocoImage]] = {}
        for image in file.images:
            sample_id = names.exact(image.file_name)
            found, level = (sample_id, exact) if sample_id else (names.by_file_name(image.file_name), loose)
            if found is not None:
                level.setdefault(found, []).append(image)
        return loose | exact

    def _file(self) -> CocoFile:
        """The parsed file, or the error it gave: parsed once for all stages of the dataset that it labels."""
        shared = self._source.shared
        key = ("coco", self._path)
        if key not in shared:
            try:
                shared[key] = read_coco(self._path)
            except GoldenFormatError as error:
                shared[key] = error
        found = shared[key]
        if isinstance(found, GoldenFormatError):
            raise copy.copy(found)  # the same error for each sample, without the tracebacks piling up
        assert isinstance(found, CocoFile)
        return found


_READERS: dict[str, Callable[[CocoReader, CocoFile, CocoImage], Label]] = {
    "boxes": CocoReader._boxes,
    "semantic": CocoReader._semantic,
}
