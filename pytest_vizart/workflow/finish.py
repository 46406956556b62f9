"""Finishing a run: from what was recorded to a RunResult."""

from __future__ import annotations

from pytest_vizart.audit.lines import error_text
from pytest_vizart.profiling.analysis.stats import stage_stats
from pytest_vizart.records.run import RunInfo, RunResult, RunStatus
from pytest_vizart.workflow.artifacts import with_saved
from pytest_vizart.workflow.crashes import died
from pytest_vizart.workflow.run import Run
from pytest_vizart.workflow.run_profile import facts_of, run_profile
from pytest_vizart.workflow.trail import write_trail

__all__ = ["collect", "write_trail"]


def collect(run: Run, *, session_id: str, error: BaseException | None, partial: bool, contended: bool) -> RunResult:
    """Return what a run recorded, scored but not yet judged.

    `error` is what the test raised, None when it passed.
    """
    if error is not None:
        run.record_failure(error)
    saved = run.finish_saving()
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
        error=None if error is None else error_text(error),
        notes=notes,
    )
    result = RunResult(
        info=info,
        spans=spans,
        stages=stage_stats(spans, recorded.measures, facts_of(run)),
        profile=run_profile(run, recorded),
        scores=() if book is None else book.scores(),
        outcomes=() if book is None else book.outcomes(),
        cases=() if book is None else book.cases(),
    )
    return with_saved(result, saved)
