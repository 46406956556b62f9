"""Finishing a run: from what was recorded to a RunResult, and its trail in the audit log."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, Protocol

from pytest_vizart.profiling.analysis.stats import stage_stats
from pytest_vizart.records.run import RunInfo, RunResult, RunStatus
from pytest_vizart.workflow.crashes import died
from pytest_vizart.workflow.run import Run
from pytest_vizart.workflow.run_profile import facts_of, run_profile


def collect(run: Run, *, session_id: str, error: BaseException | None, partial: bool, contended: bool) -> RunResult:
    """Return what a run recorded, scored but not yet judged.

    `error` is what the test raised, None when it passed.
    """
    if error is not None:
        run.record_failure(error)
    notes: tuple[str, ...] = ()
    if run.scorebook is not None:
        notes = run.scorebook.close(list(run.seen.values()) if error is None else [])
    recorded = run.recorder.recorded()
    spans = recorded.table
    notes += tuple(died(stage, place, "a child process") for stage, place in recorded.unfinished)
    status: RunStatus = "passed" if error is None else "error"
    book, dataset = run.scorebook, run.dataset
    info = RunInfo(
        run_id=run.run_id,
        session_id=session_id,
        test_id=run.test_id,
        dataset=None if dataset is None else dataset.name,
        dataset_digest=None if dataset is None else dataset.digest,
        started_us=run.started_us,
        finished_us=run.recorder.clock.epoch_us(),
        status=status,
        samples=len(run.seen),
        passes=run.passes,
        warmup=run.warmup,
        profile=run.profile,
        partial=partial or (dataset is not None and (dataset.partial or len(run.seen) < len(dataset))),
        contended=contended,
        error=None if error is None else f"{type(error).__name__}: {error}"[:2_000],
        notes=notes,
    )
    return RunResult(
        info=info,
        spans=spans,
        stages=stage_stats(spans, recorded.measures, facts_of(run)),
        profile=run_profile(run, recorded),
        scores=() if book is None else book.scores(),
        outcomes=() if book is None else book.outcomes(),
        cases=() if book is None else book.cases(),
    )


class TrailLog(Protocol):
    """Adds a line to the audit trail of one run."""

    def __call__(self, event: str, /, *, level: str = "INFO", **fields: Any) -> None: ...


def write_trail(log: TrailLog, result: RunResult, told: Container[tuple[str, str]] = ()) -> None:
    """Write the run's trail: each stage with its performance, every verdict that is not a pass, and the end.

    `told` are the stages and samples whose outcome was told already, when their prediction came.
    """
    for stage in result.stages:
        log(
            "stage finished",
            stage=stage.name,
            success=not stage.errors,
            spans=stage.spans,
            errors=stage.errors,
            wall_ms=stage.wall_ms and round(stage.wall_ms.median, 4),
            cpu_ms=stage.cpu_ms and round(stage.cpu_ms.median, 4),
            memory_mb=stage.memory_mb and round(stage.memory_mb.after, 1),
        )
    for outcome in result.outcomes:
        if outcome.status in ("invalid", "wrong") and (outcome.stage, outcome.sample_id) not in told:
            log(
                f"sample {outcome.status}",
                level="WARNING",
                stage=outcome.stage,
                sample=outcome.sample_id,
                input_path=outcome.input_path,
                error_type=outcome.error_type,
                reason=outcome.reason,
            )
    for verdict in result.verdicts:
        if verdict.status != "pass":
            log(
                "verdict",
                level="ERROR" if verdict.status == "fail" else "INFO",
                stage=verdict.stage,
                status=verdict.status,
                metric=verdict.metric,
                message=verdict.message,
            )
    log(
        "run finished",
        level="INFO" if result.info.status == "passed" else "ERROR",
        status=result.info.status,
        success=result.info.status == "passed",
        dataset=result.info.dataset,
        samples=result.info.samples,
        error=result.info.error,
    )
