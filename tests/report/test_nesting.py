from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_vizart.records.stage import StageStats
from pytest_vizart.report.nesting import nested


def _stages(**parents: str | None) -> list[StageStats]:
    return [replace(StageStats(name, 1, 0, None), parent=parent) for name, parent in parents.items()]


@pytest.mark.parametrize(
    "parents, order",
    [
        ({}, []),
        ({"a": None, "b": None}, [(0, "a"), (0, "b")]),
        # Inner stages end first, and are listed before the one around them.
        ({"x": "b", "a": None, "y": "b", "b": None}, [(0, "a"), (0, "b"), (1, "x"), (1, "y")]),
        ({"z": "y", "y": "b", "b": None}, [(0, "b"), (1, "y"), (2, "z")]),
        ({"a": "not there", "b": "b"}, [(0, "a"), (0, "b")]),
        ({"a": "b", "b": "a", "c": None}, [(0, "c"), (0, "a"), (0, "b")]),
    ],
)
def test_every_stage_once_inner_ones_after_the_one_around_them(
    parents: dict[str, str | None], order: list[tuple[int, str]]
) -> None:
    assert [(depth, stats.name) for depth, stats in nested(_stages(**parents))] == order


def test_a_thousand_levels() -> None:
    stages = _stages(**{f"s{n}": f"s{n - 1}" if n else None for n in range(1_000)})
    assert nested(stages)[-1] == (999, stages[-1])
