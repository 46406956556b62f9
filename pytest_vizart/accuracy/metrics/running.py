"""Running metrics out of figures that each sample has by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pytest_vizart.accuracy.metrics import Comparison, Running


class RunningFigures:
    """Means so far of the figures `means`, and the largest so far of those in `largest`.

    of: reads the figures of a sample from its tally; None, or absent, where it has none.
    """

    def __init__(
        self, of: Callable[[Any], Mapping[str, float | None]], means: tuple[str, ...], largest: tuple[str, ...] = ()
    ) -> None:
        self._of = of
        self._sums = dict.fromkeys(means, 0.0)
        self._counts = dict.fromkeys(means, 0)
        self._largest: dict[str, float | None] = dict.fromkeys(largest)

    def add(self, tally: Any, comparison: Comparison) -> None:
        """Take one more sample in."""
        for name, value in self._of(tally).items():
            if value is None:
                continue
            if name in self._sums:
                self._sums[name] += value
                self._counts[name] += 1
            elif name in self._largest:
                most = self._largest[name]
                self._largest[name] = value if most is None else max(most, value)

    def values(self) -> dict[str, float | None]:
        """Return the means, then the largest; None where no sample has the figure."""
        means = {name: self._sums[name] / count if count else None for name, count in self._counts.items()}
        return means | self._largest


def over_all(running: Running, tallies: Iterable[Any]) -> dict[str, float | None]:
    """Return what running metrics say after all samples, for those that need nothing but the tallies."""
    nothing = Comparison("correct")
    for tally in tallies:
        running.add(tally, nothing)
    return running.values()
