"""Errors of a stage, counted as samples pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from pytest_vizart.accuracy.metrics import Comparison
from pytest_vizart.records.outcome import ERROR_KINDS
from pytest_vizart.records.score import ErrorCount


class ErrorTally:
    """How many errors of each kind there were, and on how many samples; outcomes name the worst of them only."""

    def __init__(self) -> None:
        self._errors: Counter[str] = Counter()
        self._samples: Counter[str] = Counter()

    def add(self, comparison: Comparison) -> None:
        """Take the errors of one sample in."""
        counts = comparison.error_counts
        if counts is None:
            counts = Counter(error.kind for error in comparison.errors)
        self._errors.update(counts)
        self._samples.update(counts.keys())

    def counts(self, costs: Mapping[str, float]) -> tuple[ErrorCount, ...]:
        """Return the kinds that occurred; `costs`: kind -> by how much the headline would rise without it."""
        return tuple(
            ErrorCount(kind, self._errors[kind], self._samples[kind], costs.get(kind))
            for kind in ERROR_KINDS
            if self._errors[kind]
        )
