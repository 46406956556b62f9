"""Pair counts against plain loops, at any number of classes and in any type."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from pytest_vizart.accuracy.metrics import confusion
from pytest_vizart.accuracy.metrics.confusion import Pairs, confusion_details, count_pairs, most_frequent, total
from pytest_vizart.records.labels import IGNORE


def plain(pairs: Pairs) -> dict[tuple[int, int], int]:
    keys = list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    assert len(set(keys)) == len(keys)
    return dict(zip(keys, pairs.count.tolist(), strict=True))


@pytest.mark.parametrize("sizes", [(1, 1), (5, 3), (254, 254), (300, 300), (3, 100_000), (30_000, 30_000)])
def test_pairs_are_counted_as_a_loop_counts_them(sizes: tuple[int, int]) -> None:
    generator = np.random.default_rng(sum(sizes))
    first = generator.integers(IGNORE, sizes[0], (40, 50)).astype(np.int32)
    second = generator.integers(IGNORE, sizes[1], (40, 50)).astype(np.int32)
    expected = Counter(zip(first.ravel().tolist(), second.ravel().tolist(), strict=True))
    assert plain(count_pairs(first, second, *sizes)) == expected


def test_blocks_and_sorted_counting_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    first, second = generator.integers(IGNORE, 400, (2, 5000))
    expected = plain(count_pairs(first, second, 400, 400))
    monkeypatch.setattr(confusion, "_BLOCK", 7)
    monkeypatch.setattr(confusion, "_SMALL_TABLE", 10)
    assert plain(count_pairs(first, second, 400, 400)) == expected
    monkeypatch.setattr(confusion, "_LARGE_TABLE", 10)
    assert plain(count_pairs(first, second, 400, 400)) == expected


def test_small_types_do_not_overflow() -> None:
    first, second = np.full(3, 200, np.uint8), np.full(3, 250, np.uint8)
    assert plain(count_pairs(first, second, 255, 255)) == {(200, 250): 3}


def test_totals_add_equal_pairs() -> None:
    one = count_pairs(np.array([0, 1, IGNORE]), np.array([IGNORE, 1, 0]), 2, 2)
    other = count_pairs(np.array([1, 1]), np.array([1, 0]), 2, 2)
    assert plain(total([one, other, one])) == {(IGNORE, 0): 2, (0, IGNORE): 2, (1, 0): 1, (1, 1): 3}
    assert plain(total([])) == {}


def test_many_classes_are_told_as_their_worst_pairs() -> None:
    names = [f"c{number}" for number in range(51)]
    pairs = count_pairs(np.array([3, 3, 3, 4, 5, IGNORE]), np.array([2, 2, 3, IGNORE, 4, 1]), 51, 51)
    assert confusion_details(pairs, names) == {"pairs": [["c3", "c2", 2], ["c4", None, 1], ["c5", "c4", 1]]}


@pytest.mark.parametrize("values", [[(1, 2), (1, 2), (0, 0)], [(IGNORE, 1), (IGNORE, 1), (3, 1)]])
def test_the_most_frequent_pair(values: Any) -> None:
    first, second = np.array(values).T
    assert most_frequent(first, second) == values[0]
