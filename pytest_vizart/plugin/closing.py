"""The end of a session: what was measured is kept, and shown in report and JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pytest_vizart.errors import VizartError, told_since, warn
from pytest_vizart.plugin.keys import AWAKE
from pytest_vizart.plugin.session import VizartSession
from pytest_vizart.plugin.waking import measured_session
from pytest_vizart.records.run import SessionResult
from pytest_vizart.report.html import write_report
from pytest_vizart.report.json import write_json
from pytest_vizart.workflow.keeping import keep, trends
from pytest_vizart.workflow.takeover import gathered, tell, write_run_files
from pytest_vizart.workflow.upkeep import look_after


def finish_session(config: pytest.Config) -> None:
    """Keep what the session measured, and write report and JSON. What goes wrong is warned of; nothing is raised."""
    if hasattr(config, "workeroutput") and AWAKE in config.stash:
        config.workeroutput["vizart"] = config.stash[AWAKE].sent_to_controller()
    session = measured_session(config)
    if session is None:
        return
    try:
        _finish(session)
    except Exception as error:  # noqa: BLE001 - monitoring never breaks the session it watches
        warn(f"the session's runs were not kept or shown: {type(error).__name__}: {error}")


def _finish(session: VizartSession) -> None:
    runs, crashes = gathered(session.journal, session.unsaved, why="the run was not judged")  # crashes: workers died
    if session.audit is not None:
        tell(session.settings.output, crashes, session.journal.spans)
        died = {crash.result.info.run_id for crash in crashes}
        write_run_files(session.journal, session.session, [run for run in runs if run.info.run_id in died], crashes)
    session.result = SessionResult(session=session.session, runs=runs, warnings=told_since(session.warnings_before))
    if session.audit is not None:
        if not runs or keep(session.journal, session.session, runs, place=session.store):
            session.journal.remove()
        session.audit.close()
        kept = {run.info.run_id for run in runs}
        log_part = session.session.log_part(session.settings.output_url)
        session.upkeep = look_after(session.settings, session.store, kept, log_part)
        session.result = replace(session.result, warnings=told_since(session.warnings_before))  # a disk that is full
    if runs:
        _write_reports(session, session.result)
        session.result = replace(session.result, warnings=told_since(session.warnings_before))  # a report not written


def _write_reports(session: VizartSession, result: SessionResult) -> None:
    settings = session.settings
    if settings.json is not None:
        _write(session, settings.json, lambda path: write_json(path, result))
    if settings.report is not None:
        test_ids = list(dict.fromkeys(run.info.test_id for run in result.runs))
        points = trends(session.history, test_ids, fingerprint=session.session.machine.fingerprint)
        _write(
            session, settings.report, lambda path: write_report(path, result, points, generated_at=datetime.now(UTC))
        )


def _write(session: VizartSession, path: Path, write: Callable[[Path], None]) -> None:
    try:
        write(path)
    except (VizartError, OSError) as error:
        warn(str(error))
    else:
        session.written.add(path)
