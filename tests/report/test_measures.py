from __future__ import annotations

import math

from pytest_vizart.records.profile import GpuReading, MeasureTable
from pytest_vizart.report.measures import GpuSummary, MeasureSummary, gpu_summary, summed_up


def _table(*rows: tuple[str, str, float, str | None, bool]) -> MeasureTable:
    table = MeasureTable()
    for kind, name, value, stage, warmup in rows:
        row = {"kind": kind, "name": name, "value": value, "stage": stage, "warmup": warmup, "span_id": None,
               "sample_id": None, "pass_index": 0, "at_us": 0}  # fmt: skip
        for column, each in row.items():
            getattr(table, column).append(each)
    return table


def test_one_summary_for_each_kind_name_and_stage_without_warmup() -> None:
    table = _table(
        ("gauge", "depth", 4.0, "a", False),
        ("count", "depth", 1.0, "a", False),
        ("gauge", "depth", 1.0, "a", False),
        ("gauge", "depth", 9.0, None, False),
        ("gauge", "depth", 99.0, "a", True),
        ("gauge", "depth", math.nan, "a", False),
        ("gauge", "depth", math.inf, "a", False),
    )
    assert summed_up(table) == (
        MeasureSummary("gauge", "depth", "a", 2, last=1.0, min=1.0, max=4.0, mean=2.5, sum=5.0),
        MeasureSummary("count", "depth", "a", 1, 1.0, 1.0, 1.0, 1.0, 1.0),
        MeasureSummary("gauge", "depth", None, 1, 9.0, 9.0, 9.0, 9.0, 9.0),
    )


def test_waits_are_told_in_milliseconds() -> None:
    (wait,) = summed_up(_table(("external", "ocr", 2e6, None, False), ("external", "ocr", 4e6, None, False)))
    assert (wait.mean, wait.sum, wait.max) == (3.0, 6.0, 4.0)


def test_the_device_over_a_run() -> None:
    readings = (
        GpuReading(0, 0.2, 2_000_000, None, 1_400, 60, ()),
        GpuReading(1, 0.4, 3_000_000, None, 900, 71, ("power cap", "heat")),
        GpuReading(2, throttled=("power cap",)),
    )
    assert gpu_summary(readings) == GpuSummary(3, 3.0, None, 0.30000000000000004, 900, 71, ("power cap", "heat"))
    assert gpu_summary(()) is None
    assert gpu_summary((GpuReading(0),)) == GpuSummary(1, None, None, None, None, None, ())
