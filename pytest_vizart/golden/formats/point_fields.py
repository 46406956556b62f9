"""Clouds whose points have named fields, as labels: a class (and an instance) for each point, or a reference cloud."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.cloud_fields import coordinates
from pytest_vizart.golden.formats import LabelSource
from pytest_vizart.golden.formats.class_ids import class_indices
from pytest_vizart.golden.formats.label_paths import is_present
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import NO_CLASSES, ClassMap, CloudLabel, PointLabels, Task

Fields = Mapping[str, NDArray[Any]]


class FieldCloudReader:
    """Base of the readers of clouds, one file for each sample; a sample without such a file is unlabeled.

    Task `points`: the class ID of each point is in the field `property`, its instance in `instance_property`. Task
    `cloud`: the coordinates; points with a NaN, where a sensor had no return, are left out.
    """

    tasks: tuple[Task, ...] = ("points", "cloud")
    per_sample = True

    def __init__(self, source: LabelSource) -> None:
        self._source = source

    def classes(self) -> ClassMap:
        return self._source.required_classes() if self._source.entry.task == "points" else NO_CLASSES

    def read(self, key: SampleKey) -> PointLabels | CloudLabel | None:
        path = self._source.path_for(key)
        if not is_present(path):
            return None
        fields = self.fields(path)
        if self._source.entry.task == "cloud":
            return cloud_label(coordinates(fields, np.float64, path), path)
        return point_labels(fields, self._source, path)

    def fields(self, path: Path) -> dict[str, NDArray[Any]]:
        """Return the points' fields by name. Raises GoldenFormatError."""
        raise NotImplementedError


def cloud_label(xyz: NDArray[np.float64], path: Path) -> CloudLabel:
    """Return a reference cloud without the points that are NaN; GoldenFormatError for infinite coordinates."""
    infinite = np.isinf(xyz).any(axis=1)
    if infinite.any():
        row = int(np.flatnonzero(infinite)[0])
        raise GoldenFormatError(
            "point is infinitely far away",
            file=path,
            place=f"point {row}",
            expected="finite coordinates, or NaN for no point",
            found=str(xyz[row].tolist()),
            hint="remove it",
        )
    absent = np.isnan(xyz).any(axis=1)
    return CloudLabel(xyz[~absent] if absent.any() else xyz)


def point_labels(fields: Fields, source: LabelSource, path: Path, *, name: str | None = None) -> PointLabels:
    """Return the labels in the fields that the manifest names, the class in `name` where that is given.

    Raises:
        GoldenFormatError: no such field, or values that are no class ID or instance.
    """
    entry = source.entry
    values = whole_numbers(one_field(fields, name or entry.property, "property", path), path, "label is no class ID")
    labels = class_indices(values, source.required_classes(), ignore=entry.ignore, file=path, what="point")
    if entry.instance_property is None:
        return PointLabels(labels)
    return PointLabels(labels, instances(one_field(fields, entry.instance_property, "instance_property", path), path))


def one_field(fields: Fields, name: str, key: str, path: Path) -> NDArray[Any]:
    """Return a field with one number for each point. key: the manifest's key that names it."""
    if name not in fields:
        close = get_close_matches(name, fields, n=1)
        raise GoldenFormatError(
            "points have no such property",
            file=path,
            place="header",
            expected=name,
            found=", ".join(fields) or "none",
            hint=f"set `{key}: {close[0] if close else '...'}` in the manifest",
        )
    values = fields[name]
    if values.ndim != 1 or values.dtype.kind not in "fiu":
        raise GoldenFormatError(
            "property is not one number for each point",
            file=path,
            place=name,
            expected="shape (N,)",
            found=f"{values.dtype} of shape {values.shape}",
            hint=f"name another `{key}` in the manifest",
        )
    return values


def instances(values: NDArray[Any], path: Path) -> NDArray[np.int32]:
    """Return instance numbers, 0 for none; files also write none as a negative number."""
    whole = whole_numbers(values, path, "instance is no number of an object")
    large = whole > np.iinfo(np.int32).max
    if large.any():
        raise _no_whole_number(whole, large, path, "instance is too large")
    return np.maximum(whole.astype(np.int64), 0).astype(np.int32)


def whole_numbers(values: NDArray[Any], path: Path, problem: str) -> NDArray[Any]:
    """Return numbers as integers; GoldenFormatError, with the place of the first, where one is none."""
    if values.dtype.kind != "f":
        return values
    with np.errstate(invalid="ignore"):
        wrong = ~(np.isfinite(values) & (values == np.round(values)) & (np.abs(values) < 2**53))
    if wrong.any():
        raise _no_whole_number(values, wrong, path, problem)
    return values.astype(np.int64)


def _no_whole_number(values: NDArray[Any], wrong: NDArray[np.bool_], path: Path, problem: str) -> GoldenFormatError:
    row = int(np.flatnonzero(wrong)[0])
    return GoldenFormatError(
        problem,
        file=path,
        place=f"point {row}",
        expected="a whole number",
        found=str(values[row]),
        hint="do `property` and `instance_property` in the manifest name the right fields?",
    )
