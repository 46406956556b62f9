from __future__ import annotations

import pytest

from pytest_vizart.workflow.importing.units import nanoseconds


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (254, "ns/iter", 254), (3, "ns/op", 3), (7.5, "us", 7_500), (7.5, "µs", 7_500), (2, "msec", 2e6),
        (1.5, "seconds", 1.5e9), (2, "min", 1.2e11), (500, "ps", 0.5), (2, "ms per run", 2e6), (1, " S ", 1e9),
        (1_000, "ops/sec", 1e6), (2, "iter/sec", 5e8), (4, "ops/ms", 250_000), (10, "ops/s", 1e8),
    ],
)  # fmt: skip
def test_times_and_rates_of_operations(value: float, unit: str, expected: float) -> None:
    assert nanoseconds(value, unit) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (5, "bytes"), (5, ""), (5, "MB/s"), (5, "fps"), (5, "frames/s"), (5, "unit"), (5, "ns/frame"), (5, "%"),
        (0, "ns"), (-3, "ns"), (0, "ops/sec"), (5, "a b c"), (5, "s/s/s"),
    ],
)  # fmt: skip
def test_everything_else_is_no_time(value: float, unit: str) -> None:
    assert nanoseconds(value, unit) is None
