"""Units as benchmark programs write them: times become nanoseconds, rates the time of one item."""

from __future__ import annotations

import re

_SECONDS = {"s": 1e9, "sec": 1e9, "second": 1e9, "seconds": 1e9}
_PARTS = {
    "ms": 1e6, "msec": 1e6, "millisecond": 1e6, "milliseconds": 1e6,
    "us": 1e3, "µs": 1e3, "μs": 1e3, "usec": 1e3, "microsecond": 1e3, "microseconds": 1e3,
    "ns": 1.0, "nsec": 1.0, "nanosecond": 1.0, "nanoseconds": 1.0,
    "ps": 1e-3, "min": 6e10, "minute": 6e10, "minutes": 6e10,
}  # fmt: skip
_TIMES = {**_SECONDS, **_PARTS}
_ITEMS = ("op", "ops", "iter", "iters", "iteration", "iterations", "call", "calls", "run", "runs")
_UNIT = re.compile(r"([^\s/]+)(?:\s*(?:/|\bper\b)\s*([^\s/]+))?")


def nanoseconds(value: float, unit: str) -> float | None:
    """Return the time that a value above zero means; None if its unit is no time and no rate of operations.

    "ns/iter", "ms", "seconds" are times; of "ops/sec" and "iter/sec" it is that of one operation. A rate of anything
    else (frames, bytes) is none, since nothing says what one item is.
    """
    found = _UNIT.fullmatch(unit.strip())
    if found is None or value <= 0:
        return None
    above, below = found[1].lower(), None if found[2] is None else found[2].lower()
    if above in _TIMES and (below is None or below in _ITEMS):
        return value * _TIMES[above]
    if above in _ITEMS and below in _TIMES:
        return _TIMES[below] / value
    return None
