"""What a session made, finished or not, and keeping what sessions that died left behind."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from pytest_vizart.audit.log import AuditLog
from pytest_vizart.errors import warn
from pytest_vizart.history.journal import Journal, dead_journals
from pytest_vizart.records.run import Code, Machine, RunResult, Session
from pytest_vizart.storage.store import Store
from pytest_vizart.workflow.crashes import Crash, crashed_runs
from pytest_vizart.workflow.keeping import keep
from pytest_vizart.workflow.pieces import by_run, left_behind, with_spans_of


def take_over_dead_sessions(output: Path, place: str | Path | Store | None = None) -> list[Crash]:
    """Keep what sessions that died left: finished runs, parts of runs, and the runs under which they died.

    `place` is where the tables go, the output folder unless told. Returns where they died. What cannot be kept now
    stays in its journal, and is tried again by the next session.
    """
    told: list[Crash] = []
    for journal in dead_journals(output, on_damage=warn):
        if not journal.claim():
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
        tell(journal.output, crashes)
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
    died = [crash.result for crash in crashes if crash.journal not in whole]
    runs: dict[str, RunResult] = {}
    for result in (*left, *died):
        run_id = result.info.run_id
        if run_id not in finished:
            runs[run_id] = with_spans_of(runs[run_id], result) if run_id in runs else result
    return tuple(runs.values())


def tell(output: Path, crashes: Sequence[Crash]) -> None:
    """Say where processes died: to the user, and in the audit log."""
    if not crashes:
        return
    _warn_of(crashes)
    log = AuditLog(output)
    for crash in crashes:
        info = crash.result.info
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
