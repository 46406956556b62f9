"""The errors of one case as the browser lists and highlights them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_vizart.records.outcome import Case, ErrorItem

_PLANE = ("boxes", "instances", "keypoints", "oriented_boxes")
_DECIMALS = 3


def listed_errors(errors: Sequence[ErrorItem], case: Case | None) -> list[dict[str, Any]]:
    """One entry for each error, with the keys that are known: kind, severity, truth, predicted, score, overlap, note,
    box, and the positions of the objects in the drawing, truth_at and predicted_at.
    """
    finder = _Finder(case)
    return [_entry(error, finder) for error in errors]


def _entry(error: ErrorItem, finder: _Finder) -> dict[str, Any]:
    entry = {
        "kind": error.kind,
        "severity": _rounded(error.severity),
        "truth": error.truth,
        "predicted": error.predicted,
        "score": _rounded(error.score),
        "overlap": _rounded(error.overlap),
        "note": error.note,
        "box": None if error.box is None else [round(edge, _DECIMALS) for edge in error.box],
        "truth_at": error.truth_position,
        "predicted_at": None if error.predicted_position is None else finder.position(error),
    }
    return {key: value for key, value in entry.items() if value is not None}


class _Finder:
    """Finds the drawn prediction of an error: drawings hold the best first, errors count as the model gave them."""

    def __init__(self, case: Case | None) -> None:
        side = {} if case is None else case.predicted
        self._boxes = side.get("boxes", ()) if case is not None and case.task in _PLANE else ()
        self._by_score: dict[tuple[Any, Any], list[int]] = {}
        if case is not None and "boxes" in side:
            for number, key in enumerate(zip(side.get("scores", ()), side.get("labels", ()), strict=False)):
                self._by_score.setdefault(key, []).append(number)

    def position(self, error: ErrorItem) -> int | None:
        """Where it is drawn, None when it is not."""
        candidates = self._by_score.get((error.score, error.predicted), [])
        if len(candidates) < 2 or error.box is None or not self._boxes:
            return candidates[0] if candidates else None
        return min(candidates, key=lambda number: self._distance(number, error.box or ()))

    def _distance(self, number: int, box: Sequence[float]) -> float:
        place = self._boxes[number]
        x, y = place[0::2], place[1::2]
        around = (min(x), min(y), max(x), max(y))
        return float(sum(abs(one - other) for one, other in zip(around, box, strict=False)))


def _rounded(value: float | None) -> float | None:
    return None if value is None or value - value != 0 else round(value, _DECIMALS)
