"""The errors of one image, worst first, as outcomes tell them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.detection.tally import DetectionTally
from pytest_vizart.accuracy.errors.severity import miss_severities, relative_sizes, severities
from pytest_vizart.accuracy.errors.tide import NAME_OF_NUMBER, Kind
from pytest_vizart.records.labels import LabelSpec
from pytest_vizart.records.outcome import MAX_ERRORS, ErrorItem, ErrorKind


@dataclass(frozen=True, slots=True)
class Places:
    """Where objects and predictions lie: lower corner, then upper corner, (G, 2 D) and (N, 2 D) float64."""

    true: NDArray[np.float64]
    predicted: NDArray[np.float64]


def kind_name(tally: DetectionTally[Any, Any], row: int) -> ErrorKind | None:
    """Return what is wrong with a prediction, `label-suspect` where it may be the label; None if nothing is."""
    if tally.suspect[row]:
        return "label-suspect"
    return NAME_OF_NUMBER[int(tally.errors.kind[row])]


def error_counts(tally: DetectionTally[Any, Any]) -> dict[str, int]:
    """Return the number of errors of each kind, all of them."""
    counts = Counter(str(kind_name(tally, row)) for row in np.flatnonzero(tally.errors.kind).tolist())
    missed = int(np.count_nonzero(tally.errors.missed))
    return {**counts, **({"Miss": missed} if missed else {})}


def error_items(tally: DetectionTally[Any, Any], places: Places, spec: LabelSpec) -> tuple[ErrorItem, ...]:
    """Return an item for each error, MAX_ERRORS at most, worst first; of equally bad ones missed objects first."""
    errors = tally.errors
    rows, columns = np.flatnonzero(errors.kind), np.flatnonzero(errors.missed)
    if not len(rows) and not len(columns):
        return ()
    predicted_size, true_size = relative_sizes(places.predicted, places.true)
    severity = np.concatenate(
        [
            miss_severities(true_size[columns]),
            severities(errors.kind[rows], tally.scores[rows], errors.overlap[rows], predicted_size[rows]),
        ]
    )
    items = []
    for place in np.argsort(-severity, kind="stable")[:MAX_ERRORS].tolist():
        worth = round(float(severity[place]), 4)
        if place < len(columns):
            items.append(_miss(tally, int(columns[place]), worth, places, spec))
        else:
            items.append(_false_positive(tally, int(rows[place - len(columns)]), worth, places, spec))
    return tuple(items)


def _false_positive(
    tally: DetectionTally[Any, Any], row: int, severity: float, places: Places, spec: LabelSpec
) -> ErrorItem:
    kind, names = kind_name(tally, row), spec.classes.names
    assert kind is not None
    about = bool(tally.errors.kind[row] != Kind.BKG)
    target = int(tally.errors.target[row])
    return ErrorItem(
        kind=kind,
        severity=severity,
        truth=names[tally.true_class[target]] if about else None,
        predicted=names[tally.predicted_class[row]],
        score=float(tally.scores[row]),
        overlap=float(tally.errors.overlap[row]),
        truth_position=target if about else None,
        predicted_position=row,
        box=tuple(places.predicted[row].tolist()),
        note=_finder(tally, target) if kind == "Dupe" else None,
    )


def _finder(tally: DetectionTally[Any, Any], target: int) -> str:
    return f"found already, with score {tally.match.found_score[target]:.3g}"


def _miss(tally: DetectionTally[Any, Any], column: int, severity: float, places: Places, spec: LabelSpec) -> ErrorItem:
    found_score = float(tally.match.found_score[column])
    under = f"found with score {found_score:.3g}, under the threshold of {spec.score_threshold:g}"
    return ErrorItem(
        kind="Miss",
        severity=severity,
        truth=spec.classes.names[tally.true_class[column]],
        truth_position=column,
        box=tuple(places.true[column].tolist()),
        note=under if np.isfinite(found_score) else None,
    )
