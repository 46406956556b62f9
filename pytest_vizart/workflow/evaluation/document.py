"""An evaluation as plain data: what `vizart evaluate --json` writes, described in docs/evaluate.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pytest_vizart.records.outcome import Outcome
from pytest_vizart.report.json import plain_document
from pytest_vizart.workflow.evaluation.limits import Judged
from pytest_vizart.workflow.evaluation.result import Evaluation

SCHEMA_VERSION = 1


def document(evaluation: Evaluation, judged: Sequence[Judged] = (), *, samples: bool = False) -> dict[str, Any]:
    """Return dicts, lists, text, finite numbers, booleans and None.

    Args:
        samples: what became of each sample too, which looks at each of them alone.
    """
    spec = evaluation.spec
    found: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "labels": evaluation.labels,
        "predictions": evaluation.predictions,
        "task": spec.task,
        "stage": spec.stage,
        "classes": spec.classes.names,
        "score_threshold": spec.score_threshold,
        "iou_threshold": spec.iou_threshold,
        "headline": evaluation.headline,
        "metrics": evaluation.metrics,
        "counts": None if evaluation.counts is None else asdict(evaluation.counts),
        "per_class": evaluation.per_class,
        "errors": [asdict(count) for count in evaluation.errors],
        "details": evaluation.details,
        "info": {metric: asdict(info) for metric, info in evaluation.info.items()},
        "notes": evaluation.notes,
        "limits": [asdict(one) for one in judged],
        "ok": all(one.met for one in judged),
    }
    if samples:
        found["samples"] = [_sample(outcome) for outcome in evaluation.outcomes]
    return plain_document(found)


def _sample(outcome: Outcome) -> dict[str, Any]:
    return {
        "sample_id": outcome.sample_id,
        "status": outcome.status,
        "error_type": outcome.error_type,
        "score": outcome.score,
        "reason": outcome.reason,
        "tags": outcome.tags,
        "severity": outcome.severity,
        "measures": outcome.measures,
        "errors": [asdict(error) for error in outcome.errors],
        "missed": outcome.missed,
        "false_positives": outcome.false_positives,
    }
