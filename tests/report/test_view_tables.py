"""Tables by class and by tag: order, columns, numbers."""

from __future__ import annotations

from typing import Any

from pytest_vizart.records.score import Counts, MetricInfo, Score
from pytest_vizart.report.view_tables import Column, Row, class_table, plain_table, tag_table


def _score(**changes: Any) -> Score:
    values: dict[str, Any] = {
        "stage": "s", "task": "boxes", "headline": "map", "metrics": {"map": 0.5, "precision": None},
        "counts": Counts(),
    }  # fmt: skip
    return Score(**(values | changes))


def test_the_worst_class_comes_first_and_an_undefined_one_last() -> None:
    per_class: dict[str, dict[str, float | None]] = {
        "cat": {"objects": 1200.0, "ap_50": 0.75, "ap": 0.5, "best": None},
        "none": {"objects": 0.0, "ap_50": None, "ap": None, "best": None},
        "dog": {"objects": 3.0, "ap_50": 0.25, "ap": 0.125, "best": None},
    }
    table = class_table(_score(per_class=per_class), 100)
    assert table is not None
    assert table.columns == (Column("ap", "↑", ""), Column("ap_50", "↑", ""), Column("objects", "", ""))
    assert table.rows == (
        Row("dog", ("0.125", "0.250", "3")), Row("cat", ("0.500", "0.750", "1,200")), Row("none", ("–", "–", "0")),
    )  # fmt: skip
    assert (table.facts, table.folded) == ("3 classes, ap from 0.125", False)


def test_where_lower_is_better_the_highest_is_the_worst() -> None:
    score = _score(
        task="array", headline="rmse", per_class={"a": {"rmse": 0.1}, "b": {"rmse": 3.0}},
        info={"rmse": MetricInfo("lower", "m")},
    )  # fmt: skip
    table = class_table(score, 100)
    assert table is not None
    assert (table.title, table.first, table.facts) == ("Per array", "array", "2 arrays, rmse from 3.00")
    assert table.columns == (Column("rmse", "↓", "m"),)
    assert [row.name for row in table.rows] == ["b", "a"]


def test_tags_stand_under_all_samples() -> None:
    per_tag: dict[str, dict[str, float | None]] = {"day": {"map": 0.9, "precision": 0.5}, "night": {"map": 0.1}}
    table = tag_table(_score(per_tag=per_tag), 100)
    assert table is not None
    assert table.rows == (
        Row("all samples", ("0.500", "–"), whole=True), Row("night", ("0.100", "–")), Row("day", ("0.900", "0.500")),
    )  # fmt: skip


def test_long_tables_are_folded_and_cut() -> None:
    per_class = {f"c{number:02d}": {"iou": number / 100} for number in range(20)}
    table = class_table(_score(per_class=per_class), 15)
    assert table is not None
    assert (len(table.rows), table.folded, table.rows[0].name) == (15, True, "c00")
    assert table.note == "The worst 15 of 20; the JSON report has all."


def test_nothing_known_is_no_table() -> None:
    assert class_table(_score(), 10) is None
    assert class_table(_score(per_class={"a": {"ap": None}}), 10) is None
    assert tag_table(_score(per_tag={"a": {}}), 10) is None
    assert plain_table("t", "f", {}, _score()) is None
