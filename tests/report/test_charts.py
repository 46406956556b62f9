from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from pytest_vizart.report.charts import (
    TrendMark,
    memory_chart,
    spark_chart,
    stage_bar,
    thinned,
    thinned_points,
    timeline_chart,
    trend_chart,
)

HOSTILE = "</svg><script>alert(1)</script>"


def _shapes(svg: str, tag: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(svg).iter(tag))


def test_bars_share_one_scale_and_the_whisker_reaches_the_percentile() -> None:
    svg = stage_bar(5.0, 10.0, 2.5, longest=20.0)
    wall, cpu = _shapes(svg, "rect")
    assert (wall.get("width"), cpu.get("width")) == ("25.00", "12.50")
    assert _shapes(svg, "path")[0].get("d", "").startswith("M25.00 6.5H50.00")


@pytest.mark.parametrize("longest", [0.0, 1e-12])
def test_a_stage_without_time_is_still_drawn(longest: float) -> None:
    assert len(_shapes(stage_bar(0.0, 0.0, None, longest), "rect")) == 1


def test_memory_lines_stay_inside_even_when_flat_or_single() -> None:
    for values in ([310.0, 310.0, 310.0], [310.0], [1.0, 5.0, 2.0]):
        for line in _shapes(memory_chart(values, values), "path")[1:]:
            heights = [float(point.split(" ")[1]) for point in line.get("d", "")[1:].split("L")]
            assert all(0 <= height <= 90 for height in heights)


def test_thinning_keeps_peaks_and_order() -> None:
    values = [float(n % 7) for n in range(10_000)]
    values[4321] = 99.0
    kept = thinned(values)
    assert len(kept) <= 482
    assert max(kept) == 99.0
    assert thinned([3.0, 1.0]) == [3.0, 1.0]


def test_a_trend_marks_the_present_run_and_crosses_failed_ones() -> None:
    marks = [
        TrendMark(1.0, "a"),
        TrendMark(2.0, "b", failed=True),
        TrendMark(None, "c"),
        TrendMark(3.0, "d", present=True),
    ]
    svg = trend_chart(marks, "wall of detect")
    ring = [circle for circle in _shapes(svg, "circle") if circle.get("class") == "present-ring"]
    crosses = [path for path in _shapes(svg, "path") if path.get("class") == "mark-cross"]
    assert (len(ring), len(crosses)) == (1, 1)
    line = next(path for path in _shapes(svg, "path") if path.get("class") == "trend-line")
    assert line.get("d", "").count("M") == 2  # the run without a value leaves a gap


def test_names_cannot_leave_their_attribute_or_title() -> None:
    svg = trend_chart([TrendMark(1.0, HOSTILE), TrendMark(2.0, HOSTILE)], f'"{HOSTILE}')
    assert _shapes(svg, "script") == []
    assert [title.text for title in _shapes(svg, "title")] == [HOSTILE, HOSTILE]


def test_no_value_no_chart() -> None:
    assert trend_chart([TrendMark(None, "a")], "t") == ""


def test_thinning_points_keeps_peaks_and_order() -> None:
    points = [(float(n), float(n % 7)) for n in range(50_000)]
    points[43_210] = (43_210.0, 99.0)
    kept = thinned_points(points)
    assert len(kept) <= 1_000
    assert (43_210.0, 99.0) in kept
    assert kept == sorted(kept)
    assert thinned_points(points[:10]) == points[:10]


def test_a_timeline_draws_every_line_that_has_points_on_one_scale() -> None:
    svg = timeline_chart(
        {"a": [(1.0, 10.0), (3.0, 20.0)], "b": [], HOSTILE: [(1.0, 20.0)]}, [2.0], (1.0, 3.0, 10.0, 20.0)
    )
    drawn = {path.get("class"): path.get("d") for path in _shapes(svg, "path")}
    assert drawn["a"] == "M0.0 136.0L600.0 4.0"
    assert drawn["upright"] == "M300.0 0V140"
    assert drawn[HOSTILE] == "M0.0 4.0"
    assert "b" not in drawn


@pytest.mark.parametrize("values", [[5.0], [5.0, 5.0], [0.0, 1.0, -2.0]])
def test_a_spark_stays_inside(values: list[float]) -> None:
    (line,) = (path for path in _shapes(spark_chart(values), "path") if path.get("class") == "line-after")
    heights = [float(point.split(" ")[1]) for point in line.get("d", "")[1:].split("L")]
    assert all(0 <= height <= 48 for height in heights)
