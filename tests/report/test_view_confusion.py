"""Confusion: a table of few classes, pairs and squares of many."""

from __future__ import annotations

from pytest_vizart.report.view_confusion import Cell, ConfusedPair, confusion_view


def test_few_classes_are_a_table_with_the_share_of_each_row() -> None:
    view = confusion_view({"classes": ["a", "b"], "matrix": [[6, 2], [0, 12_300]], "missing": [2, 0]})
    assert view is not None
    assert view.head == ("a", "b", "nothing")
    assert view.rows[0][1] == (
        Cell("6", "a, predicted a: 6, 60 % of a", 60, right=True),
        Cell("2", "a, predicted b: 2, 20 % of a", 20, right=False),
        Cell("2", "a, predicted nothing: 2, 20 % of a", 20, right=False),
    )
    assert [cell.text for cell in view.rows[1][1]] == ["", "12.3k", ""]
    assert view.facts == "most often a for b, 2 times"
    assert (view.pairs, view.chart) == ((), None)


def test_many_classes_begin_with_the_most_frequent_pairs() -> None:
    names = [f"c{number}" for number in range(20)]
    matrix = [[0] * 20 for _ in names]
    for number in range(20):
        matrix[number][number] = 8
    matrix[3][4], matrix[5][6] = 2, 8
    view = confusion_view({"classes": names, "matrix": matrix, "missing": [0] * 20})
    assert view is not None
    assert view.pairs == (
        ConfusedPair("c5", "c6", "8", "50 %", "100.0"), ConfusedPair("c3", "c4", "2", "20 %", "25.0"),
    )  # fmt: skip
    assert view.rows == ()
    assert str(view.chart).count("<rect") == 1 + 22
    assert "c5, predicted c6: 8, 50 % of c5" in str(view.chart)


def test_pairs_alone_are_shown_where_there_is_no_matrix() -> None:
    view = confusion_view({"pairs": [["a", None, 3], ["b", "c", 1]]})
    assert view is not None
    assert view.pairs[0] == ConfusedPair("a", "nothing", "3", "", "100.0")
    assert (view.chart, view.names) == (None, ())


def test_nothing_counted_is_no_view() -> None:
    assert confusion_view({}) is None
    assert confusion_view({"classes": ["a"], "matrix": [[0]]}) is None
    perfect = confusion_view({"classes": ["a"], "matrix": [[4]]})
    assert perfect is not None
    assert perfect.facts == "nothing was confused"


def test_names_are_escaped_in_the_squares() -> None:
    names = [f"<b>{number}" for number in range(16)]
    matrix = [[int(row == column) for column in range(16)] for row in range(16)]
    view = confusion_view({"classes": names, "matrix": matrix})
    assert view is not None
    assert "<b>" not in str(view.chart)
