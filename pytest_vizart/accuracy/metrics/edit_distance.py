"""Levenshtein distance of long sequences, exact, and an alignment of short ones.

Myers' bit vectors (J. ACM 46, 1999) in blocks, as in Hyyrö (2003): a column of the table of distances is kept as the
signs of its vertical differences, BLOCK of them in one Python integer. Two texts of 100,000 characters take 2 seconds.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal

BLOCK = 8192
MOST_CELLS = 10_500_000_000
"""Above so many pairs of elements, what is equal at both ends left out, `distance` gives an upper bound."""

Operation = Literal["equal", "insert", "delete", "replace"]


def distance(expected: Sequence[Hashable], found: Sequence[Hashable]) -> tuple[int, bool]:
    """Return how many insertions, deletions and replacements make one of the other, and whether that is exact.

    Very long sequences are cut into pieces that lie at the same share of the length: the sum over the pieces is an
    upper bound, and the time stays bounded.
    """
    start, end = equal_ends(expected, found)
    first, second = expected[start : len(expected) - end], found[start : len(found) - end]
    pieces = -(-len(first) * len(second) // MOST_CELLS)
    if pieces <= 1:
        return _distance(first, second), True
    edits = 0
    for piece in range(pieces):
        edits += _distance(_piece(first, piece, pieces), _piece(second, piece, pieces))
    return edits, False


def _piece(sequence: Sequence[Hashable], piece: int, pieces: int) -> Sequence[Hashable]:
    return sequence[len(sequence) * piece // pieces : len(sequence) * (piece + 1) // pieces]


def equal_ends(first: Sequence[Hashable], second: Sequence[Hashable]) -> tuple[int, int]:
    """Return how many elements are equal at the start, and of the rest how many at the end."""
    most = min(len(first), len(second))
    start = next((i for i in range(most) if first[i] != second[i]), most)
    most -= start
    end = next((i for i in range(most) if first[-1 - i] != second[-1 - i]), most)
    return start, end


def _distance(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """Sweep the second once for each block of the first; a block's last row is the input of the next one."""
    if not first or not second:
        return max(len(first), len(second))
    deltas = [1] * len(second)  # above the first row distances grow by one for each element
    for start in range(0, len(first), BLOCK):
        deltas, _ = _sweep(first[start : start + BLOCK], second, deltas)
    return len(first) + sum(deltas)


def _sweep(
    block: Sequence[Hashable], second: Sequence[Hashable], above: Sequence[int], *, keep: bool = False
) -> tuple[list[int], list[tuple[int, int]]]:
    """Return the horizontal differences below a block; and, if kept, the vertical ones: (grows, shrinks) by column."""
    places: dict[Hashable, int] = {}
    for row, element in enumerate(block):
        places[element] = places.get(element, 0) | (1 << row)
    mask, last = (1 << len(block)) - 1, 1 << (len(block) - 1)
    grows, shrinks = mask, 0
    below: list[int] = []
    columns: list[tuple[int, int]] = []
    for element, delta in zip(second, above, strict=True):
        equal = places.get(element, 0)
        vertical = equal | shrinks
        if delta < 0:
            equal |= 1
        horizontal = (((equal & grows) + grows) ^ grows) | equal
        right_grows = shrinks | (mask & ~(horizontal | grows))
        right_shrinks = grows & horizontal
        below.append(1 if right_grows & last else -1 if right_shrinks & last else 0)
        right_grows = (right_grows << 1 | (delta > 0)) & mask
        right_shrinks = (right_shrinks << 1 | (delta < 0)) & mask
        grows = right_shrinks | (mask & ~(vertical | right_grows))
        shrinks = right_grows & vertical
        if keep:
            columns.append((grows, shrinks))
    return below, columns


def aligned(expected: str, found: str) -> list[tuple[Operation, str, str]]:
    """Return one of the shortest ways from one text to the other: (operation, expected's part, found's part).

    Takes memory for each pair of characters, a quarter of a byte: for texts of some thousands of characters.
    """
    row, column = len(expected), len(found)
    steps: list[tuple[Operation, str, str]] = []
    columns: list[tuple[int, int]] = []
    if row and column:
        _, columns = _sweep(expected, found, [1] * column, keep=True)
    while row and column:
        bit = 1 << (row - 1)
        if columns[column - 1][0] & bit:
            row -= 1
            steps.append(("delete", expected[row], ""))
        elif column > 1 and columns[column - 2][1] & bit:
            column -= 1
            steps.append(("insert", "", found[column]))
        else:
            row, column = row - 1, column - 1
            same = expected[row] == found[column]
            steps.append(("equal" if same else "replace", expected[row], found[column]))
    steps += [("delete", one, "") for one in reversed(expected[:row])]
    steps += [("insert", "", one) for one in reversed(found[:column])]
    return _merged(steps[::-1])


def _merged(steps: Sequence[tuple[Operation, str, str]]) -> list[tuple[Operation, str, str]]:
    merged: list[tuple[Operation, list[str], list[str]]] = []
    for operation, expected, found in steps:
        if not merged or merged[-1][0] != operation:
            merged.append((operation, [], []))
        merged[-1][1].append(expected)
        merged[-1][2].append(found)
    return [(operation, "".join(expected), "".join(found)) for operation, expected, found in merged]
