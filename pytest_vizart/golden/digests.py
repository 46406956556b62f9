"""Digests of decoded labels: equal where the label means the same, however its file is written."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.records.labels import (
    IGNORE,
    BoxLabels,
    ClassLabel,
    ClassMap,
    Label,
    PointLabels,
    SemanticLabels,
)


def digest_label(label: Label, classes: ClassMap) -> str:
    """Return 32 hex digits over the label's meaning: class names instead of indices, boxes in a fixed order.

    Adding a class to the manifest, or writing the file anew, leaves the digests of unchanged labels as they were.
    """
    hasher = blake2b(digest_size=16)
    for part in _CANONICAL[type(label)](label, classes):
        hasher.update(len(part).to_bytes(8, "little"))
        hasher.update(part)
    return hasher.hexdigest()


def _class_label(label: ClassLabel, classes: ClassMap) -> list[bytes]:
    return [b"classes", classes.names[label.class_index].encode()]


def _box_labels(label: BoxLabels, classes: ClassMap) -> list[bytes]:
    present, codes = _codes_by_name(label.class_index, classes)
    rows = np.column_stack([codes.astype(np.float64), label.boxes, label.crowd.astype(np.float64), label.area])
    rows = rows[np.lexsort(rows.T[::-1])] + 0.0  # -0.0 and 0.0 are one number
    return [b"boxes", _names(present), rows.astype("<f8").tobytes()]


def _dense(kind: bytes, indices: NDArray[np.int32], classes: ClassMap) -> list[bytes]:
    present, codes = _codes_by_name(indices, classes)
    return [kind, repr(indices.shape).encode(), _names(present), codes.astype("<i4").tobytes()]


def _codes_by_name(indices: NDArray[Any], classes: ClassMap) -> tuple[list[str], NDArray[np.int64]]:
    """Return the names that occur, sorted, and each index replaced by the position of its name; IGNORE stays."""
    counts = np.bincount(indices.ravel() + 1, minlength=len(classes) + 1)[1:]
    present = sorted(classes.names[index] for index in np.flatnonzero(counts))
    position = {name: code for code, name in enumerate(present)}
    table = np.array([IGNORE, *(position.get(name, IGNORE) for name in classes.names)], dtype=np.int64)
    return present, table[indices + 1]


def _names(names: list[str]) -> bytes:
    return b"\0".join(name.encode() for name in names)


_CANONICAL: dict[type[Any], Callable[[Any, ClassMap], list[bytes]]] = {
    ClassLabel: _class_label,
    BoxLabels: _box_labels,
    SemanticLabels: lambda label, classes: _dense(b"semantic", cast(SemanticLabels, label).mask, classes),
    PointLabels: lambda label, classes: _dense(b"points", cast(PointLabels, label).labels, classes),
}
