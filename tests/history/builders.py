"""Runs and sessions made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pytest_vizart.records.outcome import Outcome
from pytest_vizart.records.run import Code, Machine, RunInfo, RunResult, Session
from pytest_vizart.records.score import Counts, Score
from pytest_vizart.records.span import SPAN_COLUMNS, SpanTable

START_US = 1_750_000_000_000_000


def a_session(session_id: str = "s1", **changes: Any) -> Session:
    machine = Machine("f00d", "CPU", 2, 24, "Linux x86_64", "CPython 3.11.7", libraries={"numpy": "2.0"})
    session = Session(session_id, START_US, "pytest", machine, Code("abc", "main", False), "0.1.0")
    return replace(session, **changes)


def spans_of(stages: dict[str, int], samples: tuple[str, ...] = ("a", "b")) -> SpanTable:
    """One span of each stage on each sample; stages give wall nanoseconds."""
    rows = [
        (stage, None, sample, 0, False, 1, START_US, wall, wall, wall, 10**8, 10**8, 0, 0, 0, None)
        for sample in samples
        for stage, wall in stages.items()
    ]
    return SpanTable(**{name: list(column) for name, column in zip(SPAN_COLUMNS, zip(*rows, strict=True), strict=True)})


def a_run(run_id: str = "r1", session_id: str = "s1", *, wall_ns: int = 2_000_000, **changes: Any) -> RunResult:
    info = RunInfo(
        run_id, session_id, "test_x.py::test_x", "shades", "d1", START_US, START_US + 9, "passed", 2, 1, 0, "detailed",
        accepted=True,
    )  # fmt: skip
    outcomes = tuple(
        Outcome(sample, "detect", "classes", "correct", score=1.0, input_path=f"/x/{sample}.png", tags=("night",))
        for sample in ("a", "b")
    )
    score = Score("detect", "classes", "accuracy", {"accuracy": 1.0, "f1": None}, Counts(correct=2))
    return RunResult(replace(info, **changes), spans_of({"detect": wall_ns}), scores=(score,), outcomes=outcomes)
