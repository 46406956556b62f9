"""The last run that failed, as the audit log tells it: where, on which input, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from os import PathLike
from typing import Any

from pytest_vizart.audit.criteria import Line, time_of
from pytest_vizart.audit.query import AuditQuery
from pytest_vizart.storage.store import Store

_ENDS = ("run finished", "run crashed", "stage crashed", "test failed", "stage failed")
_CRASHES = ("stage crashed", "run crashed")
_LONGEST_RUN = timedelta(days=31)  # and whoever finds that it crashed may come days later


@dataclass(frozen=True, slots=True)
class FailedRun:
    """What is known of it; texts are as the log has them, None where it says nothing.

    `how`: crashed, raised, or failed a check. `wrong`: the lines of samples that were wrong or invalid. `verdicts`: the
    lines of checks that failed. `raised`: how many samples raised.
    """

    run_id: str
    how: str
    time: str
    test: str | None
    dataset: str | None
    stage: str | None
    sample: str | None
    input_path: str | None
    error: str | None
    traceback: str | None
    raised: int
    verdicts: tuple[Line, ...]
    wrong: tuple[Line, ...]


def last_failed_run(place: str | PathLike[str] | Store) -> FailedRun | None:
    """Return the run whose failure was told last, None if the log tells of none. Raises UsageError."""
    for line in AuditQuery(place).failed().newest_first().iter():
        if line.get("success") is False and line.get("event") in _ENDS and isinstance(line.get("run_id"), str):
            told = time_of(line)
            query = AuditQuery(place).run_id(line["run_id"])
            query = query if told is None else query.after(told - _LONGEST_RUN)
            return _failed_run(line, [each for each in query.iter() if each.get("run_id") == line["run_id"]])
    return None


def _failed_run(last: Line, lines: Sequence[Line]) -> FailedRun:
    verdicts = tuple(line for line in lines if line.get("event") == "verdict" and line.get("success") is False)
    wrong = tuple(line for line in lines if line.get("event") in ("sample wrong", "sample invalid"))
    raised = [line for line in lines if line.get("event") in ("stage failed", "test failed")]
    crashes = [line for line in lines if line.get("event") in _CRASHES]
    # An error outside of stages that sums up what stages raised says less than the first of them.
    raised.sort(key=lambda line: line.get("event") != "stage failed")
    how = "crashed" if crashes else "raised" if raised else "failed"
    cause = (*crashes, *raised, *verdicts, last)[0]
    samples = cause.get("samples") or [None]
    sample = cause.get("sample") or (samples[0] if isinstance(samples, list) else None)
    of_sample = next((each for each in wrong if each.get("sample") == sample), {}) if how == "failed" else {}
    return FailedRun(
        run_id=last["run_id"],
        how=how,
        time=str(last.get("time", "")),
        test=_text(last, "test"),
        dataset=next((each["dataset"] for each in lines if _text(each, "dataset")), None),
        stage=_text(cause, "stage"),
        sample=_text({"sample": sample}, "sample"),
        input_path=_text(cause, "input_path") or _text(of_sample, "input_path"),
        error=_text(cause, "error") or _text(cause, "message"),
        traceback=_text(cause, "traceback"),
        raised=len(raised),
        verdicts=verdicts,
        wrong=wrong,
    )


def _text(line: Line | dict[str, Any], name: str) -> str | None:
    value = line.get(name)
    return value if isinstance(value, str) and value else None
