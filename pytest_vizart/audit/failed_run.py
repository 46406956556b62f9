"""The last run that failed, as the audit log tells it: where, on which input, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from os import PathLike
from typing import Any

from pytest_vizart.audit.criteria import FAILED_SAMPLES, Line, time_of
from pytest_vizart.audit.query import AuditQuery
from pytest_vizart.storage.store import Store

_ENDS = ("run finished", "run crashed", "stage crashed", "test failed", "stage failed")
_CRASHES = ("stage crashed", "run crashed")
_LONGEST_RUN = timedelta(days=31)  # and whoever finds that it crashed may come days later


@dataclass(frozen=True, slots=True)
class FailedRun:
    """What is known of it; texts are as the log has them, None where it says nothing.

    `how`: crashed, raised, or failed a check. `wrong`: the lines of samples that were wrong or invalid. `verdicts`: the
    lines of checks that failed. `raised`: how many samples raised. `saved`: files of the sample that failed.
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
    saved: tuple[str, ...] = ()


def last_failed_run(place: str | PathLike[str] | Store, beginning: str | None = None) -> FailedRun | None:
    """Return the run whose failure was told last, None if the log tells of none. Raises UsageError.

    Where the end of a run is told, it decides: a sample that raised may have passed when it was run again.

    beginning: of the IDs of the runs that are meant.
    """
    failed = AuditQuery(place).failed().newest_first()
    passed: set[str] = set()
    for line in (failed if beginning is None else failed.run_id(beginning)).iter():
        run_id = line.get("run_id")
        if line.get("success") is not False or line.get("event") not in _ENDS or not isinstance(run_id, str):
            continue
        if run_id in passed:
            continue
        lines = _lines_of(place, run_id, line)
        end = next((each for each in reversed(lines) if each.get("event") == "run finished"), None)
        if end is None or end.get("success") is not True:
            return _failed_run(end or line, lines)
        passed.add(run_id)
    return None


def _lines_of(place: str | PathLike[str] | Store, run_id: str, last: Line) -> list[Line]:
    query, told = AuditQuery(place).run_id(run_id), time_of(last)
    with suppress(OverflowError):  # a clock that stands at the beginning of all time
        query = query if told is None else query.after(told - _LONGEST_RUN)
    return [line for line in query.iter() if line.get("run_id") == run_id]


def _failed_run(last: Line, lines: Sequence[Line]) -> FailedRun:
    verdicts = tuple(line for line in lines if line.get("event") == "verdict" and line.get("success") is False)
    wrong = tuple(line for line in lines if line.get("event") in FAILED_SAMPLES)
    # What raised in a run that ended by its checks passed when it was run again.
    raised_events = () if last.get("status") == "failed" else ("stage failed", "test failed")
    raised = [line for line in lines if line.get("event") in raised_events]
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
        saved=tuple(dict.fromkeys(_saved_of(sample, lines))),
    )


def _saved_of(sample: Any, lines: Sequence[Line]) -> Iterator[str]:
    if not isinstance(sample, str) or not sample:
        return
    for line in lines:
        path, owners = _text(line, "output_path"), _text(line, "sample")
        if line.get("event") == "artifact saved" and path and owners and (sample in (owners, *owners.split("|"))):
            yield path


def _text(line: Line | dict[str, Any], name: str) -> str | None:
    value = line.get(name)
    return value if isinstance(value, str) and value else None
