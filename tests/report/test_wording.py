from __future__ import annotations

import math

import pytest

from pytest_vizart.records.profile import Leak
from pytest_vizart.records.span import CRASHED, UNFINISHED, SpanTable
from pytest_vizart.report import wording

from . import builders


@pytest.mark.parametrize(
    "value, text",
    [
        (0.12345, "0.123"),
        (1.2345, "1.23"),
        (12.345, "12.3"),
        (1234.5, "1,234"),
        (9.999, "10.0"),
        (0, "0.00"),
        (None, "–"),
    ],
)
def test_milliseconds_keep_three_digits(value: float | None, text: str) -> None:
    assert wording.milliseconds(value) == text


def test_a_column_has_one_number_of_decimals() -> None:
    assert wording.aligned_milliseconds([2.9, 13.98, 0.0001, None]) == ["2.90", "13.98", "<0.01", "–"]
    assert wording.aligned_milliseconds([0.2051, 0.12]) == ["0.205", "0.120"]
    assert wording.aligned_milliseconds([12345.6, 3.0]) == ["12,346", "3"]


def test_nothing_measured_is_a_dash() -> None:
    assert {wording.percent(None), wording.megabytes(math.nan), wording.metric_value(math.inf)} == {"–"}


@pytest.mark.parametrize("width", range(1, 14))
def test_shortening_keeps_both_ends_and_the_width(width: int) -> None:
    short = wording.shortened("tests/test_a.py", width)
    assert len(short) == width
    assert width < 5 or (short.startswith("te") and short.endswith("py"))


def test_lists_name_a_few_and_count_the_rest() -> None:
    assert wording.listed("abc") == "a, b, c"
    assert wording.listed("abcde") == "a, b, c and 2 more"


def test_negative_zero_is_zero() -> None:
    assert wording.megabytes(-0.01) == "0.0"
    assert wording.megabytes(-0.5) == "-0.5"


def test_a_leak_in_one_sentence() -> None:
    leak = Leak("cpu", 101.2, 94.6, 108.4, 1_400, True, "decode")
    assert (
        wording.leak_sentence(leak) == "memory grows by 101 kB a sample [95 .. 108] over 1,400 samples, most in decode"
    )
    small = Leak("gpu", 4.021, 0.512, 9.99, 1, True)
    assert wording.leak_sentence(small) == "GPU memory grows by 4.02 kB a sample [0.512 .. 9.99] over 1 sample"


def test_spans_that_died_or_went_on_are_not_said_to_have_raised() -> None:
    rows = [
        ("a", "ValueError", False), ("a", None, False), ("a", "OSError", True),
        ("b", "ValueError", False), ("b", UNFINISHED, False), ("b", CRASHED, False), ("b", "KeyError", False),
        ("c", CRASHED, False), ("d", UNFINISHED, False), ("d", None, False), ("e", None, False),
    ]  # fmt: skip
    spans = SpanTable()
    for stage, error, warmup in rows:
        builders.add_span(spans, stage=stage, error=error, warmup=warmup, offset_ns=0)
    assert wording.bad_endings(spans) == {
        "a": "1 of 2 spans raised",
        "b": "4 of 4 spans: 2 raised, 1 died, 1 had not ended",
        "c": "1 of 1 span died",
        "d": "1 of 2 spans had not ended",
    }


@pytest.mark.parametrize(
    "value, text",
    [(None, "–"), (0.0, "0.000"), (0.612, "0.612"), (0.0004, "0.0004"), (-0.00123, "-0.0012"), (1.2e-7, "1.2e-07")],
)
def test_small_figures_keep_two_digits(value: float | None, text: str) -> None:
    assert wording.figure(value) == text


@pytest.mark.parametrize(
    "count, text", [(812, "812"), (9_994, "9,994"), (12_340, "12.3k"), (124_000, "124k"), (4.1e7, "41.0M")]
)
def test_large_counts_are_short(count: float, text: str) -> None:
    assert wording.compact(count) == text
