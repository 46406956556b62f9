"""What is said of one image in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.detection.tally import DetectionTally
from pytest_vizart.accuracy.errors.tide import Kind
from pytest_vizart.accuracy.wording import counted
from pytest_vizart.records.labels import LabelSpec


def reason(tally: DetectionTally[Any, Any], spec: LabelSpec, similarity: str) -> str:
    """Return "2 of 5 objects missed, 1 with the wrong class (key for coin)"; `similarity` is how IoU is called."""
    errors, names = tally.errors, spec.classes.names
    counts = Counter(errors.kind.tolist())
    suspects = int(np.count_nonzero(tally.suspect))
    missed = int(np.count_nonzero(errors.missed))
    expected = int(np.count_nonzero(tally.counting))
    parts: list[str] = []
    if missed:
        parts.append(f"{missed} of {counted(expected, 'object')} missed")
    if counts[Kind.CLS]:
        row = _first(errors.kind, Kind.CLS)
        confused = f"{names[tally.predicted_class[row]]} for {names[tally.true_class[errors.target[row]]]}"
        parts.append(f"{counts[Kind.CLS]} with the wrong class ({confused})")
    if counts[Kind.LOC]:
        row = _first(errors.kind, Kind.LOC)
        where = f"{names[tally.predicted_class[row]]}, {similarity} {errors.overlap[row]:.2f}"
        parts.append(f"{counts[Kind.LOC]} in the wrong place ({where})")
    if counts[Kind.BOTH]:
        parts.append(f"{counts[Kind.BOTH]} with the wrong class in the wrong place")
    if counts[Kind.DUPE]:
        parts.append(counted(counts[Kind.DUPE], "duplicate"))
    if counts[Kind.BKG]:
        parts.append(f"{counted(counts[Kind.BKG], 'false positive')} where nothing is labelled")
    if suspects:
        parts.append(f"{suspects} of them so confident that the label is suspect")
    return ", ".join(parts)


def named_places(
    names: Sequence[str], class_index: NDArray[np.int64], places: NDArray[np.float64], limit: int
) -> tuple[str, ...]:
    """Return "class x1 y1 x2 y2" for each of the first `limit` objects, the numbers rounded to whole ones."""
    whole = np.rint(places[:limit]).astype(np.int64).tolist()
    return tuple(
        f"{names[index]} {' '.join(map(str, row))}"
        for index, row in zip(class_index[:limit].tolist(), whole, strict=True)
    )


def _first(kind: NDArray[np.int8], wanted: Kind) -> int:
    return int(np.argmax(kind == wanted))
