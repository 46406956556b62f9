"""What stored rows leave out or round, and what reading makes of that."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vizart.history.records import span_table
from pytest_vizart.history.rows import session_tables
from pytest_vizart.records.stage import Distribution, StageStats
from tests.history.builders import a_run, a_session, spans_of


def test_self_times_and_pauses_that_say_nothing_new_are_left_out_and_come_back() -> None:
    spans = spans_of({"outer": 900, "inner": 400})
    spans.self_ns[0], spans.paused_ns[1], spans.paused_ns[2] = 500, 70, 0
    kept = session_tables(a_session(), [replace(a_run(), spans=spans)])["spans"]
    assert kept["self_ns"].to_pylist() == [500, None, None, None]
    assert kept["paused_ns"].to_pylist() == [None, 70, None, None]
    read = span_table(kept)
    assert read.self_ns == [500, 400, 900, 400]
    assert read.paused_ns == [None, 70, None, None]


def _kept_median_ns(wall_ns: float) -> int:
    times = Distribution(*[wall_ns / 1e6] * 5)
    run = replace(a_run(), stages=(StageStats("detect", 1, 0, times),))
    (value,) = session_tables(a_session(), [run])["stages"]["wall_median_ns"].to_pylist()
    assert isinstance(value, int)
    return value


@given(st.floats(0, 1e13))
def test_times_of_stages_keep_10_bits(wall_ns: float) -> None:
    kept = _kept_median_ns(wall_ns)
    assert kept == pytest.approx(wall_ns, rel=2**-10, abs=1)
    assert kept % (1 << max(kept.bit_length() - 10, 0)) == 0


def test_short_times_of_stages_are_not_rounded() -> None:
    assert _kept_median_ns(1_023.0) == 1_023
    assert _kept_median_ns(1_025.0) == 1_026
