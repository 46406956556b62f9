"""Precision, recall and F1 while images pass."""

from __future__ import annotations

from typing import Any

from pytest_vizart.accuracy.detection.operating_points import OperatingPoint
from pytest_vizart.accuracy.metrics import Comparison


class RunningDetections:
    """Sums of what the images' comparisons say; the same cost however many passed."""

    def __init__(self) -> None:
        self._expected = self._found = self._spare = 0

    def add(self, tally: Any, comparison: Comparison) -> None:
        """Take one more image in."""
        self._expected += int(comparison.measures["expected"])
        self._found += int(comparison.measures["found"])
        self._spare += int(comparison.measures["false_positives"])

    def values(self) -> dict[str, float | None]:
        """Return precision, recall, f1, and how many objects were found and missed."""
        point = OperatingPoint(self._expected, self._found + self._spare, self._found)
        return {**point.figures(), "found": float(self._found), "misses": float(self._expected - self._found)}
