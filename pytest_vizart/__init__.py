"""Did this change make the vision pipeline worse, where, and on which samples?

Public names are resolved on first use, so that `from pytest_vizart import profile` in production code imports nothing
heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_vizart.accuracy.custom import register_metric
    from pytest_vizart.audit.artifacts.registry import register_artifact_writer
    from pytest_vizart.audit.query import AuditQuery
    from pytest_vizart.errors import (
        GoldenError,
        GoldenFormatError,
        HistoryError,
        PipelineError,
        PredictionError,
        UsageError,
        VizartError,
        VizartWarning,
    )
    from pytest_vizart.golden.dataset import GoldenDataset
    from pytest_vizart.golden.formats import register_format
    from pytest_vizart.history.reader import History
    from pytest_vizart.profiling.watching.instrumentation import profile
    from pytest_vizart.workflow.evaluation.evaluate import evaluate
    from pytest_vizart.workflow.run import Run
    from pytest_vizart.workflow.tracker import RunTracker

_HOMES = {
    "AuditQuery": "audit.query",
    "GoldenDataset": "golden.dataset",
    "GoldenError": "errors",
    "GoldenFormatError": "errors",
    "History": "history.reader",
    "HistoryError": "errors",
    "PipelineError": "errors",
    "PredictionError": "errors",
    "Run": "workflow.run",
    "RunTracker": "workflow.tracker",
    "UsageError": "errors",
    "VizartError": "errors",
    "VizartWarning": "errors",
    "evaluate": "workflow.evaluation.evaluate",
    "profile": "profiling.watching.instrumentation",
    "register_artifact_writer": "audit.artifacts.registry",
    "register_format": "golden.formats",
    "register_metric": "accuracy.custom",
}

__all__ = [
    "AuditQuery",
    "GoldenDataset",
    "GoldenError",
    "GoldenFormatError",
    "History",
    "HistoryError",
    "PipelineError",
    "PredictionError",
    "Run",
    "RunTracker",
    "UsageError",
    "VizartError",
    "VizartWarning",
    "evaluate",
    "profile",
    "register_artifact_writer",
    "register_format",
    "register_metric",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
