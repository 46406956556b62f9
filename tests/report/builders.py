"""Sample sessions as the report gets them: a coins-like detector, a segmenter, a digit classifier, a point cloud.

Everything is made here with fixed seeds, so that a page can be compared with the one before.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.records.outcome import Case, Outcome
from pytest_vizart.records.run import Code, Machine, RunInfo, RunResult, Session, SessionResult, TrendPoint
from pytest_vizart.records.score import Counts, Score
from pytest_vizart.records.span import SPAN_COLUMNS, SpanTable
from pytest_vizart.records.stage import Distribution, MemoryStats, StageStats
from pytest_vizart.records.verdict import Verdict

from .case_builders import cloud_case, coin_case, digit_case, mask_case

STARTED_US = 1_760_000_000_000_000
DAY_US = 86_400_000_000
COINS = "tests/test_coins.py::test_coins"
CELLS = "tests/test_cells.py::test_cells[otsu]"
DIGITS = "tests/test_digits.py::test_digits"
STREET = "tests/test_street.py::test_street"


def session(**changes: Any) -> Session:
    values: dict[str, Any] = {
        "session_id": "0f6f3a3e-1111-4222-8333-444455556666",
        "started_us": STARTED_US,
        "command": "pytest --vizart-golden=golden/ --vizart-report=report.html",
        "machine": Machine(
            "a1b2c3", "AMD EPYC 7B13", 8, 32, "Linux x86_64", "3.11.9", libraries={"numpy": "2.1.3", "scipy": "1.14.1"}
        ),
        "code": Code("4f9a2c71d0e5b6a7", "faster-threshold", True),
        "version": "0.1.0",
    }
    return Session(**(values | changes))


def run_info(test_id: str = COINS, **changes: Any) -> RunInfo:
    values: dict[str, Any] = {
        "run_id": f"run-of-{test_id}",
        "session_id": session().session_id,
        "test_id": test_id,
        "dataset": "coins",
        "dataset_digest": "sha256:9f2c",
        "started_us": STARTED_US,
        "finished_us": STARTED_US + 4_200_000,
        "status": "passed",
        "samples": 24,
        "passes": 3,
        "warmup": 3,
        "profile": "detailed",
        "accepted": True,
    }
    return RunInfo(**(values | changes))


def spans(
    stages: dict[str, tuple[float, float]], samples: int = 24, passes: int = 3, leak_mb: float = 0.0
) -> SpanTable:
    """stages: name -> (wall ms, CPU ms). Resident memory grows by `leak_mb` in the last stage of every sample."""
    random = np.random.default_rng(7)
    table, resident = SpanTable(), 310e6
    for pass_index in range(passes):
        for sample in range(samples):
            for position, (name, (wall_ms, cpu_ms)) in enumerate(stages.items()):
                noise = float(random.gamma(20, 1 / 20))
                grown = resident + (leak_mb * 1e6 if position == len(stages) - 1 else 0) + float(random.normal(0, 4e5))
                wall_ns = int(wall_ms * noise * 1e6)
                add_span(
                    table,
                    stage=name,
                    sample_id=f"coin-{sample:03d}",
                    pass_index=pass_index,
                    offset_ns=table.offset_ns[-1] + table.wall_ns[-1] + 20_000 if len(table) else 0,
                    wall_ns=wall_ns,
                    self_ns=wall_ns,
                    cpu_ns=int(cpu_ms * noise * 1e6),
                    process_cpu_ns=int(cpu_ms * noise * 1e6),
                    rss_before=int(resident),
                    rss_after=int(grown),
                    minor_faults=10,
                    voluntary_switches=1,
                    involuntary_switches=0,
                )
                resident = grown
    return table


_NO_PARENT = {"parent_id": None, "parent": None, "process": 4_711, "warmup": False, "items": 1}


def add_span(table: SpanTable, **values: Any) -> int:
    """Add one span; what is not given was not measured. Returns its number."""
    row = dict.fromkeys(SPAN_COLUMNS) | _NO_PARENT | {"span_id": len(table) + 1} | values
    row["started_us"] = STARTED_US + row["offset_ns"] // 1_000
    for column, value in row.items():
        getattr(table, column).append(value)
    return int(row["span_id"])


def stage_stats(table: SpanTable) -> tuple[StageStats, ...]:
    names = table.stage_names()
    total = sum(table.wall_ns)
    return tuple(_one_stage(table, name, total) for name in names)


def _one_stage(table: SpanTable, name: str, total: int) -> StageStats:
    rows = list(table.measured_rows(name))
    wall = np.array([table.wall_ns[row] for row in rows]) / 1e6
    cpu = np.array([table.cpu_ns[row] for row in rows], dtype=float) / 1e6
    before = np.array([table.rss_before[row] for row in rows], dtype=float) / 1e6
    after = np.array([table.rss_after[row] for row in rows], dtype=float) / 1e6
    growth = float((after - before).max())
    memory = MemoryStats(float(np.median(before)), float(np.median(after)), growth)
    share = float(wall.sum() * 1e6 / total)
    return StageStats(name, len(rows), 0, distribution(wall), distribution(cpu), memory, share=share)


def distribution(values: NDArray[Any]) -> Distribution:
    median, p95, p99 = (float(value) for value in np.percentile(values, (50, 95, 99)))
    return Distribution(median, p95, p99, float(values.min()), float(values.max()))


def outcomes_of(cases: list[Case], status: str = "wrong") -> tuple[Outcome, ...]:
    return tuple(
        Outcome(
            case.sample_id, case.stage, case.task, status, case.error_type, 0.8 - 0.01 * number, case.reason,  # type: ignore[arg-type]
            case.input_path, tags=("bright",) if number % 2 else (),
        )
        for number, case in enumerate(cases)
    )  # fmt: skip


def coins_run(folder: Path, *, failing: bool = True) -> RunResult:
    table = spans({"decode": (3.1, 1.2), "detect": (14.8, 14.6), "classify coin by diameter": (0.9, 0.9)}, leak_mb=0.3)
    cases = (
        [coin_case(folder, number, missed=number % 3, extra=1 + number % 2) for number in range(5)] if failing else []
    )
    unreadable = Outcome(
        "coin-023", "detect", "boxes", "invalid", "unreadable", None,
        "golden/coins/labels.json, annotation 31: bbox has 3 numbers, expected 4", "golden/coins/coin-023.png",
    )  # fmt: skip
    metrics = {
        "map": 0.612, "map_50": 0.874, "map_75": 0.655, "map_small": None, "map_medium": 0.61, "map_large": 0.7,
        "mar_1": 0.08, "mar_10": 0.52, "mar_100": 0.66, "precision": 0.93, "recall": 0.881, "f1": 0.905,
    }  # fmt: skip
    score = Score(
        "detect", "boxes", "map_50", metrics, Counts(18, 5, 1, 0) if failing else Counts(24),
        newly_wrong=("coin-003", "coin-001") if failing else (), newly_fixed=("coin-011",) if failing else (),
        notes=("3 predictions name a class that is not in the class map",) if failing else (),
    )  # fmt: skip
    return RunResult(
        info=run_info(
            status="failed" if failing else "passed",
            accepted=not failing,
            not_accepted_because="the gate failed" if failing else None,
        ),
        spans=table,
        stages=stage_stats(table),
        scores=(score,),
        outcomes=(*outcomes_of(cases), unreadable) if failing else (),
        verdicts=coin_verdicts() if failing else passing_verdicts(COINS),
        cases=tuple(cases),
    )


def coin_verdicts() -> tuple[Verdict, ...]:
    baseline = {"runs": 10, "branch": "main", "run_ids": [], "value": 12.9}
    return (
        Verdict(
            COINS, "detect", "latency", "cpu_ms", "fail",
            "detect slower by 14.7 % [11.6 .. 17.8], CPU; 10 baseline runs of main; would see >= 3.3 % here",
            0.147, (0.116, 0.178), None, 14.6, baseline,
        ),
        Verdict(
            COINS, "detect", "accuracy", "newly_wrong", "fail", "detect: 2 samples newly wrong, limited to 0",
            2.0, None, 0.0, 2.0, baseline, samples=("coin-003", "coin-001"),
        ),
        Verdict(
            COINS, "decode", "latency", "cpu_ms", "inconclusive",
            "decode: the machine was too noisy to tell; would see only >= 22 % here",
            0.03, (-0.2, 0.26), None, 1.2, baseline,
        ),
        Verdict(
            COINS, "detect", "memory", "peak_mb", "pass", "detect used 12.4 MB, limited to 500 MB",
            limit=500.0, value=12.4,
        ),
        Verdict(
            COINS, "classify coin by diameter", "latency", "cpu_ms", "learning",
            "classify coin by diameter: 2 of 5 runs kept so far",
            baseline={"runs": 2, "needed": 5},
        ),
    )  # fmt: skip


def passing_verdicts(test_id: str, stage: str = "detect") -> tuple[Verdict, ...]:
    return (
        Verdict(
            test_id, stage, "accuracy", "map_50", "pass", f"{stage}: map_50 0.874, at least 0.8",
            limit=0.8, value=0.874,
        ),
        Verdict(
            test_id, stage, "latency", "cpu_ms", "pass", f"{stage} unchanged: +0.4 % [-1.2 .. 1.9], CPU",
            0.004, (-0.012, 0.019),
        ),
    )  # fmt: skip


def cells_run(folder: Path) -> RunResult:
    cases = [mask_case(folder, number) for number in range(3)]
    return _small_run(CELLS, "segment", "semantic", "mean_iou", cases, wall_ms=6.3, verdict="no-baseline")


def digits_run(folder: Path) -> RunResult:
    return _small_run(
        DIGITS, "classify", "classes", "accuracy", [digit_case(folder, n) for n in range(4)], wall_ms=0.21
    )


def street_run() -> RunResult:
    return _small_run(STREET, "label", "points", "mean_iou", [cloud_case()], wall_ms=41.0, verdict="suspect")


def _small_run(
    test_id: str, stage: str, task: str, headline: str, cases: list[Case], *, wall_ms: float, verdict: str = "pass"
) -> RunResult:
    table = spans({"load": (wall_ms * 0.6, wall_ms * 0.15), stage: (wall_ms, wall_ms * 0.98)})
    score = Score(stage, task, headline, {headline: 0.731, "f1": 0.7}, Counts(24 - len(cases), len(cases)))
    message = f"{stage}: {headline} 0.731 " + {
        "pass": "is what it was", "suspect": "may have fallen by 0.01",
        "no-baseline": "has no baseline to be compared with",
    }[verdict]  # fmt: skip
    return RunResult(
        run_info(test_id, dataset=test_id.split("_")[-1]),
        table,
        stage_stats(table),
        (score,),
        outcomes_of(cases),
        (Verdict(test_id, stage, "accuracy", headline, verdict, message, value=0.731),),  # type: ignore[arg-type]
        tuple(cases),
    )


def full_session(folder: Path) -> SessionResult:
    """Four tests, one of each task; two checks fail."""
    return SessionResult(
        session(),
        (coins_run(folder), cells_run(folder), digits_run(folder), street_run()),
        ("golden/coins/manifest.yaml: 3 image files have no label and are unlabeled",),
    )


def passing_session(folder: Path) -> SessionResult:
    return SessionResult(session(), (coins_run(folder, failing=False),))


def trend_points(result: SessionResult, earlier: int = 14) -> list[TrendPoint]:
    """A history for every run of a session, the present run last."""
    random = np.random.default_rng(11)
    return [
        _trend_point(run, ago, random)
        for run in result.runs
        for ago in range(earlier, -1, -1)
    ]  # fmt: skip


def _trend_point(run: RunResult, ago: int, random: np.random.Generator) -> TrendPoint:
    now = ago == 0
    faster = 1.0 if now else 0.87

    def near(value: float) -> float:
        return value * (1 if now else faster * float(random.normal(1, 0.02)))

    return TrendPoint(
        run_id=run.info.run_id if now else f"{run.info.run_id}-{ago}",
        test_id=run.info.test_id,
        started_us=STARTED_US - ago * DAY_US,
        commit=f"{ago:02d}9a2c71d0e5" if ago else "4f9a2c71d0e5b6a7",
        branch="main" if ago else "faster-threshold",
        status=run.info.status if now else ("failed" if ago == 6 else "passed"),
        accepted=not now,
        wall_ms={stats.name: near(stats.wall_ms.median) for stats in run.stages if stats.wall_ms},
        cpu_ms={stats.name: near(stats.cpu_ms.median) for stats in run.stages if stats.cpu_ms},
        rss_mb={stats.name: near(stats.memory_mb.after) for stats in run.stages if stats.memory_mb},
        metrics={score.stage: dict(score.metrics) for score in run.scores},
    )
