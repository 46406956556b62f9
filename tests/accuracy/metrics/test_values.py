"""Numbers and arrays: tolerances as numpy's, errors, what cannot be compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_vizart.accuracy.correct_when import parse_rule
from pytest_vizart.accuracy.metrics import value_differences
from pytest_vizart.accuracy.metrics.value_differences import compare_values
from pytest_vizart.accuracy.metrics.values import ArrayMetric, compare_arrays
from pytest_vizart.accuracy.predicted import ArrayPrediction
from pytest_vizart.records.labels import NO_CLASSES, ArrayLabel, LabelSpec

SPEC = LabelSpec("stage", "array", NO_CLASSES)
FLOATS = st.floats(allow_nan=True, allow_infinity=True, width=64)


def of(expected: Any, found: Any, **tolerances: float) -> Any:
    return compare_arrays({"": np.asarray(expected)}, {"": np.asarray(found)}, tolerances)


@settings(deadline=None, max_examples=300)
@given(
    pairs=st.lists(st.tuples(FLOATS, FLOATS) | FLOATS.map(lambda value: (value, value * (1 + 2e-6))), max_size=20),
    rtol=st.sampled_from([None, 0.0, 1e-6, 0.5]),
    atol=st.sampled_from([None, 0.0, 1.0]),
)
def test_values_match_as_numpy_says(pairs: list[tuple[float, float]], rtol: float | None, atol: float | None) -> None:
    expected, found = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
    given_ = {name: value for name, value in (("rtol", rtol), ("atol", atol)) if value is not None}
    with np.errstate(all="ignore"):
        close = np.isclose(found, expected, equal_nan=True, **given_)
    assert compare_values(expected, found, given_).mismatches == int((~close).sum())


def test_error_figures() -> None:
    found = of([1.0, -2.0, 0.0, np.nan, np.inf], [1.5, -2.0, 0.25, np.nan, np.inf])
    assert found.measures == {
        "matching": 0.6, "mismatches": 2.0, "max_abs_error": 0.5, "max_rel_error": 0.5,
        "rmse": pytest.approx(np.sqrt((0.25 + 0.0625) / 3)),
    }  # fmt: skip
    assert (found.status, found.error_type, found.score) == ("wrong", "difference", 0.6)
    assert found.reason == "array: 2 of 5 values out of tolerance; worst [0]: expected 1.0, found 1.5"
    assert found.errors[0].severity == pytest.approx(0.4)


def test_nan_on_one_side_matches_nothing() -> None:
    metric = ArrayMetric()
    label = ArrayLabel({"a": np.array([1.0, np.nan, np.inf])})
    tally = metric.tally(label, ArrayPrediction({"a": np.array([np.nan, 1.0, -np.inf])}), SPEC)
    summary = metric.summarise([tally], SPEC)
    assert summary.metrics == {"matching": 0.0, "max_abs_error": None, "max_rel_error": None, "rmse": None}
    assert summary.notes[0].startswith("3 values are NaN or infinite on one side only")


@pytest.mark.parametrize("there", [np.nan, np.inf, -np.inf])
def test_one_value_that_cannot_be_measured_leaves_no_error_defined(there: float) -> None:
    metric = ArrayMetric()
    label = ArrayLabel({"a": np.array([1.0, 2.0]), "b": np.array([5.0])})
    found = ArrayPrediction({"a": np.array([1.0, there]), "b": np.array([6.0])})
    right = ArrayPrediction({"a": np.array([1.0, 2.0]), "b": np.array([5.0])})
    tallies = [metric.tally(label, one, SPEC) for one in (found, right)]
    summary = metric.summarise(tallies, SPEC)
    undefined = {"max_abs_error": None, "max_rel_error": None, "rmse": None}
    assert summary.metrics == {"matching": pytest.approx(4 / 6), **undefined}
    assert summary.per_class["a"] == {"matching": 0.75, **undefined}
    assert summary.per_class["b"]["max_abs_error"] == 1.0
    running = metric.running(SPEC)
    for tally in tallies:
        running.add(tally, metric.judge(tally, SPEC))
    assert running.values() == summary.metrics
    measures = metric.judge(tallies[0], SPEC).measures
    assert [measures[name] for name in undefined] == [np.inf] * 3
    assert parse_rule("max_abs_error <= 1e300").broken_by(measures) is not None
    assert [metric.judge(tallies[1], SPEC).measures[name] for name in undefined] == [0.0] * 3


def test_infinities_are_measured_only_where_they_agree() -> None:
    assert of([np.inf, 1.0], [np.inf, 1.5]).measures["max_abs_error"] == 0.5
    assert of([np.inf, 1.0], [-np.inf, 1.5]).measures["max_abs_error"] == np.inf
    assert of([np.nan, 1.0], [np.inf, 1.5]).measures["rmse"] == np.inf
    assert of([1.0], [1.0, 2.0]).measures["max_abs_error"] == np.inf
    assert of(["a"], ["b"]).measures["max_abs_error"] == np.inf
    assert of(np.empty(0), np.empty(0)).measures["max_abs_error"] == 0.0
    metric = ArrayMetric()
    missing = metric.tally(ArrayLabel({"a": np.zeros(2)}), None, SPEC)
    assert metric.judge(missing, SPEC).measures["rmse"] == np.inf


def test_whole_numbers_are_exact_without_tolerances() -> None:
    large = 2**53
    assert of([large], [large + 1]).status == "wrong"
    assert of([large], [large + 1]).measures["max_abs_error"] == 1.0
    assert of([1_000_000], [1_000_001]).status == "wrong"
    assert of([1_000_000], [1_000_001], rtol=1e-5).status == "correct"
    assert of([1_000_000.0], [1_000_001.0]).status == "correct"
    assert of(np.array([2**63], np.uint64), np.array([-(2**63)], np.int64)).status == "wrong"
    assert of([True, False], [True, True]).measures["mismatches"] == 1.0
    assert of([3], [3.0]).status == "correct"


def test_text_is_compared_too_but_not_with_numbers() -> None:
    assert of(["a", "b"], ["a", "b"]).status == "correct"
    wrong = of(["a", "b"], ["a", "longer"])
    assert wrong.reason == "array: 1 of 2 values out of tolerance; worst [1]: expected b, found longer"
    mixed = of(["1"], [1])
    assert (mixed.error_type, mixed.reason) == ("shape", "array holds int64, expected <U1")
    assert of(np.array(["a"]), np.array([b"a"])).error_type == "shape"


def test_shapes_and_names_must_agree() -> None:
    wrong = of([1.0, 2.0], [[1.0, 2.0]])
    assert (wrong.error_type, wrong.score, wrong.reason) == ("shape", 0.0, "array has shape (1, 2), expected (2,)")
    found = compare_arrays({"a": np.zeros(3), "b": np.zeros(1)}, {"b": np.zeros(1), "c": np.zeros(9)}, {})
    assert [(one.kind, one.note) for one in found.errors] == [
        ("shape", "a is missing"),
        ("shape", "c is not in the label"),
    ]
    assert found.reason == "a is missing; 1 more array differs"
    assert (found.measures["mismatches"], found.measures["matching"]) == (4.0, 0.25)
    unnamed = compare_arrays({"a": np.zeros(3)}, {"": np.zeros(3)}, {})
    assert unnamed.errors[0].note == "a is missing; a single array without a name came: give {name: array}"
    assert compare_arrays({}, {}, {}).status == "correct"
    assert of(3.0, 3.0).status == "correct"
    assert of(3.0, 4.0).reason == "array: 1 of 1 value out of tolerance; worst: expected 3.0, found 4.0"
    assert of(np.empty((0, 3)), np.empty((0, 3))).status == "correct"


def test_blocks_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    expected, found = generator.normal(size=(2, 10, 10))
    whole = compare_values(expected, found, {})
    monkeypatch.setattr(value_differences, "_BLOCK", 7)
    pieces = compare_values(expected, found, {})
    assert pieces.worst == whole.worst
    assert pieces.squares == pytest.approx(whole.squares, rel=1e-12)
    assert (pieces.max_abs, pieces.max_rel, pieces.mismatches) == (whole.max_abs, whole.max_rel, whole.mismatches)


def test_metrics_are_over_all_values_and_by_name() -> None:
    metric = ArrayMetric()
    label = ArrayLabel({"a": np.array([1.0, 2.0]), "b": np.array([10.0])})
    predictions = [
        ArrayPrediction({"a": np.array([1.0, 2.5]), "b": np.array([10.0])}),
        ArrayPrediction({"a": np.array([1.0, 2.0]), "b": np.array([14.0])}),
        None,
    ]
    tallies = [metric.tally(label, one, SPEC) for one in predictions]
    summary = metric.summarise(tallies, SPEC)
    assert summary.metrics == {
        "matching": pytest.approx(4 / 9), "max_abs_error": 4.0, "max_rel_error": 0.4,
        "rmse": pytest.approx(np.sqrt((0.25 + 16) / 6)),
    }  # fmt: skip
    assert summary.per_class["b"]["matching"] == pytest.approx(1 / 3)
    assert summary.per_class["a"]["max_abs_error"] == 0.5
    assert summary.notes == ("1 sample without a prediction counts as all values out of tolerance",)
    running = metric.running(SPEC)
    for tally in tallies:
        running.add(tally, metric.judge(tally, SPEC))
    assert running.values() == summary.metrics
    assert metric.judge(tallies[2], SPEC).error_type == "no-prediction"
    assert set(metric.summarise([], SPEC).metrics.values()) == {None}


def test_the_picture_holds_the_worst_values_as_plain_data() -> None:
    label = ArrayLabel({"a": np.zeros((2, 40)), "b": np.array([1.0]), "n": np.array([1.0, 2.0])})
    values = np.zeros((2, 40))
    values[1] = np.arange(40)
    found = ArrayPrediction({"a": values, "n": np.array([np.nan, 2.0]), "extra": np.zeros(2)})
    left, right = ArrayMetric().picture(label, found, SPEC)
    assert left == {"arrays": [["a", "float64", [2, 40]], ["b", "float64", [1]], ["n", "float64", [2]]]}
    assert right["rows"][:4] == [
        ["b", "shape", "(1,)", None],
        ["n", [0], 1.0, "nan"],
        ["extra", "shape", None, "(2,)"],
        ["a", [1, 39], 0.0, 39.0],
    ]
    assert len(right["rows"]) == 42
    many = ArrayPrediction({"a": np.ones((2, 40))})
    assert len(ArrayMetric().picture(ArrayLabel({"a": np.zeros((2, 40))}), many, SPEC)[1]["rows"]) == 50


def test_digests_tell_names_and_values_apart() -> None:
    digest = ArrayMetric().digest
    one = ArrayPrediction({"a": np.zeros(2), "b": np.ones(2)})
    assert digest(one) == digest(ArrayPrediction({"b": np.ones(2), "a": np.zeros(2)}))
    assert digest(one) != digest(ArrayPrediction({"b": np.zeros(2), "a": np.ones(2)}))
    assert digest(one) != digest(ArrayPrediction({"a": np.zeros(2), "c": np.ones(2)}))
