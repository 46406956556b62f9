"""Samples that changed sides between a baseline and now."""

from __future__ import annotations

from collections.abc import Mapping

_FAILED = ("wrong", "invalid")


def newly_wrong(baseline: Mapping[str, str], now: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the IDs that became wrong or invalid after correct, and those that became correct after wrong or invalid.

    Both in the order of `now`. Samples that only one side has, and unlabeled ones, are in neither.
    """
    wrong = tuple(one for one, status in now.items() if status in _FAILED and baseline.get(one) == "correct")
    fixed = tuple(one for one, status in now.items() if status == "correct" and baseline.get(one) in _FAILED)
    return wrong, fixed
