"""Running metrics that are means over the samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pytest_vizart.accuracy.metrics import Comparison


class RunningMeans:
    """Means so far of figures that `of` reads from a tally, None where a sample has none."""

    def __init__(self, of: Callable[[Any], Mapping[str, float | None]], names: tuple[str, ...]) -> None:
        self._of = of
        self._sums = dict.fromkeys(names, 0.0)
        self._counts = dict.fromkeys(names, 0)

    def add(self, tally: Any, comparison: Comparison) -> None:
        """Take one more sample in."""
        for name, value in self._of(tally).items():
            if value is not None and name in self._sums:
                self._sums[name] += value
                self._counts[name] += 1

    def values(self) -> dict[str, float | None]:
        """Return the means, None where no sample has the figure."""
        return {name: self._sums[name] / count if count else None for name, count in self._counts.items()}
