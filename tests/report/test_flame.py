from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_vizart.records.profile import FlameNode
from pytest_vizart.report.flame import flame_columns

from .profile_builders import flame


def _named(columns: dict[str, Any]) -> list[str]:
    return [columns["names"][number] for number in columns["name"]]


def test_children_share_the_width_of_their_caller_largest_first() -> None:
    root = FlameNode("run", "", 10.0, (
        FlameNode("decode", "", 2.0),
        FlameNode("detect", "", 6.0, (FlameNode("a", "shop/x.py:1", 1.0), FlameNode("b", "shop/y.py:2", 4.0))),
    ))  # fmt: skip
    columns = flame_columns(root)
    assert _named(columns) == ["run", "decode", "detect", "a", "b"]
    assert columns["parent"] == [None, 0, 0, 2, 2]
    assert columns["start"] == pytest.approx([0, 0, 0.2, 0.6, 0.2])  # stages in their order, functions largest first
    assert columns["width"] == pytest.approx([1, 0.2, 0.6, 0.1, 0.4])
    assert columns["own_ms"] == [2.0, 2.0, 1.0, 1.0, 4.0]
    assert columns["merged"] == [0] * 5
    assert columns["packages"] == [["shop", 0.5]]
    assert columns["package"] == [None, None, None, 0, 0]


@pytest.mark.parametrize(
    "place, package",
    [
        ("shop/boxes.py:3", "shop"),
        ("/usr/lib/python3/site-packages/numpy/core/a.py:12", "numpy"),
        ("C:\\env\\dist-packages\\PIL\\Image.py:7", "PIL"),
        ("main.py:3", "main.py"),
        ("<frozen importlib._bootstrap>:30", "<frozen importlib._bootstrap>"),
        ("<built-in>", "<built-in>"),
    ],
)
def test_the_package_of_a_place(place: str, package: str) -> None:
    columns = flame_columns(FlameNode("all", "", 1.0, (FlameNode("f", place, 1.0),)))
    assert columns["packages"] == [[package, 1.0]]


def test_children_that_add_up_to_more_than_their_caller_share_its_width() -> None:
    root = FlameNode("all", "", 10.0, tuple(FlameNode(name, "p/x.py:1", 8.0) for name in "ab"))
    columns = flame_columns(root)
    assert columns["width"] == [1.0, 0.5, 0.5]
    assert columns["ms"] == [10.0, 8.0, 8.0]


@pytest.mark.parametrize("most", [1, 2, 7, 50, 10_000])
def test_the_smallest_are_merged_and_the_time_stays(most: int) -> None:
    root = flame(width=3, depth=7)
    columns = flame_columns(root, most)
    count = len(columns["name"])
    assert count <= max(most, 2)
    merged = [row for row in range(count) if columns["merged"][row]]
    assert (most < 10_000) == bool(merged)
    if not merged:
        return
    assert all("smaller ones" in _named(columns)[row] and columns["own_ms"][row] is None for row in merged)
    # The direct calls of the first node are all there, as themselves or within one that stands for them.
    calls = [columns["ms"][row] for row in range(count) if columns["parent"][row] == 0]
    assert sum(calls) == pytest.approx(sum(child.total_ms for child in root.children))


def test_a_recursion_deeper_than_pythons_own_limit_is_laid_out() -> None:
    node = FlameNode("leaf", "p/x.py:1", 1.0)
    for _ in range(sys.getrecursionlimit() + 500):
        node = FlameNode("again", "p/x.py:1", 1.0, (node,))
    columns = flame_columns(node)
    assert columns["width"] == [1.0] * len(columns["name"])


def test_times_that_are_no_times_do_not_break_the_page() -> None:
    root = FlameNode("all", "", float("nan"), (FlameNode("a", "x.py:1", float("inf")), FlameNode("b", "x.py:2", -1.0)))
    columns = flame_columns(root)
    assert columns["ms"] == [0.0, 0.0, 0.0]


_trees = st.recursive(
    st.builds(FlameNode, st.sampled_from("abc"), st.sampled_from(["", "p/x.py:1", "q/y.py:2"]), st.floats(0, 100)),
    lambda inner: st.builds(
        FlameNode, st.just("f"), st.just("p/x.py:1"), st.floats(0, 100), st.lists(inner, max_size=4).map(tuple)
    ),
    max_leaves=40,
)


@settings(deadline=None, max_examples=80)
@given(_trees, st.integers(2, 30))
def test_every_node_lies_within_its_caller(root: FlameNode, most: int) -> None:
    columns = flame_columns(root, most)
    assert len(columns["name"]) <= most
    slack = 1e-5
    for row, parent in enumerate(columns["parent"]):
        if parent is None:
            assert row == 0
            continue
        assert parent < row
        end = columns["start"][row] + columns["width"][row]
        assert columns["start"][parent] - slack <= columns["start"][row]
        assert end <= columns["start"][parent] + columns["width"][parent] + slack
