"""One pytest session that measures: woken by the first test that uses a fixture, ended by `finish_session`."""

from __future__ import annotations

import shlex
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from pytest_vizart.audit.log import AuditLog
from pytest_vizart.errors import GoldenError, HistoryError, VizartError, warn
from pytest_vizart.golden.dataset import GoldenDataset, discover
from pytest_vizart.history.journal import Journal
from pytest_vizart.history.reader import History
from pytest_vizart.history.revision import describe_code
from pytest_vizart.history.writer import prepare_output
from pytest_vizart.plugin.configuration import settings_of
from pytest_vizart.plugin.keys import AWAKE, RUN, WORKERS
from pytest_vizart.profiling.clock import SystemClock
from pytest_vizart.profiling.machine import describe_machine
from pytest_vizart.records.run import RunResult, Session, SessionResult
from pytest_vizart.report.html import write_report
from pytest_vizart.report.json import write_json
from pytest_vizart.version import VERSION
from pytest_vizart.workflow.keeping import journaled_runs, keep, take_over_dead_sessions, trends
from pytest_vizart.workflow.run import Run


class VizartSession:
    """What the tests of one process share.

    In a distributed session every worker has one, with the controller's session ID, and so has the controller when it
    gathers what the workers left in the journal.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.settings = settings_of(config)
        told: dict[str, Any] = getattr(config, "workerinput", {}).get("vizart", config.stash.get(WORKERS, {}))
        self.is_worker = hasattr(config, "workerinput")
        self.contended = self.is_worker and int(told.get("workers", 2)) > 1
        self.history = History(self.settings.output)
        self.result: SessionResult | None = None
        self.unsaved: list[RunResult] = []
        self.session = Session(
            session_id=str(told.get("session_id") or uuid.uuid4()),
            started_us=int(told.get("started_us") or SystemClock.epoch_us()),
            command=shlex.join(["pytest", *map(str, config.invocation_params.args)]),
            machine=describe_machine(),
            code=describe_code(self.settings.rootdir),
            version=VERSION,
        )
        self.journal = Journal(self.settings.output, self.session.session_id)
        self.audit = self._open_output(told.get("pid"))

    @classmethod
    def of(cls, config: pytest.Config) -> VizartSession:
        """Return the session of a config, waking it if this is the first use."""
        if AWAKE not in config.stash:
            from pytest_vizart.plugin.hooks import RunHooks

            config.stash[AWAKE] = session = cls(config)
            config.pluginmanager.register(RunHooks(session), "vizart-runs")
        return config.stash[AWAKE]

    def open_run(self, item: pytest.Item) -> Run:
        """Begin the run of a test."""
        run = Run(
            item.nodeid,
            output=self.settings.output,
            profile=self.settings.profile,
            passes=self.settings.passes,
            warmup=self.settings.warmup,
            audit=self.audit,
        )
        item.stash[RUN] = run
        return run

    def add(self, result: RunResult) -> None:
        """Keep a finished run until the session's end."""
        if self.audit is None:
            self.unsaved.append(result)
            return
        try:
            self.journal.add_run(result)
        except OSError as error:
            warn(f"{self.journal.folder}: a run cannot be journaled ({error.strerror}); it is in the report only")
            self.unsaved.append(result)

    def _open_output(self, owner_pid: int | None) -> AuditLog | None:
        try:
            prepare_output(self.settings.output)
            if not self.is_worker:
                take_over_dead_sessions(self.settings.output)
            self.journal.open(self.session, owner_pid=owner_pid)
        except (HistoryError, OSError) as error:
            warn(str(error))
            return None
        return AuditLog(self.settings.output)


def dataset_for(config: pytest.Config, name: str | None) -> GoldenDataset:
    """Return a dataset by name, or the only one there is.

    Raises:
        GoldenError: no folder, no such dataset, or several and no choice made.
    """
    settings = settings_of(config)
    if settings.golden is None:
        raise GoldenError(
            "there is no golden data",
            expected=f"a folder of golden datasets, such as {settings.rootdir / 'golden'}",
            hint="give it with --vizart-golden=DIR",
        )
    known = config.stash.setdefault(_DATASETS, {})
    if name not in known:
        found = discover(settings.golden)
        if name is None and len(found) > 1:
            raise GoldenError(
                "several golden datasets and no choice made",
                file=settings.golden,
                found=", ".join(found),
                hint='name one: @pytest.mark.vizart_golden("' + next(iter(found)) + '")',
            )
        if name is not None and name not in found:
            raise GoldenError(
                f"there is no golden dataset {name!r}",
                file=settings.golden,
                expected=", ".join(found),
                found=name,
                hint="mind the spelling, or give another folder with --vizart-golden=DIR",
            )
        path = found[name] if name is not None else next(iter(found.values()))
        dataset = GoldenDataset.load(path)
        if not settings.off:
            dataset.require_readable_labels()
        known[name] = dataset.subset(limit=settings.limit, tags=settings.tags) if settings.partial else dataset
    return known[name]


_DATASETS = pytest.StashKey[dict[str | None, GoldenDataset]]()


def finish_session(config: pytest.Config) -> None:
    """Keep what the session measured, and write report and JSON. What goes wrong is warned of; nothing is raised."""
    if hasattr(config, "workerinput"):
        return  # the controller gathers what this worker left in the journal
    if AWAKE not in config.stash and not journal_exists(config):
        return
    session = VizartSession.of(config)
    runs = (*journaled_runs(session.journal), *session.unsaved)
    session.result = SessionResult(session=session.session, runs=runs)
    if session.audit is not None:
        if not runs or keep(session.settings.output, session.session, runs):
            session.journal.remove()
        session.audit.close()
    if runs:
        _write_reports(session, session.result)


def _write_reports(session: VizartSession, result: SessionResult) -> None:
    settings = session.settings
    try:
        if settings.json is not None:
            write_json(settings.json, result)
        if settings.report is not None:
            test_ids = list(dict.fromkeys(run.info.test_id for run in result.runs))
            points = trends(session.history, test_ids, fingerprint=session.session.machine.fingerprint)
            write_report(settings.report, result, points, generated_at=datetime.now(UTC))
    except (VizartError, OSError) as error:
        warn(str(error))


def journal_exists(config: pytest.Config) -> bool:
    """Whether workers of a distributed session left something to gather."""
    told = config.stash.get(WORKERS, {})
    return bool(told) and Journal(settings_of(config).output, str(told["session_id"])).folder.is_dir()
