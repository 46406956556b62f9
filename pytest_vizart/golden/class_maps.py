"""One class map for the label sources of a stage, and their labels told in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.records.labels import (
    IGNORE,
    Box3DLabels,
    BoxLabels,
    ClassLabel,
    ClassMap,
    InstanceLabels,
    KeypointLabels,
    Label,
    OrientedBoxLabels,
    PanopticLabels,
    PointLabels,
    SemanticLabels,
)


def merge_class_maps(
    maps: Sequence[tuple[str, ClassMap]], given: ClassMap | None, *, file: Path, place: str
) -> ClassMap:
    """Return the class map of a stage whose sources have these maps, told by the place of each source.

    Equal maps are that map. Otherwise the dataset's own (`given`), if it has all the names; or all names, each with
    its ID, where no name has two IDs and no ID two names.

    Raises:
        GoldenFormatError: IDs contradict each other and the dataset has no class map that decides.
    """
    first = maps[0][1]
    if all((one.names, one.ids) == (first.names, first.ids) for _, one in maps):
        return first
    if given is not None and all(set(one.names) <= set(given.names) for _, one in maps):
        return given
    ids: dict[str, tuple[int, str]] = {}
    names: dict[int, tuple[str, str]] = {}
    things: dict[str, bool] = {}
    for source, one in maps:
        for name, number in zip(one.names, one.ids, strict=True):
            known_id, known_name = ids.setdefault(name, (number, source)), names.setdefault(number, (name, source))
            if known_id[0] != number or known_name[0] != name:
                other = known_id[1] if known_id[0] != number else known_name[1]
                known = f"{known_id[0]}: {name}" if known_id[0] != number else f"{number}: {known_name[0]}"
                raise _contradiction(f"{known} in {other}", f"{number}: {name} in {source}", file, place)
        things.update(zip(one.names, one.things, strict=False))
    order = sorted(ids, key=lambda name: ids[name][0])
    return ClassMap(
        names=tuple(order),
        ids=tuple(ids[name][0] for name in order),
        things=tuple(things.get(name, True) for name in order) if things else (),
    )


def _contradiction(first: str, second: str, file: Path, place: str) -> GoldenFormatError:
    return GoldenFormatError(
        "class maps of one stage contradict each other",
        file=file,
        place=place,
        expected="one ID for each class name",
        found=f"{first}, {second}",
        hint="give the class map of the dataset as `classes`, and each source whose numbers differ its own",
    )


def class_table(own: ClassMap, merged: ClassMap) -> NDArray[np.int64] | None:
    """Return for each class index of a source, its index in the merged map; None where all stay as they are."""
    if own.names == merged.names[: len(own)]:
        return None
    position = {name: index for index, name in enumerate(merged.names)}
    return np.array([position[name] for name in own.names] + [IGNORE], dtype=np.int64)  # [IGNORE] is the last one


def told_in(label: Label, table: NDArray[np.int64] | None) -> Label:
    """Return the label with the class indices of the merged map; labels without classes as they are."""
    change = _CHANGES.get(type(label))
    if table is None or change is None:
        return label
    changed: Label = change(label, table)
    return changed


def _objects(label: Any, table: NDArray[np.int64]) -> Any:
    return replace(label, class_index=table[label.class_index])


_CHANGES: dict[type, Callable[[Any, NDArray[np.int64]], Any]] = {
    ClassLabel: lambda label, table: ClassLabel(int(table[label.class_index])),
    BoxLabels: _objects,
    OrientedBoxLabels: _objects,
    Box3DLabels: _objects,
    PanopticLabels: _objects,
    InstanceLabels: lambda label, table: replace(label, objects=_objects(label.objects, table)),
    KeypointLabels: lambda label, table: replace(label, objects=_objects(label.objects, table)),
    SemanticLabels: lambda label, table: replace(label, mask=table[label.mask].astype(np.int32)),
    PointLabels: lambda label, table: replace(label, labels=table[label.labels].astype(np.int32)),
}
