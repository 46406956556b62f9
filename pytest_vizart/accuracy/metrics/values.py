"""Numbers and arrays by name: largest absolute and relative error, and how many values are within tolerance.

A value matches when |found - expected| <= atol + rtol * |expected| (numpy.isclose). Without tolerances rtol is 1e-5 and
atol 1e-8, as numpy's, for floats; whole numbers, booleans and text must be equal. NaN matches NaN, infinity the same
infinity. Where one side only is NaN or infinite, or infinities differ, there is no error to measure: max_abs_error,
max_rel_error and rmse are not defined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.digests import digest_arrays
from pytest_vizart.accuracy.metrics import Comparison, Summary
from pytest_vizart.accuracy.metrics.running import over_all
from pytest_vizart.accuracy.metrics.value_differences import Difference, compare_values, rows
from pytest_vizart.accuracy.predicted import ArrayPrediction
from pytest_vizart.accuracy.wording import counted, without_prediction
from pytest_vizart.records.labels import ArrayLabel, LabelSpec
from pytest_vizart.records.outcome import MAX_ERRORS, ErrorItem
from pytest_vizart.records.score import MetricInfo

_ERRORS = ("max_abs_error", "max_rel_error", "rmse")


@dataclass(frozen=True, slots=True)
class ArrayTally:
    """One sample: differences by name. extra: names that only the prediction has. missing: nothing was predicted."""

    differences: Mapping[str, Difference]
    extra: tuple[str, ...] = ()
    missing: bool = False


class ArrayMetric:
    """A sample is correct when names and shapes are the label's and every value is within tolerance.

    Measures: matching (share of values), mismatches, max_abs_error, max_rel_error, rmse, the last three infinite where
    values cannot be measured. Severity: the share of values out of tolerance; 1 for another shape or name.
    """

    headline = "matching"
    info: Mapping[str, MetricInfo] = {name: MetricInfo("lower") for name in _ERRORS}

    def tally(self, truth: ArrayLabel, prediction: ArrayPrediction | None, spec: LabelSpec) -> ArrayTally:
        """Compare array by array."""
        if prediction is None:
            nothing = {name: Difference(max(1, array.size), max(1, array.size)) for name, array in truth.arrays.items()}
            return ArrayTally(nothing, missing=True)
        return _tally(truth.arrays, prediction.arrays, spec.tolerances)

    def judge(self, tally: ArrayTally, spec: LabelSpec) -> Comparison:
        """Return the outcome; its errors are `shape` (another shape, a name too few or too many) and `difference`."""
        return _judged(tally)

    def summarise(self, tallies: Sequence[ArrayTally], spec: LabelSpec, *, full: bool = True) -> Summary:
        """Return matching, the share of all values within tolerance; the largest errors; rmse over all values.

        per_class: the same by the arrays' names. Errors are None where a value is NaN or infinite on one side only.
        Values of another shape are in no error; all of them are counted as not matching.
        """
        metrics = over_all(self.running(spec), tallies)
        if not full:
            return Summary(metrics)
        names = dict.fromkeys(name for tally in tallies for name in tally.differences if name)
        by_name = {
            name: _figures([tally.differences[name] for tally in tallies if name in tally.differences])
            for name in names
        }
        return Summary(metrics, by_name, notes=_notes(tallies))

    def running(self, spec: LabelSpec) -> _Running:
        """Return empty running metrics: all of them."""
        return _Running()

    def picture(
        self,
        truth: ArrayLabel,
        prediction: ArrayPrediction | None,
        spec: LabelSpec,
        *,
        xyz: NDArray[np.floating[Any]] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """As of Case: the rows are in `predicted`; `truth` holds {"arrays": [[name, type, shape], ...]}."""
        drawn = {"arrays": [[name, array.dtype.name, list(array.shape)] for name, array in truth.arrays.items()]}
        if prediction is None:
            return drawn, {}
        return drawn, {"rows": rows(truth.arrays, prediction.arrays, spec.tolerances)}

    def digest(self, prediction: ArrayPrediction) -> str:
        """Of names and arrays, in the order of the names."""
        names = sorted(prediction.arrays)
        written = np.frombuffer("\0".join(names).encode("utf-8", "surrogatepass"), dtype=np.uint8)
        return digest_arrays(written, *(np.asarray(prediction.arrays[name]) for name in names))


class _Running:
    def __init__(self) -> None:
        self._sum = Difference(0, 0)
        self._samples = 0

    def add(self, tally: ArrayTally, comparison: Comparison) -> None:
        self._samples += 1
        for one in tally.differences.values():
            self._sum = self._sum.with_(one)
        if tally.extra:
            self._sum = self._sum.with_(Difference(len(tally.extra), len(tally.extra)))

    def values(self) -> dict[str, float | None]:
        return _figures([self._sum])


def compare_arrays(
    expected: Mapping[str, NDArray[Any]], found: Mapping[str, NDArray[Any]], tolerances: Mapping[str, float]
) -> Comparison:
    """Compare arrays by name; `tolerances` may hold "rtol" and "atol"."""
    return _judged(_tally(expected, found, tolerances))


def _tally(
    expected: Mapping[str, NDArray[Any]], found: Mapping[str, NDArray[Any]], tolerances: Mapping[str, float]
) -> ArrayTally:
    differences = {}
    for name, array in expected.items():
        if name in found:
            differences[name] = compare_values(np.asarray(array), np.asarray(found[name]), tolerances)
            continue
        size = max(1, array.size)
        hint = "; a single array without a name came: give {name: array}" if "" in found else ""
        differences[name] = Difference(size, size, problem=f"is missing{hint}")
    return ArrayTally(differences, tuple(name for name in found if name not in expected))


def _judged(tally: ArrayTally) -> Comparison:
    total = Difference(0, 0)
    for one in tally.differences.values():
        total = total.with_(one)
    figures = _figures([total])
    measures = {name: value for name, value in figures.items() if value is not None}
    incomparable = tally.missing or any(one.problem is not None for one in tally.differences.values())
    if incomparable or total.unmeasured or not total.measured:
        # Infinite, so that no rule takes the sample for near enough; 0 where nothing differs (no values, or text).
        measures |= dict.fromkeys(_ERRORS, float("inf") if incomparable or total.mismatches else 0.0)
    measures["mismatches"] = float(total.mismatches + len(tally.extra))
    score = figures["matching"]
    if tally.missing:
        return Comparison("wrong", "no-prediction", 0.0, "nothing was predicted", measures)
    if not measures["mismatches"]:
        return Comparison("correct", score=1.0, measures=measures)
    errors = [_error(name, one) for name, one in tally.differences.items() if one.mismatches]
    errors += [ErrorItem("shape", 1.0, note=f"{_named(name)} is not in the label") for name in tally.extra]
    errors = sorted(errors, key=lambda item: -item.severity)[:MAX_ERRORS]
    rest = len(errors) - 1
    more = f"; {counted(rest, 'more array')} differ{'s' if rest == 1 else ''}" if rest else ""
    return Comparison("wrong", errors[0].kind, score, f"{errors[0].note}{more}", measures, tuple(errors))


def _error(name: str, one: Difference) -> ErrorItem:
    if one.problem is not None:
        return ErrorItem("shape", 1.0, note=f"{_named(name)} {one.problem}")
    told = f"{_named(name)}: {one.mismatches:,} of {counted(one.values, 'value')} out of tolerance"
    if one.worst is not None:
        told += f"; {one.worst}"
    return ErrorItem("difference", one.mismatches / one.values, note=told)


def _named(name: str) -> str:
    return name.encode("utf-8", "replace").decode("utf-8") or "array"


def _figures(differences: Sequence[Difference]) -> dict[str, float | None]:
    total = Difference(0, 0)
    for one in differences:
        total = total.with_(one)
    matching = 1.0 - total.mismatches / total.values if total.values else None
    if total.unmeasured or not total.measured:
        return {"matching": matching} | dict.fromkeys(_ERRORS)
    errors = (total.max_abs, total.max_rel, sqrt(total.squares / total.measured))
    return {"matching": matching} | dict(zip(_ERRORS, errors, strict=True))


def _notes(tallies: Sequence[ArrayTally]) -> tuple[str, ...]:
    notes = list(without_prediction(sum(tally.missing for tally in tallies), "all values out of tolerance"))
    if unmeasured := sum(one.unmeasured for tally in tallies for one in tally.differences.values()):
        told = f"{counted(unmeasured, 'value')} {'is' if unmeasured == 1 else 'are'} NaN or infinite on one side only"
        notes.append(f"{told}, and not matching: errors are not defined")
    return tuple(notes)
