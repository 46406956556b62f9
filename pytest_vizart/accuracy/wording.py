"""Counts as reasons and notes tell them."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Return "1 pixel", "2,000 pixels"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def without_prediction(count: int, told: str) -> tuple[str, ...]:
    """Return the note that `count` samples without a prediction count as `told`, () where there is none."""
    verb = "counts" if count == 1 else "count"
    return (f"{counted(count, 'sample')} without a prediction {verb} as {told}",) if count else ()
