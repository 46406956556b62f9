"""The last run that failed, as the audit log tells it: where, on which input, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from os import PathLike
from typing import Any

import orjson

from pytest_vizart.audit.criteria import FAILED_SAMPLES, Line, events, time_of
from pytest_vizart.audit.query import AuditQuery
from pytest_vizart.storage.opening import open_store
from pytest_vizart.storage.store import Store

_ENDS = ("run finished", "run crashed", "stage crashed", "test failed", "stage failed")
_CRASHES = ("stage crashed", "run crashed")
_RAISED = ("stage failed", "test failed")
_PYTEST_EXIT = re.compile(r"^_pytest\.outcomes\.Exit\b", re.MULTILINE)  # other packages have an `Exit` too
_CTRL_C = re.compile(r"^KeyboardInterrupt\b", re.MULTILINE)
_AT_NO_TIME = datetime.min.replace(tzinfo=UTC)
_LONGEST_RUN = timedelta(days=31)  # and whoever finds that it crashed may come days later


@dataclass(frozen=True, slots=True)
class FailedRun:
    """What is known of it; texts are as the log has them, None where it says nothing.

    `how`: crashed, raised, interrupted, or failed a check. `time`: when it failed. `wrong`: the lines of samples that
    were wrong or invalid. `verdicts`: the lines of checks that failed. `raised`: how many samples raised. `saved`:
    files of the sample that failed. `about`: its `run.json`. `interrupted_later`: the end of the last run that was
    interrupted, where that was after this one.
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
    about: Mapping[str, Any] = field(default_factory=dict)
    interrupted_later: Line | None = None


def last_failed_run(place: str | PathLike[str] | Store, beginning: str | None = None) -> FailedRun | None:
    """Return the run that failed last, None if the log tells of none. Raises UsageError.

    Where the end of a run is told, it decides: a sample that raised may have passed when it was run again. A run that
    was interrupted, as by Ctrl-C, has not failed; it is returned only if `beginning` leaves no other.

    beginning: of the IDs of the runs that are meant.
    """
    ends = AuditQuery(place, (events(_ENDS),)).newest_first()
    last: FailedRun | None = None
    last_moment = _AT_NO_TIME
    interrupted: list[tuple[Line, list[Line]]] = []
    known: set[str] = set()
    for line in (ends if beginning is None else ends.run_id(beginning)).iter():
        success = line.get("success")
        # What a crash left is told once it is found: such a line can stand behind later ones, and no other line can.
        told_at_once = success is False and line.get("event") not in _CRASHES
        if last is not None and told_at_once and _moment(line) < last_moment:
            break
        run_id = line.get("run_id")
        if not isinstance(success, bool) or not isinstance(run_id, str) or run_id in known:
            continue
        if success and line.get("event") != "run finished":
            continue
        known.add(run_id)
        if success:  # whatever raised in it before
            continue
        lines = _lines_of(place, run_id, line)
        end = next((each for each in reversed(lines) if each.get("event") == "run finished"), None)
        if end is not None and end.get("success") is True:
            continue
        if _is_interrupted(end, lines):
            interrupted.append((end or line, lines))
            continue
        about = _about(place, run_id)
        failed_at = _failed_at(end or line, about)
        if last is None or _moment({"time": failed_at}) > last_moment:
            last = _failed_run(end or line, lines, time=failed_at, about=about)
            last_moment = _moment({"time": failed_at})
    if last is not None:
        later = next((end for end, _ in interrupted if _moment(end) > last_moment), None)
        return replace(last, interrupted_later=later)
    if beginning is None or not interrupted:
        return None
    end, lines = interrupted[0]
    about = _about(place, end["run_id"])
    return replace(_failed_run(end, lines, time=str(end.get("time", "")), about=about), how="interrupted")


def _moment(line: Line) -> datetime:
    return time_of(line) or _AT_NO_TIME


def _is_interrupted(end: Line | None, lines: Sequence[Line]) -> bool:
    """Whether Ctrl-C or `pytest.exit` ended a run; neither is a failure to pytest."""
    if any(line.get("event") in _CRASHES for line in lines) or (end is not None and end.get("status") == "failed"):
        return False
    raised = next((line for line in reversed(lines) if line.get("event") in _RAISED), {})
    what = _text(raised if end is None else end, "error") or ""
    traceback = _text(raised, "traceback") or ""
    if what.startswith("Exit"):
        return _PYTEST_EXIT.search(traceback) is not None
    if what.startswith("SystemExit"):
        return _CTRL_C.search(traceback) is not None
    return _CTRL_C.match(what) is not None


def _about(place: str | PathLike[str] | Store, run_id: str) -> Mapping[str, Any]:
    """What `run.json` tells of a run; nothing if there is none."""
    if "/" in run_id or run_id.startswith("."):
        return {}
    try:
        document = orjson.loads(open_store(place).read(f"runs/{run_id}/run.json"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _failed_at(last: Line, about: Mapping[str, Any]) -> str:
    """When a run failed: of a crash, of which others may have told later, by what the run itself came to."""
    told, own = _text(last, "time") or "", _text(about, "finished") or ""
    own_moment = time_of({"time": own})
    if last.get("event") not in _CRASHES or own_moment is None:
        return told
    return own if own_moment < _moment(last) else told


def _lines_of(place: str | PathLike[str] | Store, run_id: str, last: Line) -> list[Line]:
    query, told = AuditQuery(place).run_id(run_id), time_of(last)
    with suppress(OverflowError):  # a clock that stands at the beginning of all time
        query = query if told is None else query.after(told - _LONGEST_RUN)
    return [line for line in query.iter() if line.get("run_id") == run_id]


def _failed_run(last: Line, lines: Sequence[Line], *, time: str, about: Mapping[str, Any]) -> FailedRun:
    verdicts = tuple(line for line in lines if line.get("event") == "verdict" and line.get("success") is False)
    wrong = tuple(line for line in lines if line.get("event") in FAILED_SAMPLES)
    # What raised in a run that ended by its checks passed when it was run again.
    raised_events = () if last.get("status") == "failed" else _RAISED
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
        time=time,
        test=_text(last, "test"),
        dataset=next((each["dataset"] for each in lines if _text(each, "dataset")), None),
        stage=_text(cause, "stage"),
        sample=_text({"sample": sample}, "sample"),
        input_path=_text(cause, "input_path") or _text(of_sample, "input_path"),
        error=_text(cause, "error") or _text(cause, "message"),
        traceback=_text(cause, "traceback"),
        raised=_samples_that(raised),
        verdicts=verdicts,
        wrong=wrong,
        saved=tuple(dict.fromkeys(_saved_of(sample, lines))),
        about=about,
    )


def _samples_that(raised: Sequence[Line]) -> int:
    """On how many samples something raised; a sample counts once, however often it was run."""
    samples: set[str] = set()
    for line in raised:
        owners = _text(line, "sample")
        if owners is not None:
            samples.update(owners.split("|") if line.get("input_paths") else (owners,))  # of a batch
    return len(samples)


def _saved_of(sample: Any, lines: Sequence[Line]) -> Iterator[str]:
    if not isinstance(sample, str) or not sample:
        return
    for line in lines:
        path, owners = _text(line, "output_path"), _text(line, "sample")
        if line.get("event") == "artifact saved" and path and owners and (sample in (owners, *owners.split("|"))):
            yield path


def _text(line: Mapping[str, Any], name: str) -> str | None:
    value = line.get(name)
    return value if isinstance(value, str) and value else None
