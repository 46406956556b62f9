"""How often one class, or segment, was taken for another: pair counts, exact at any number of classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.records.labels import IGNORE

MATRIX_UP_TO_CLASSES = 50
"""Confusion of more classes is told as pairs."""

MOST_PAIRS = 1000

_BLOCK = 1 << 20  # values counted at once: their intermediate arrays stay in the cache and bounded in memory
_SMALL_TABLE = 1 << 16
_LARGE_TABLE = 1 << 22

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs that occur. first, second: (P,) int64, IGNORE for none; count: (P,) int64, above 0. No pair twice."""

    first: Ints
    second: Ints
    count: Ints


@dataclass(frozen=True, slots=True)
class ClassCounts:
    """Labelled pixels, points or samples of the classes that occur, each (K,) int64.

    index: class indices, ascending. shared: predicted as what they are. truth: labelled so. predicted: predicted so,
    where there is a label.
    """

    index: Ints
    shared: Ints
    truth: Ints
    predicted: Ints

    @property
    def union(self) -> Ints:
        return self.truth + self.predicted - self.shared


def count_pairs(first: NDArray[Any], second: NDArray[Any], first_size: int, second_size: int) -> Pairs:
    """Count the pairs of two arrays of equal shape, whole numbers from IGNORE to size - 1.

    Counted as `bincount` of one 64-bit number for each pair: in the arrays' own type it would overflow.
    """
    first, second = first.ravel(), second.ravel()
    rows, columns = np.arange(IGNORE, first_size), np.arange(IGNORE, second_size)
    if len(rows) * len(columns) > _SMALL_TABLE:
        rows, first = _compacted(first, first_size)
        columns, second = _compacted(second, second_size)
    width = len(columns)
    if len(rows) * width <= _LARGE_TABLE:
        keys, count = _counted_in_table(first, second, width, len(rows) * width)
    else:
        keys, count = np.unique(_keys(first, second, width), return_counts=True)
    return Pairs(rows[keys // width], columns[keys % width], count.astype(np.int64))


def _keys(first: NDArray[Any], second: NDArray[Any], width: int) -> Ints:
    keys = first.astype(np.int64)
    keys += 1
    keys *= width
    keys += second
    keys += 1
    return keys


def _counted_in_table(first: NDArray[Any], second: NDArray[Any], width: int, size: int) -> tuple[Ints, Ints]:
    block = max(_BLOCK, size)
    table = np.zeros(size, dtype=np.int64)
    for start in range(0, len(first), block):
        end = start + block
        table += np.bincount(_keys(first[start:end], second[start:end], width), minlength=size)
    keys = np.flatnonzero(table)
    return keys, table[keys]


def _compacted(values: NDArray[Any], size: int) -> tuple[Ints, NDArray[np.int32]]:
    """Return the values that occur, ascending, and for each value its position among them, less 1."""
    occurs = np.zeros(size + 1, dtype=bool)
    for start in range(0, len(values), _BLOCK):
        occurs[values[start : start + _BLOCK].astype(np.int64) + 1] = True
    position = np.cumsum(occurs, dtype=np.int32) - 2
    places = np.empty(len(values), dtype=np.int32)
    for start in range(0, len(values), _BLOCK):
        end = start + _BLOCK
        places[start:end] = position[values[start:end].astype(np.int64) + 1]
    return np.flatnonzero(occurs) - 1, places


def total(pairs: Sequence[Pairs]) -> Pairs:
    """Return the sum of pair counts."""
    if not pairs:
        none = np.empty(0, dtype=np.int64)
        return Pairs(none, none, none)
    first, second, count = (
        np.concatenate([getattr(one, name) for one in pairs]) for name in ("first", "second", "count")
    )
    width = int(second.max(initial=0)) + 2
    keys, inverse = np.unique((first + 1) * width + second + 1, return_inverse=True)
    summed = np.zeros(len(keys), dtype=np.int64)
    np.add.at(summed, inverse.reshape(-1), count)
    return Pairs(keys // width - 1, keys % width - 1, summed)


def class_counts(pairs: Pairs) -> ClassCounts:
    """Count by class. Where the first is IGNORE nothing counts; a second that is IGNORE is predicted as no class."""
    labelled = pairs.first != IGNORE
    truth, predicted, count = pairs.first[labelled], pairs.second[labelled], pairs.count[labelled]
    given = predicted != IGNORE
    index = np.union1d(truth, predicted[given])
    shared = truth == predicted
    return ClassCounts(
        index,
        _summed(index, truth[shared], count[shared]),
        _summed(index, truth, count),
        _summed(index, predicted[given], count[given]),
    )


def _summed(index: Ints, classes: Ints, count: Ints) -> Ints:
    sums = np.zeros(len(index), dtype=np.int64)
    np.add.at(sums, np.searchsorted(index, classes), count)
    return sums


def most_frequent(first: NDArray[Any], second: NDArray[Any]) -> tuple[int, int]:
    """Return the pair that two arrays of equal length, not empty, hold most often."""
    pairs = count_pairs(first, second, int(first.max()) + 1, int(second.max()) + 1)
    best = int(np.argmax(pairs.count))
    return int(pairs.first[best]), int(pairs.second[best])


def ratio(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """Return part / whole, NaN where the whole is 0."""
    shares: NDArray[np.float64] = np.full(len(whole), np.nan)
    np.divide(part, whole, out=shares, where=whole > 0, dtype=np.float64)
    return shares


def confusion_details(pairs: Pairs, names: Sequence[str]) -> dict[str, Any]:
    """Return the confusion matrix as plain data.

    Up to MATRIX_UP_TO_CLASSES classes: {"classes": names, "matrix": rows of ground truth, columns of prediction,
    "missing": by class, where nothing was predicted}; above: {"pairs": [[truth, predicted or None, count], ...]}, wrong
    ones only, the most frequent first, MOST_PAIRS at most.
    """
    labelled = pairs.first != IGNORE
    truth, predicted, count = pairs.first[labelled], pairs.second[labelled], pairs.count[labelled]
    if len(names) <= MATRIX_UP_TO_CLASSES:
        matrix = np.zeros((len(names), len(names) + 1), dtype=np.int64)
        matrix[truth, predicted] = count  # IGNORE, which is -1, is the last column
        return {"classes": list(names), "matrix": matrix[:, :-1].tolist(), "missing": matrix[:, -1].tolist()}
    wrong = np.flatnonzero(truth != predicted)
    order = wrong[np.argsort(-count[wrong], kind="stable")][:MOST_PAIRS]
    return {
        "pairs": [
            [names[truth[one]], None if predicted[one] == IGNORE else names[predicted[one]], int(count[one])]
            for one in order
        ]
    }
