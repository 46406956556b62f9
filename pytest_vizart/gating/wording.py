"""Numbers and lists as the verdicts' sentences show them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

SHOWN = 5


def listed(names: Sequence[str], notes: Mapping[str, str] | None = None) -> str:
    """Return the first five names, each with its note, and how many more there are."""
    remarks = notes or {}
    shown = [f"{name} ({remarks[name]})" if name in remarks else name for name in names[:SHOWN]]
    rest = len(names) - SHOWN
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")


def counted(count: int, noun: str) -> str:
    """Return "1 sample", "2 samples"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def beside(value: float, bound: float, digits: int = 4) -> str:
    """Show a value with as many digits as it takes to see on which side of the bound it lies, `digits` at least."""
    for count in range(digits, 17):
        shown = f"{value:.{count}g}" if abs(value) < 1000 else f"{value:.{count - 3}f}"
        printed = float(shown)
        if (printed < bound, printed > bound) == (value < bound, value > bound):
            return shown
    return repr(value)


def relative(log_ratio: float) -> float:
    """Return 0.147 for a log ratio that means 14.7 % slower."""
    return math.expm1(log_ratio)


def interval_text(low: float, high: float) -> str:
    """Return "[11.6 .. 17.8]" for relative bounds."""
    return f"[{low * 100:.1f} .. {high * 100:.1f}]"
