from __future__ import annotations

import numpy as np
import pytest

from pytest_vizart.gating.times import OUTSIDE_SAMPLES, RunTimes
from pytest_vizart.records.span import CALIBRATION_STAGE, SPAN_COLUMNS, SpanTable

_EMPTY: dict[str, object] = {
    "stage": "detect", "parent": None, "sample_id": "a", "pass_index": 0, "warmup": False, "items": 1, "started_us": 0,
    "wall_ns": 100, "cpu_ns": 90, "process_cpu_ns": 95, "rss_before": None, "rss_after": None, "minor_faults": None,
    "voluntary_switches": 0, "involuntary_switches": 0, "error": None,
}  # fmt: skip


def table(*rows: dict[str, object]) -> SpanTable:
    return SpanTable(**{name: [{**_EMPTY, **row}.get(name) for row in rows] for name in SPAN_COLUMNS})  # type: ignore[arg-type]


def test_spans_become_a_grid_of_samples_and_passes():
    run = RunTimes.from_spans(
        "r",
        table(
            {"sample_id": "a", "wall_ns": 10},
            {"sample_id": "b", "wall_ns": 20},
            {"sample_id": "a", "wall_ns": 11, "pass_index": 1},
            {"sample_id": "b", "wall_ns": 21, "pass_index": 1},
        ),
    )
    assert run.samples == ("a", "b")
    assert run.passes == 2
    np.testing.assert_array_equal(run.stages["detect"].wall_ns, [[10, 11], [20, 21]])


def test_warm_up_and_raised_spans_do_not_count():
    run = RunTimes.from_spans(
        "r",
        table(
            {"sample_id": "warm", "warmup": True, "wall_ns": 999},
            {"sample_id": "a", "wall_ns": 10},
            {"sample_id": "b", "wall_ns": 20, "error": "ValueError"},
        ),
    )
    detect = run.stages["detect"]
    assert "warm" not in run.samples
    assert detect.span_wall_ns.tolist() == [10]
    np.testing.assert_array_equal(detect.wall_ns, [[10], [np.nan]])


def test_executions_within_one_sample_and_pass_are_summed_but_stay_spans_of_their_own():
    detect = RunTimes.from_spans("r", table({"wall_ns": 10}, {"wall_ns": 30})).stages["detect"]
    assert detect.wall_ns.tolist() == [[40]]
    assert detect.span_wall_ns.tolist() == [10, 30]


def test_a_sum_with_a_raised_execution_is_unknown_not_smaller():
    detect = RunTimes.from_spans("r", table({"wall_ns": 10}, {"wall_ns": 30, "error": "OSError"})).stages["detect"]
    assert np.isnan(detect.wall_ns).all()


def test_a_missing_pass_of_a_sample_is_nan():
    run = RunTimes.from_spans("r", table({"sample_id": "a"}, {"sample_id": "a", "pass_index": 1}, {"sample_id": "b"}))
    assert np.isnan(run.stages["detect"].wall_ns).tolist() == [[False, False], [False, True]]


def test_calibration_is_kept_apart_from_the_stages():
    run = RunTimes.from_spans("r", table({"stage": CALIBRATION_STAGE, "wall_ns": 7}, {}))
    assert list(run.stages) == ["detect"]
    assert run.calibration is not None
    assert run.calibration.wall_ns.tolist() == [[7]]


def test_level_basic_has_no_cpu_time():
    detect = RunTimes.from_spans(
        "r", table({"cpu_ns": None, "process_cpu_ns": None, "voluntary_switches": None})
    ).stages["detect"]
    assert (detect.cpu_ns, detect.process_cpu_ns, detect.voluntary_switches) == (None, None, None)


def test_a_batch_keeps_its_joined_name_and_a_span_outside_of_samples_has_none():
    run = RunTimes.from_spans("r", table({"sample_id": "a|b", "items": 2}, {"sample_id": None}))
    assert run.samples == ("a|b", OUTSIDE_SAMPLES)


def test_parents_are_known_and_a_stage_inside_of_itself_is_timed_once():
    run = RunTimes.from_spans(
        "r",
        table(
            {"stage": "nms", "parent": "detect", "wall_ns": 3},
            {"stage": "detect", "parent": "detect", "wall_ns": 40},
            {"stage": "detect", "wall_ns": 50},
        ),
    )
    assert run.parents == {"nms": "detect", "detect": None}
    assert run.stages["detect"].wall_ns.tolist() == [[50]]


def test_plain_columns_are_enough():
    run = RunTimes.from_columns("r", {"stage": ["s"], "sample_id": ["a"], "pass_index": [0], "wall_ns": [5]})
    assert run.stages["s"].wall_ns.tolist() == [[5]]
    assert run.stages["s"].cpu_ns is None


@pytest.mark.parametrize("rows", [[], [{"warmup": True}]])
def test_a_run_without_counted_spans_is_empty(rows):
    run = RunTimes.from_spans("r", table(*rows))
    assert (run.samples, run.passes, dict(run.stages)) == ((), 0, {})
