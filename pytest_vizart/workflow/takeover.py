"""What a session made, finished or not, and keeping what sessions that died left behind."""

from __future__ import annotations

import shlex
import time
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from glob import escape
from pathlib import Path
from typing import Any

from pytest_vizart.audit.log import AuditLog
from pytest_vizart.audit.log_names import FOLDER as LOG_FOLDER
from pytest_vizart.errors import VizartWarning, told_since, warn, warnings_told
from pytest_vizart.history.journal import Journal, dead_journals
from pytest_vizart.profiling.recording.span_reading import read_files
from pytest_vizart.records.run import Code, Machine, RunResult, Session
from pytest_vizart.storage.store import Store
from pytest_vizart.workflow.artifacts import with_saved
from pytest_vizart.workflow.crashes import Crash, crashed_runs
from pytest_vizart.workflow.hiding import without_secrets
from pytest_vizart.workflow.keeping import keep
from pytest_vizart.workflow.pieces import by_run, left_behind, with_spans_of
from pytest_vizart.workflow.reproducing import python
from pytest_vizart.workflow.run_file import RUN_FILE, saved_of, write_run_file


def take_over_before_reading(place: Store) -> str | None:
    """Keep what dead sessions left in a folder of this machine, so that whoever reads it sees how they ended.

    Returns one line that tells of it, None where nothing is to tell. It raises and warns of nothing. What such a folder
    holds for an object store, to which sessions send what they keep, is left to them.
    """
    output = place.local
    if output is None:
        return None
    already = warnings_told()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VizartWarning)
        try:
            crashes = take_over_dead_sessions(output, passed_over=_is_sent)
        except Exception as error:  # noqa: BLE001 - what there is can be read all the same
            return f"what sessions that died left behind is not taken over ({type(error).__name__}: {error})"
    told = [f"an earlier session ended here: {crash.told()}" for crash in crashes] or list(told_since(already))
    return f"{told[0]} (and {len(told) - 1:,} more)" if len(told) > 1 else next(iter(told), None)


def _is_sent(journal: Journal) -> bool:
    """Whether the session sends what it keeps to an object store: its log then has a name of its own."""
    return any((journal.output / LOG_FOLDER).glob(f"*.{journal.session_id[:8]}.*"))


def take_over_dead_sessions(
    output: Path,
    place: str | Path | Store | None = None,
    *,
    passed_over: Callable[[Journal], bool] = lambda journal: False,
) -> list[Crash]:
    """Keep what sessions that died left: finished runs, parts of runs, and the runs under which they died.

    `place` is where the tables go, the output folder unless told. Returns where they died. What cannot be kept now
    stays in its journal, and is tried again by the next session. Journals that are `passed_over` stay as they are.
    """
    told: list[Crash] = []
    for journal in dead_journals(output, on_damage=warn):
        if passed_over(journal) or not journal.claim():
            continue  # another session is at it
        try:
            told += _take_over(journal, place)
        except Exception as error:  # noqa: BLE001 - one journal that nobody can read must not bar all that follow
            warn(f"{journal.folder}: what a session left behind was not kept: {type(error).__name__}: {error}")
    return told


def _take_over(journal: Journal, place: str | Path | Store | None) -> list[Crash]:
    runs, crashes = gathered(journal, why="the session died before the run was finished")
    session = journal.session(on_damage=warn) or _known_of(journal, runs)
    if not runs or keep(journal, session, runs, place=place):
        write_run_files(journal, session, runs, crashes)
        tell(journal.output, crashes, journal.spans)
        journal.remove()
    else:
        _warn_of(crashes)
    return crashes


def gathered(
    journal: Journal, unsaved: Sequence[RunResult] = (), *, why: str
) -> tuple[tuple[RunResult, ...], list[Crash]]:
    """Return all runs of a session, each once, and where processes of it died.

    `unsaved` are finished runs that the journal could not take; `why` the items of a shared run made none.
    """
    runs = {run.info.run_id: run for run in (*journal.runs(on_damage=warn), *unsaved)}
    crashes = crashed_runs(journal.spans, session_id=journal.session_id, finished=runs, on_damage=warn)
    return (*runs.values(), *_unfinished(journal, crashes, finished=runs, why=why)), crashes


def _unfinished(
    journal: Journal, crashes: Sequence[Crash], *, finished: Collection[str], why: str
) -> tuple[RunResult, ...]:
    """Return what was under way: spans, and no accuracy.

    Where the items of a shared run were under way, what is left of them and the items that crashed are one run.
    """
    session_id = journal.session_id
    pieces_left = journal.pieces(on_damage=warn, whole=finished)
    groups = by_run((str(path), payload) for path, payload in pieces_left)
    # An item that died after it had left its piece has told all its spans there.
    whole = {piece.journal for pieces in groups.values() for piece in pieces}
    left = [left_behind(pieces, session_id=session_id, why=why) for pieces in groups.values()]
    died = [
        with_saved(crash.result, saved_of(journal.output, crash.result.info.run_id))
        for crash in crashes
        if crash.journal not in whole
    ]
    runs: dict[str, RunResult] = {}
    for result in (*left, *died):
        run_id = result.info.run_id
        if run_id not in finished:
            runs[run_id] = with_spans_of(runs[run_id], result) if run_id in runs else result
    return tuple(runs.values())


def write_run_files(journal: Journal, session: Session, runs: Sequence[RunResult], crashes: Sequence[Crash]) -> None:
    """Write `run.json` of the runs that their process did not live to write it of, from what is known."""
    inputs = {crash.result.info.run_id: _inputs(journal, crash) for crash in crashes}
    command = without_secrets(session.command)
    if command.startswith("pytest "):
        command = f"{shlex.quote(python())} -m {command}"
    for run in runs:
        if not (journal.output / "runs" / run.info.run_id / RUN_FILE).exists():
            told = inputs.get(run.info.run_id, [])
            write_run_file(journal.output, run, session, command=command, configuration={}, inputs=told)


def _inputs(journal: Journal, crash: Crash) -> list[Mapping[str, Any]]:
    """The samples that the run had come to. What their files were then is not known."""
    problem = "not read: the process died before"
    files = read_files(journal.spans, f"{crash.journal}-")
    paths = {place.sample_id: place.input_path for file in files for place in file.places.values() if place.input_path}
    rest = {"size_bytes": None, "digest": None, "problem": problem}
    return [{"sample": sample, "path": path, **rest} for sample, path in paths.items()]


def tell(output: Path, crashes: Sequence[Crash], spans: Path | None = None) -> None:
    """Say where processes died: to the user, and in the audit log.

    spans: folder of the span journals, by which it is known when they died.
    """
    _warn_of(crashes)
    for crash in crashes:
        info = crash.result.info
        died_s = None if spans is None else _died_s(spans, crash)
        log = AuditLog(output) if died_s is None else AuditLog(output, now=partial(float, died_s))
        fields = {
            "test": info.test_id,
            "success": False,
            "stage": crash.stage,
            "sample": crash.sample_id,
            "input_path": crash.input_path,
            "error": info.error,
        }
        log.write("stage crashed" if crash.stage else "run crashed", info.run_id, "ERROR", fields)
        log.close()


def _died_s(spans: Path, crash: Crash) -> float | None:
    """When a run last told of itself, in seconds since 1970; None if its journals are gone.

    That is not after they were written, but may be long before: folders are copied, and files are then of that time.
    """
    times = []
    for path in spans.glob(f"{escape(crash.journal)}-*"):
        with suppress(OSError):
            times.append(path.stat().st_mtime)
    return min(max(times), time.time(), crash.result.info.finished_us / 1e6) if times else None


def _warn_of(crashes: Sequence[Crash]) -> None:
    for crash in crashes:
        warn(f"{crash.told()}; the run is kept as an error")


def _known_of(journal: Journal, runs: Sequence[RunResult]) -> Session:
    """What is known of a session whose own file is damaged: its runs, and nothing of machine and code."""
    unknown: Any = None  # stored as null
    return Session(
        session_id=journal.session_id,
        started_us=min((run.info.started_us for run in runs), default=0),
        command="",
        machine=Machine(unknown, unknown, unknown, unknown, unknown, unknown),
        code=Code(),
        version=unknown,
    )
