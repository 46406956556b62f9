"""Runs and sessions made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pytest_vizart.records.outcome import Outcome
from pytest_vizart.records.profile import GpuReading, Leak, MeasureTable, OutputSummary, Profile
from pytest_vizart.records.run import Code, Machine, RunInfo, RunResult, Session
from pytest_vizart.records.score import Counts, Score
from pytest_vizart.records.span import SPAN_COLUMNS, SpanTable

START_US = 1_750_000_000_000_000


def a_session(session_id: str = "s1", **changes: Any) -> Session:
    machine = Machine("f00d", "CPU", 2, 24, "Linux x86_64", "CPython 3.11.7", libraries={"numpy": "2.0"})
    session = Session(session_id, START_US, "pytest", machine, Code("abc", "main", False), "0.1.0")
    return replace(session, **changes)


_UNMEASURED: dict[str, Any] = {
    "parent_id": None, "parent": None, "process": 77, "pass_index": 0, "warmup": False, "items": 1,
    "paused_ns": None, "gpu_ns": None, "rss_before": 10**8, "rss_after": 10**8, "rss_peak": None, "peak_exact": None,
    "minor_faults": 0, "voluntary_switches": 0, "involuntary_switches": 0, "read_bytes": None, "written_bytes": None,
    "gpu_before": None, "gpu_after": None, "gpu_peak": None, "gpu_reserved": None, "error": None,
}  # fmt: skip


def spans_of(stages: dict[str, int], samples: tuple[str, ...] = ("a", "b")) -> SpanTable:
    """One span of each stage on each sample, one after the other; stages give wall nanoseconds."""
    table = SpanTable()
    offset_ns = 0
    for sample in samples:
        for stage, wall in stages.items():
            times = dict.fromkeys(("wall_ns", "self_ns", "cpu_ns", "process_cpu_ns"), wall)
            place = {"span_id": len(table), "offset_ns": offset_ns, "started_us": START_US + offset_ns // 1_000}
            row = {**_UNMEASURED, **times, **place, "stage": stage, "sample_id": sample}
            for name in SPAN_COLUMNS:
                getattr(table, name).append(row[name])
            offset_ns += wall + 1_000
    return table


def a_profile() -> Profile:
    """One of everything that profiling keeps beside spans."""
    measures = MeasureTable(
        kind=["gauge", "external"], name=["queue", "ocr"], value=[3.0, 2e6], stage=["detect", None],
        span_id=[0, None], sample_id=["a", None], pass_index=[0, 0], warmup=[False, True],
        at_us=[START_US + 5, START_US + 7],
    )  # fmt: skip
    output = OutputSummary("detect", "a", "array", "9f2c", (480, 640, 3), "float32", 3_686_400, 0.0, 1.0, 0.4, 2, "x")
    return Profile(
        measures,
        leaks=(Leak("cpu", 101.2, 95.0, 108.1, 400, True, "detect"),),
        outputs=(output, OutputSummary("decode", "a", "none", None)),
        outputs_ms=1.5,
        gpu=(
            GpuReading(START_US, 0.5, 10**9, 5 * 10**8, 1_410, 61, ("power cap",)),
            GpuReading(START_US + 1),
        ),
    )


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
