"""NPY and NPZ files: masks, point labels, clouds, images and arrays.

Of an archive the array that the manifest's `property` names is taken, or the only one. An array whose rows have named
fields is a table, and `property` names a field of it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.cloud_fields import coordinates
from pytest_vizart.golden.formats import LabelSource
from pytest_vizart.golden.formats.class_ids import class_indices
from pytest_vizart.golden.formats.label_paths import is_present
from pytest_vizart.golden.formats.point_fields import cloud_label, instances, point_labels, whole_numbers
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.golden.npy_file import read_npy, read_npz
from pytest_vizart.records.labels import (
    NO_CLASSES,
    ArrayLabel,
    ClassMap,
    CloudLabel,
    ImageLabel,
    Label,
    PointLabels,
    SemanticLabels,
    Task,
)

Arrays = dict[str, NDArray[Any]]


class NpyReader:
    """Reads `masks/{id}.npy` or `.npz`; a sample without such a file is unlabeled."""

    tasks: tuple[Task, ...] = ("semantic", "points", "cloud", "image", "array")
    per_sample = True

    def __init__(self, source: LabelSource) -> None:
        self._source = source
        readers: dict[str, Callable[[Arrays, Path], Label]] = {
            "semantic": self._semantic,
            "points": self._points,
            "cloud": self._cloud,
            "image": self._image,
            "array": self._array,
        }
        self._read = readers[source.entry.task]

    def classes(self) -> ClassMap:
        return self._source.required_classes() if self._source.entry.task in ("semantic", "points") else NO_CLASSES

    def read(self, key: SampleKey) -> Label | None:
        path = self._source.path_for(key)
        if not is_present(path):
            return None
        arrays = read_npz(path) if path.suffix.lower() == ".npz" else {"": read_npy(path)}
        return self._read(arrays, path)

    def _semantic(self, arrays: Arrays, path: Path) -> SemanticLabels:
        mask = self._chosen(arrays, path)
        if mask.ndim != 2 or mask.dtype.kind not in "bui":
            raise _unfit("mask is not one class ID for each pixel", path, "(H, W) of whole numbers", mask)
        values = mask.astype(np.uint8) if mask.dtype.kind == "b" else mask
        return SemanticLabels(
            class_indices(values, self.classes(), ignore=self._source.entry.ignore, file=path, what="pixel")
        )

    def _points(self, arrays: Arrays, path: Path) -> PointLabels:
        chosen = self._chosen(arrays, path)
        if chosen.dtype.names:
            return point_labels(_table(chosen, path), self._source, path)
        labels = self._of_points(chosen, path)
        entry = self._source.entry
        values = whole_numbers(labels, path, "label is no class ID")
        indices = class_indices(values, self.classes(), ignore=entry.ignore, file=path, what="point")
        if entry.instance_property is None:
            return PointLabels(indices)
        if entry.instance_property not in arrays:
            raise _no_array(path, "instance_property", entry.instance_property, arrays)
        numbers = self._of_points(arrays[entry.instance_property], path)
        if len(numbers) != len(labels):
            raise _unfit("instances are not as many as labels", path, f"({len(labels)},)", numbers)
        return PointLabels(indices, instances(numbers, path))

    def _cloud(self, arrays: Arrays, path: Path) -> CloudLabel:
        chosen = self._chosen(arrays, path)
        if chosen.dtype.names:
            return cloud_label(coordinates(_table(chosen, path), np.float64, path), path)
        if chosen.ndim != 2 or chosen.shape[1] < 3 or chosen.dtype.kind not in "fiu":
            raise _unfit("not the coordinates of points", path, "(N, 3) numbers, or more columns after x, y, z", chosen)
        return cloud_label(chosen[:, :3].astype(np.float64), path)

    def _image(self, arrays: Arrays, path: Path) -> ImageLabel:
        image = self._chosen(arrays, path)
        good_shape = image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (1, 3, 4))
        if not good_shape or not (image.dtype.kind == "f" or image.dtype in (np.uint8, np.uint16)):
            raise _unfit("not an image", path, "(H, W) or (H, W, C) of uint8, uint16 or float from 0 to 1", image)
        if image.dtype.kind == "f" and not ((image >= 0) & (image <= 1)).all():
            found = f"{np.min(image):g} to {np.max(image):g}"
            raise GoldenFormatError(
                "image is not between 0 and 1",
                file=path,
                expected="floating-point images from 0 to 1",
                found=found,
                hint="divide by its white, or save it as uint8 or uint16",
            )
        return ImageLabel(image)

    def _array(self, arrays: Arrays, path: Path) -> ArrayLabel:
        columns: Arrays = {}
        for name, array in arrays.items():
            if not array.dtype.names:
                columns[name] = array
            for field in array.dtype.names or ():
                columns[f"{name}.{field}".lstrip(".")] = np.ascontiguousarray(array[field])
        return ArrayLabel(columns)

    def _chosen(self, arrays: Arrays, path: Path) -> NDArray[Any]:
        entry = self._source.entry
        if entry.property in arrays:
            return arrays[entry.property]
        others = [array for name, array in arrays.items() if name != entry.instance_property]
        if len(others) != 1:
            raise _no_array(path, "property", entry.property, arrays)
        return others[0]

    def _of_points(self, array: NDArray[Any], path: Path) -> NDArray[Any]:
        if array.ndim != 1 or array.dtype.kind not in "fiu":
            raise _unfit("not one number for each point", path, "(N,) whole numbers", array)
        return array


def _table(array: NDArray[Any], path: Path) -> Arrays:
    if array.ndim != 1:
        raise _unfit("rows of named fields are not one for each point", path, "(N,)", array)
    return {name: array[name] for name in array.dtype.names or ()}


def _unfit(problem: str, path: Path, expected: str, array: NDArray[Any]) -> GoldenFormatError:
    return GoldenFormatError(
        problem,
        file=path,
        expected=expected,
        found=f"{array.dtype} of shape {array.shape}",
        hint="does the manifest's `property` name the right array?",
    )


def _no_array(path: Path, key: str, name: str, arrays: Arrays) -> GoldenFormatError:
    return GoldenFormatError(
        "archive has no such array" if arrays else "archive is empty",
        file=path,
        expected=name,
        found=", ".join(name or "an unnamed one" for name in arrays) or "none",
        hint=f"set `{key}: ...` in the manifest to one of its names",
    )
