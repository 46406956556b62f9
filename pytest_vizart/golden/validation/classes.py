"""Holes in class maps: classes that no label has, and IDs that name no class."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.golden.opening import Opened
from pytest_vizart.golden.validation.findings import Finding, finding

_SHOWN = 8


def class_holes(
    opened: Opened, used: Mapping[str, NDArray[np.int64]], unreadable: Collection[str] = ()
) -> Iterator[Finding]:
    """Yield one finding for each stage with unused classes, and one for each with gaps in its IDs.

    Args:
        used: stage -> how often each class occurs in the labels.
        unreadable: stages some of whose labels could not be read: what those hold is not known.
    """
    for stage, spec in opened.store.specs.items():
        classes = spec.classes
        if not len(classes):
            continue
        counts = used.get(stage, np.zeros(len(classes), dtype=np.int64))
        missing = [name for name, count in zip(classes.names, counts, strict=True) if not count]
        if missing and stage not in unreadable:
            yield finding(
                "unused-class", opened.manifest_path,
                f"{len(missing)} of {len(classes)} classes occur in no label of stage {stage}: {_listed(missing)}",
                place="classes", hint="no metric can tell anything about them", stage=stage,
            )  # fmt: skip
        gaps = _gaps(classes.ids)
        if gaps:
            yield finding(
                "id-gap", opened.manifest_path, f"IDs {_listed(gaps)} of stage {stage} name no class",
                place="classes", hint="fine where a benchmark has gaps (COCO); else a class was forgotten", stage=stage,
            )  # fmt: skip


def _gaps(ids: tuple[int, ...]) -> list[str]:
    """Runs of absent IDs, "12" or "26-30"."""
    ordered = sorted(ids)
    gaps = [(one + 1, other - 1) for one, other in pairwise(ordered) if other > one + 1]
    return [str(first) if first == last else f"{first}-{last}" for first, last in gaps]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
