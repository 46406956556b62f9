"""LVIS files (Gupta et al., 2019): COCO's form, over a thousand classes, each labelled in a part of the images only.

What is used of LVIS's own fields:

- images are found by the end of `coco_url`, "val2017/000000397133.jpg", where `file_name` fits no sample or is absent;
- `not_exhaustive_category_ids`, classes of which an image has more objects than are labelled: each of them has a crowd
  region as large as the image in the label, so that predictions of the class that meet no labelled object do not count;
- `neg_category_ids` is checked, and not used: a label has no place for "nobody looked for this class here". So
  predicted objects of a class that is neither labelled in the image nor known to be absent count as false positives,
  which LVIS's own evaluation leaves out, and average precision is lower than LVIS's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats.coco import CocoReader
from pytest_vizart.golden.formats.coco_file import CocoFile, CocoImage
from pytest_vizart.golden.formats.coco_masks import image_size
from pytest_vizart.golden.formats.coco_values import shown
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import BoxLabels, InstanceLabels, Label, Task


class LvisReader(CocoReader):
    """Reads an LVIS file as the COCO reader reads COCO files, with what its images say of the classes."""

    tasks: tuple[Task, ...] = ("boxes", "instances")

    def read(self, key: SampleKey) -> Label | None:
        label = super().read(key)
        image = self._image(key)
        if label is None or image is None:
            return label
        file = self._file()
        self._listed_classes(file, image, "neg_category_ids")
        partly_labelled = self._listed_classes(file, image, "not_exhaustive_category_ids")
        if not partly_labelled:
            return label
        height, width = image_size(image, self._path)
        if isinstance(label, InstanceLabels):
            from pycocotools import mask as codec

            whole = codec.frPyObjects({"size": [height, width], "counts": [0, height * width]}, height, width)
            return InstanceLabels(
                _with_crowds(label.objects, partly_labelled, height, width),
                label.masks + (whole["counts"],) * len(partly_labelled),
                label.size,
            )
        assert isinstance(label, BoxLabels)
        return _with_crowds(label, partly_labelled, height, width)

    def _listed_classes(self, file: CocoFile, image: CocoImage, key: str) -> list[int]:
        """Return the class indices of categories that the manifest has, in the file's order, each once."""
        place = f"{image.place}.{key}"
        numbers: Any = image.row.get(key, [])
        if not isinstance(numbers, list):
            raise GoldenFormatError(
                "not a list of categories",
                file=self._path,
                place=place,
                expected="a list of category IDs",
                found=shown(numbers),
                hint="correct it, or leave it out",
            )
        found = (
            self._find_class(file.category_name({"category_id": number}, f"{place}[{position}]"))
            for position, number in enumerate(numbers)
        )
        return list(dict.fromkeys(index for index in found if index is not None))


def _with_crowds(objects: BoxLabels, classes: list[int], height: int, width: int) -> BoxLabels:
    """Return the objects and, for each of the classes, a crowd region as large as the image."""
    count = len(classes)
    area = float(width * height)
    return replace(
        objects,
        boxes=np.concatenate([objects.boxes, np.tile([0.0, 0.0, float(width), float(height)], (count, 1))]),
        class_index=np.concatenate([objects.class_index, np.array(classes, dtype=np.int64)]),
        crowd=np.concatenate([objects.crowd, np.ones(count, dtype=np.bool_)]),
        area=np.concatenate([objects.area, np.full(count, area)]),
        extent=None if objects.extent is None else np.concatenate([objects.extent, np.full(count, area)]),
    )
