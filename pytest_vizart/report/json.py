"""The session as JSON: the contract described in docs/json.md. Numbers are finite or null."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from pytest_vizart.records.outcome import Outcome
from pytest_vizart.records.run import RunResult, SessionResult
from pytest_vizart.records.score import Score
from pytest_vizart.records.stage import StageStats
from pytest_vizart.records.verdict import Verdict
from pytest_vizart.report.files import write_atomically
from pytest_vizart.report.measures import gpu_summary, summed_up
from pytest_vizart.report.recommendations import Recommendation, recommend
from pytest_vizart.report.wording import encodable

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SCHEMA_VERSION = 1


def session_document(result: SessionResult, recommendations: Sequence[Recommendation] | None = None) -> dict[str, Any]:
    """The session as plain dicts, lists, strings, finite numbers, booleans and None.

    Args:
        recommendations: None for those that follow from the result itself.
    """
    advice = recommend(result) if recommendations is None else recommendations
    session, code = result.session, result.session.code
    document = {
        "schema_version": SCHEMA_VERSION,
        "session": {
            "session_id": session.session_id,
            "started_at": _iso(session.started_us),
            "command": session.command,
            "version": session.version,
            "commit": code.commit,
            "branch": code.branch,
            "dirty": code.dirty,
        },
        "machine": asdict(session.machine),
        "runs": [_run(run) for run in result.runs],
        "verdicts": [_verdict(verdict) for run in result.runs for verdict in run.verdicts],
        "recommendations": [asdict(found) for found in advice],
        "warnings": list(result.warnings),
    }
    return plain_document(document)


def plain_document(document: dict[str, Any]) -> dict[str, Any]:
    """The same with finite numbers or None, and with strings that UTF-8 can hold."""
    plain: dict[str, Any] = _plain(document)
    return plain


def write_json(path: Path, result: SessionResult) -> None:
    """Write the session document; a reader never sees half of it.

    Raises:
        VizartError: the file cannot be written.
    """
    document = session_document(result)
    write_atomically(path, orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _run(run: RunResult) -> dict[str, Any]:
    info = run.info
    return {
        "run_id": info.run_id,
        "test_id": info.test_id,
        "dataset": info.dataset,
        "dataset_digest": info.dataset_digest,
        "status": info.status,
        "error": info.error,
        "samples": info.samples,
        "passes": info.passes,
        "warmup": info.warmup,
        "profile": info.profile,
        "started_at": _iso(info.started_us),
        "duration_s": (info.finished_us - info.started_us) / 1e6,
        "accepted": info.accepted,
        "not_accepted_because": info.not_accepted_because,
        "partial": info.partial,
        "contended": info.contended,
        "notes": info.notes,
        "stages": [stage_document(stats) for stats in run.stages],
        "profiling": _profiling(run),
        "accuracy": [_accuracy(score) for score in run.scores],
        "failures": [_failure(found) for found in run.outcomes if found.status in ("wrong", "invalid")],
    }


def stage_document(stats: StageStats) -> dict[str, Any]:
    """One stage with the keys of `runs[].stages[]`; its numbers may still be infinite, and of numpy."""
    return {
        "name": stats.name,
        "parent": stats.parent,
        "spans": stats.spans,
        "errors": stats.errors,
        "items": stats.items,
        "share": stats.share,
        "concurrent": stats.concurrent,
        "wall_ms": _fields(stats.wall_ms),
        "self_ms": stats.self_ms,
        "total_ms": stats.total_ms,
        "cold_ms": stats.cold_ms,
        "external_ms": stats.external_ms,
        "cpu_ms": _fields(stats.cpu_ms),
        "per_second": stats.per_second,
        "memory_mb": _fields(stats.memory_mb),
        "read_mb": stats.read_mb,
        "written_mb": stats.written_mb,
        "gpu_mb": stats.gpu_mb,
        "gpu": _fields(stats.gpu),
        "slowest": [asdict(sample) for sample in stats.slowest],
        "slow_because": stats.slow_because,
        "notes": stats.notes,
    }


def _profiling(run: RunResult) -> dict[str, Any]:
    profile = run.profile
    return {
        "leaks": [asdict(leak) for leak in profile.leaks],
        "measures": [asdict(summary) for summary in summed_up(profile.measures)],
        "outputs": len(profile.outputs),
        "outputs_ms": profile.outputs_ms,
        "artifacts_ms": profile.artifacts_ms,
        "flame_samples": profile.flame_samples,
        "gpu": _fields(gpu_summary(profile.gpu)),
    }


def _fields(record: DataclassInstance | None) -> dict[str, Any] | None:
    return None if record is None else asdict(record)


def _accuracy(score: Score) -> dict[str, Any]:
    return {
        "stage": score.stage,
        "task": score.task,
        "headline": score.headline,
        "metrics": score.metrics,
        "counts": asdict(score.counts),
        "newly_wrong": score.newly_wrong,
        "newly_fixed": score.newly_fixed,
        "negative_flip_rate": score.negative_flip_rate,
        "objects": {sample: asdict(changes) for sample, changes in score.objects.items()},
        "per_class": score.per_class,
        "per_tag": score.per_tag,
        "errors": [asdict(count) for count in score.errors],
        "details": score.details,
        "info": {metric: asdict(info) for metric, info in score.info.items() if metric in score.metrics},
        "notes": score.notes,
    }


def _failure(outcome: Outcome) -> dict[str, Any]:
    return {
        "sample_id": outcome.sample_id,
        "stage": outcome.stage,
        "status": outcome.status,
        "error_type": outcome.error_type,
        "score": outcome.score,
        "reason": outcome.reason,
        "input_path": outcome.input_path,
        "tags": outcome.tags,
        "severity": outcome.severity,
        "measures": outcome.measures,
        "errors": [asdict(error) for error in outcome.errors],
        "missed": outcome.missed,
        "false_positives": outcome.false_positives,
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "test_id": verdict.test_id,
        "stage": verdict.stage,
        "kind": verdict.kind,
        "metric": verdict.metric,
        "status": verdict.status,
        "effect": verdict.effect,
        "interval": verdict.interval,
        "limit": verdict.limit,
        "value": verdict.value,
        "baseline": verdict.baseline,
        "message": verdict.message,
        "samples": verdict.samples,
    }


def _iso(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1e6, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, Mapping):
        return {encodable(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, int):
        return value if abs(value) < 2**63 else str(value)
    if isinstance(value, float):
        return float(value) if value - value == 0 else None
    return _plain(value.item()) if hasattr(value, "item") else encodable(str(value))
