from __future__ import annotations

import numpy as np
import pytest

from pytest_vizart.profiling.analysis.slow_samples import rank_correlation, sample_times, slowest, what_they_share
from pytest_vizart.records.stage import SlowSample
from tests.profiling.span_rows import span_table

MS = 1_000_000


def test_the_time_of_a_sample_is_the_median_over_passes_of_its_sum():
    table = span_table(
        *[{"pass_index": number, "wall_ns": wall * MS} for number, wall in enumerate((9, 2, 3))],
        {"pass_index": 2, "wall_ns": 4 * MS},
        {"sample_id": "b|c", "wall_ns": 5 * MS},
        {"sample_id": None, "wall_ns": 100 * MS},
    )
    assert sample_times(table, range(len(table))) == {"a": 7, "b|c": 5}


def test_the_slowest_come_first():
    assert slowest({"a": 1, "b": 3, "c": 2}, count=2) == (SlowSample("b", 3), SlowSample("c", 2))


def test_of_one_sample_none_is_the_slowest():
    assert slowest({"a": 1}) == ()


@pytest.mark.parametrize(
    "first, second, expected",
    [
        ([1, 2, 3], [10, 20, 90], 1.0),
        ([1, 2, 3], [3, 2, 1], -1.0),
        ([1, 2, 3, 4], [1, 3, 2, 4], 0.8),
        ([1, 1, 2, 3], [1, 2, 3, 3], 8 / 9),
        ([1, 2, 3], [5, 5, 5], None),
    ],
)
def test_rank_correlation(first, second, expected):
    found = rank_correlation(np.array(first, float), np.array(second, float))
    assert found == (None if expected is None else pytest.approx(expected))


def test_rank_correlation_is_that_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    random = np.random.default_rng(6)
    for _ in range(20):
        first, second = random.integers(0, 8, (2, 15)).astype(float)
        assert rank_correlation(first, second) == pytest.approx(stats.spearmanr(first, second).statistic)


def samples(values) -> dict[str, float]:
    return {f"s{number}": float(value) for number, value in enumerate(values)}


def facts(name: str, values) -> dict[str, dict[str, float | None]]:
    return {f"s{number}": {name: value} for number, value in enumerate(values)}


TIMES = samples(10 + number for number in range(20))


@pytest.mark.parametrize(
    "name, values, said",
    [
        ("size", [2e5 * each for each in range(20)], "the largest inputs: 3.4 MB against 1.9 MB in the median"),
        ("size", [1e3 * each for each in range(20)], "the largest inputs: 17 kB against 9.5 kB in the median"),
        ("objects", range(20), "those with the most objects: 17 against 9.5 in the median"),
        ("pixels", [1e6 * each for each in range(20)], "the largest images: 17.00 megapixels against 9.50 megapixels"),
        ("words", range(20), "those with the most words: 17 against 9.5 in the median"),
    ],
)
def test_what_the_slowest_share_is_said_with_its_figures(name, values, said):
    found = what_they_share(TIMES, facts(name, values))
    assert found is not None
    assert found.startswith(f"the slowest are {said}")
    assert found.endswith("(rank correlation 1.00)")


@pytest.mark.parametrize(
    "name, said",
    [("size", "the smallest inputs"), ("objects", "those with the fewest objects"), ("words", "those with the least")],
)
def test_less_can_be_slower_too(name, said):
    found = what_they_share(TIMES, facts(name, range(20, 0, -1)))
    assert found is not None
    assert found.startswith(f"the slowest are {said}")
    assert found.endswith("in the median (rank correlation -1.00)")


def test_the_fact_that_fits_best_is_named():
    known = {sample: {"size": float(number // 4), "objects": float(number)} for number, sample in enumerate(TIMES)}
    assert "most objects" in str(what_they_share(TIMES, known))


@pytest.mark.parametrize(
    "times, values",
    [
        (TIMES, [3, 9, 1, 7, 5, 8, 2, 6, 4, 0] * 2),
        (TIMES, [7] * 20),
        (samples(100 + number for number in range(20)), range(20)),
        (samples(range(1, 10)), range(9)),
        (samples([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), [1, 2, 6, 3, 8, 4, 7, 9, 5, 10]),
        (TIMES, [None] * 11 + [1.0] * 9),
    ],
    ids=["unrelated", "constant", "times hardly differ", "nine samples", "could be chance", "hardly known"],
)
def test_nothing_is_said_where_nothing_is_sure(times, values):
    assert what_they_share(times, facts("size", list(values))) is None


def test_the_spread_that_matters_begins_at_a_fifth():
    known = facts("size", range(21))
    assert what_they_share(samples([10.0] * 10 + [10.001] * 10 + [12.002]), known) is not None
    assert what_they_share(samples([10.0] * 10 + [10.001] * 10 + [12.000]), known) is None


def test_by_chance_it_is_said_once_in_a_hundred_times_at_most():
    random = np.random.default_rng(2)
    said = 0
    for _ in range(600):
        times = samples(random.exponential(size=12))
        known = {sample: {"size": random.uniform(), "objects": random.uniform()} for sample in times}
        said += what_they_share(times, known) is not None
    assert said <= 12


def test_a_batch_has_the_facts_of_its_members():
    times = {f"{number}|{number + 50}": 10.0 + number for number in range(20)}
    known = {str(number): {"size": 1e5 * (number % 50), "objects": 1.0} for number in range(100)}
    assert "3.4 MB against 1.9 MB" in str(what_they_share(times, known))
    del known["60"]
    assert "rank correlation 1.00" in str(what_they_share(times, known))


def test_samples_without_facts():
    assert what_they_share(TIMES, {}) is None


def test_inputs_that_hardly_differ_explain_nothing():
    assert what_they_share(TIMES, facts("size", [1e5 + each for each in range(20)])) is None
