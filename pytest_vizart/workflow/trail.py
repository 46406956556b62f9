"""The trail of a finished run in the audit log: its stages, its samples that failed, its verdicts, its end."""

from __future__ import annotations

import os
from collections.abc import Container
from pathlib import PurePosixPath

from pytest_vizart.audit.log import RunLog
from pytest_vizart.gating.outcome import headline
from pytest_vizart.records.run import RunResult
from pytest_vizart.records.score import Score
from pytest_vizart.records.stage import StageStats
from pytest_vizart.records.verdict import Verdict
from pytest_vizart.workflow.comparing import tell_failed

_TOLD_SAMPLES = 20


def write_trail(
    log: RunLog, result: RunResult, told: Container[tuple[str, str]] = (), *, input_path: str | None = None
) -> None:
    """Write the run's trail: each stage with its performance, every verdict that is not a pass, and the end.

    Args:
        told: stages and samples whose outcome was told already, when their prediction came.
        input_path: where the samples lie, for stages whose samples' own paths are not known.
    """
    read_from = _common_folder([each.input_path for each in result.outcomes if each.input_path]) or input_path
    for stage in result.stages:
        _tell_stage(log, stage, result, read_from)
    for score in result.scores:
        _tell_score(log, score)
    for outcome in result.outcomes:
        if (outcome.stage, outcome.sample_id) not in told:
            tell_failed(log, outcome)
    for verdict in result.verdicts:
        if verdict.status != "pass":
            _tell_verdict(log, verdict)
    _tell_end(log, result)


def _tell_stage(log: RunLog, stage: StageStats, result: RunResult, read_from: str | None) -> None:
    sample = None if not stage.errors else _raised_on(result, stage.name)
    paths = {each.sample_id: each.input_path for each in result.outcomes} if sample is not None else {}
    own_path = None if sample is None else paths.get(sample)
    memory = stage.memory_mb
    log(
        "stage finished",
        stage=stage.name,
        success=not stage.errors,
        sample=sample,
        input_path=own_path or read_from,
        output_path=_saved_in(result, stage.name),
        spans=stage.spans,
        errors=stage.errors,
        wall_ms=stage.wall_ms and round(stage.wall_ms.median, 4),
        p95_ms=stage.wall_ms and round(stage.wall_ms.p95, 4),
        cpu_ms=stage.cpu_ms and round(stage.cpu_ms.median, 4),
        memory_mb=memory and round(memory.after, 1),
        peak_mb=None if memory is None or memory.peak is None else round(memory.peak, 1),
        gpu_mb=stage.gpu_mb and round(stage.gpu_mb, 1),
    )


def _raised_on(result: RunResult, stage: str) -> str | None:
    """The first sample on which a stage raised."""
    spans = result.spans
    rows = zip(spans.stage, spans.error, spans.warmup, spans.sample_id, strict=True)
    return next((sample for name, error, warmup, sample in rows if name == stage and error and not warmup), None)


def _saved_in(result: RunResult, stage: str) -> str | None:
    """The folder in which outputs of a stage were saved; each of them has a line of its own."""
    saved = (path for outcome in result.outcomes if outcome.stage == stage for path in outcome.artifacts)
    return next((str(PurePosixPath(path).parent) for path in saved), None)


def _common_folder(paths: list[str]) -> str | None:
    """The folder in which all input files lie; the file itself if there is but one."""
    try:
        return os.path.commonpath((min(paths), max(paths)))
    except ValueError:  # there are none, or they lie on two drives
        return None


def _tell_score(log: RunLog, score: Score) -> None:
    value, counts = score.metrics.get(score.headline), score.counts
    log(
        "stage scored",
        stage=score.stage,
        task=score.task,
        metric=score.headline,
        value=None if value is None else round(value, 6),
        correct=counts.correct,
        wrong=counts.wrong,
        invalid=counts.invalid,
        unlabeled=counts.unlabeled,
        newly_wrong=list(score.newly_wrong[:_TOLD_SAMPLES]) or None,
    )


def _tell_verdict(log: RunLog, verdict: Verdict) -> None:
    fails = verdict.status == "fail"
    log(
        "verdict",
        level="ERROR" if fails else "INFO",
        stage=verdict.stage,
        success=False if fails else None,
        status=verdict.status,
        kind=verdict.kind,
        metric=verdict.metric,
        message=verdict.message,
        samples=list(verdict.samples[:_TOLD_SAMPLES]) or None,
    )


def _tell_end(log: RunLog, result: RunResult) -> None:
    info = result.info
    fails = info.status != "passed"
    log(
        "run finished",
        level="ERROR" if fails else "INFO",
        status=info.status,
        success=not fails,
        dataset=info.dataset,
        samples=info.samples,
        error=info.error or (headline(_failing(result)) if fails else None),
    )


def _failing(result: RunResult) -> list[Verdict]:
    failed = [verdict for verdict in result.verdicts if verdict.status == "fail"]
    return failed or [verdict for verdict in result.verdicts if verdict.status == "suspect"]
