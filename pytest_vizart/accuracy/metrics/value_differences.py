"""How two arrays differ, value by value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

RTOL, ATOL = 1e-5, 1e-8
"""numpy.isclose's own; for floats, unless the label says otherwise."""

MOST_ROWS = 50
_NUMBERS = "biufc"
_BLOCK = 1 << 20
_LARGEST = float(np.finfo(np.float64).max)  # what overflows is told as this: JSON has no infinity

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two arrays, or several pairs of them.

    values, mismatches: how many, how many out of tolerance. measured: pairs of finite numbers, over which max_abs,
    max_rel (where the expected value is not 0) and squares (their sum) run. unmeasured: NaN or infinite on one
    side only, or infinities that differ: with any of these no error of the whole is defined. problem: why the values
    cannot be compared. worst: the largest difference in words.
    """

    values: int
    mismatches: int
    measured: int = 0
    unmeasured: int = 0
    max_abs: float = 0.0
    max_rel: float = 0.0
    squares: float = 0.0
    problem: str | None = None
    worst: str | None = None

    def with_(self, other: Difference) -> Difference:
        """Return both together."""
        return Difference(
            self.values + other.values,
            self.mismatches + other.mismatches,
            self.measured + other.measured,
            self.unmeasured + other.unmeasured,
            max(self.max_abs, other.max_abs),
            max(self.max_rel, other.max_rel),
            min(self.squares + other.squares, _LARGEST),
        )


def compare_values(expected: Array, found: Array, tolerances: Mapping[str, float]) -> Difference:
    """Compare two arrays; see the rule in `values`."""
    size = max(1, expected.size)
    if expected.shape != found.shape:
        return Difference(size, size, problem=f"has shape {found.shape}, expected {expected.shape}")
    numbers = [array.dtype.kind in _NUMBERS for array in (expected, found)]
    if numbers[0] != numbers[1]:
        return Difference(size, size, problem=f"holds {found.dtype}, expected {expected.dtype}")
    if not all(numbers):
        return _compared_text(expected, found)
    total = Difference(0, 0)
    worst = -1.0
    position = 0
    first, second = expected.ravel(), found.ravel()
    for start in range(0, len(first), _BLOCK):
        block = slice(start, start + _BLOCK)
        matches = _matches(first[block], second[block], tolerances)
        one = _measured(first[block], second[block], matches)
        total = total.with_(one)
        wrong = np.flatnonzero(~matches)
        if len(wrong):
            badness = _badness(first[block][wrong], second[block][wrong])
            most = int(np.argmax(badness))
            if badness[most] > worst:
                worst, position = float(badness[most]), start + int(wrong[most])
    if not total.mismatches:
        return total
    told = _told(expected, found, position)
    return Difference(
        total.values, total.mismatches, total.measured, total.unmeasured, total.max_abs, total.max_rel, total.squares,
        worst=told,
    )  # fmt: skip


def rows(expected: Mapping[str, Array], found: Mapping[str, Array], tolerances: Mapping[str, float]) -> list[list[Any]]:
    """Return [name, index, expected, found] of the MOST_ROWS worst values, worst first; NaN and infinity as text."""
    candidates: list[tuple[float, list[Any]]] = []
    for name, array in expected.items():
        other = found.get(name)
        if other is None or other.shape != array.shape:
            told = None if other is None else str(other.shape)
            candidates.append((np.inf, [_shown(name), "shape", str(array.shape), told]))
            continue
        candidates += _worst_rows(name, np.asarray(array), np.asarray(other), tolerances)
    candidates += [
        (np.inf, [_shown(name), "shape", None, str(array.shape)])
        for name, array in found.items()
        if name not in expected
    ]
    candidates.sort(key=lambda one: -one[0])
    return [row for _, row in candidates[:MOST_ROWS]]


def _worst_rows(
    name: str, expected: Array, found: Array, tolerances: Mapping[str, float]
) -> list[tuple[float, list[Any]]]:
    first, second = expected.ravel(), found.ravel()
    kinds = [array.dtype.kind in _NUMBERS for array in (first, second)]
    if kinds[0] != kinds[1]:
        return [(np.inf, [_shown(name), "type", str(expected.dtype), str(found.dtype)])]
    matches = _matches(first, second, tolerances) if all(kinds) else np.asarray(first == second)
    wrong = np.flatnonzero(~matches)
    badness = _badness(first[wrong], second[wrong]) if all(kinds) else np.full(len(wrong), np.inf)
    chosen = np.argsort(-badness, kind="stable")[:MOST_ROWS]
    return [
        (float(badness[one]), [_shown(name), _index(expected, int(wrong[one])), _plain(first[wrong[one]]),
                               _plain(second[wrong[one]])])
        for one in chosen
    ]  # fmt: skip


def _compared_text(expected: Array, found: Array) -> Difference:
    if expected.dtype.kind not in "US" or expected.dtype.kind != found.dtype.kind:
        problem = None if expected.dtype == found.dtype else f"holds {found.dtype}, expected {expected.dtype}"
        if problem is not None or expected.dtype.kind == "O":
            size = max(1, expected.size)
            return Difference(size, size, problem=problem or "holds objects, which are not compared")
    wrong = np.flatnonzero((expected != found).ravel())
    worst = _told(expected, found, int(wrong[0])) if len(wrong) else None
    return Difference(expected.size, len(wrong), worst=worst)


def _matches(expected: Array, found: Array, tolerances: Mapping[str, float]) -> NDArray[np.bool_]:
    # Whole numbers are compared as such: as floats they would be equal from 2^53 on though they are not.
    equal = np.asarray(expected == found)
    given = "rtol" in tolerances or "atol" in tolerances
    if not given and expected.dtype.kind in "biu":
        return equal
    rtol, atol = tolerances.get("rtol", RTOL), tolerances.get("atol", ATOL)
    a, b = _floats(expected), _floats(found)
    with np.errstate(invalid="ignore", over="ignore"):
        close = np.abs(b - a) <= atol + rtol * np.abs(a)
    finite = np.isfinite(a) & np.isfinite(b)
    matches: NDArray[np.bool_] = equal | (close & finite) | (np.isnan(a) & np.isnan(b))
    return matches


def _floats(values: Array) -> Array:
    return values.astype(np.complex128 if values.dtype.kind == "c" else np.float64)


def _measured(expected: Array, found: Array, matches: NDArray[np.bool_]) -> Difference:
    a, b = _floats(expected), _floats(found)
    finite = np.isfinite(a) & np.isfinite(b)
    alone = int(np.count_nonzero(~finite & ~matches))
    a, b = a[finite], b[finite]
    with np.errstate(over="ignore"):
        error = np.abs(b - a)
        squares = float(np.square(error).sum())
        # Whole numbers beyond 2^53 that differ may be equal as floats.
        error = np.where((error == 0) & ~matches[finite], 1.0, error)
        relative = error[a != 0] / np.abs(a[a != 0])
    return Difference(
        len(expected),
        int(np.count_nonzero(~matches)),
        len(a),
        alone,
        min(float(error.max(initial=0.0)), _LARGEST),
        min(float(relative.max(initial=0.0)), _LARGEST),
        min(squares, _LARGEST),
    )


def _badness(expected: Array, found: Array) -> NDArray[np.float64]:
    """Return the absolute error, infinite where one side is not finite."""
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(_floats(found) - _floats(expected))
    return np.where(np.isfinite(error), error, np.inf)


def _told(expected: Array, found: Array, position: int) -> str:
    place = f"[{', '.join(map(str, _index(expected, position)))}]" if expected.ndim else ""
    left, right = _plain(expected.ravel()[position]), _plain(found.ravel()[position])
    return f"worst {place}: expected {left}, found {right}".replace("worst :", "worst:")


def _index(array: Array, position: int) -> list[int]:
    return [int(axis) for axis in np.unravel_index(position, array.shape)] if array.ndim else []


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it."""
    one = value.item() if hasattr(value, "item") else value
    if isinstance(one, (bool, int)) and abs(one) < 2**63:
        return one
    if isinstance(one, float) and isfinite(one):
        return one
    return _shown(one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one))


def _shown(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")[:80]
