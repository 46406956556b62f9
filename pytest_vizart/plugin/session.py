"""One pytest session that measures: woken by the first test that uses a fixture, ended by `finish_session`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from pytest_vizart.audit.log import AuditLog
from pytest_vizart.errors import HistoryError, UsageError, warn, warnings_told
from pytest_vizart.gating.limits import stages_with_peak_limit
from pytest_vizart.history.journal import Journal, as_json, from_json
from pytest_vizart.history.reader import History
from pytest_vizart.history.revision import describe_code
from pytest_vizart.history.writer import prepare_output
from pytest_vizart.plugin.configuration import settings_of
from pytest_vizart.plugin.keys import RUN, WORKERS
from pytest_vizart.plugin.markers import limits_of
from pytest_vizart.plugin.shared_ids import shared_test_id
from pytest_vizart.profiling.clock import SystemClock
from pytest_vizart.profiling.machine import describe_machine
from pytest_vizart.records.run import RunResult, Session, SessionResult
from pytest_vizart.records.text import escaped
from pytest_vizart.report.wording import printable
from pytest_vizart.storage.opening import open_store
from pytest_vizart.version import VERSION
from pytest_vizart.workflow.crashes import Crash
from pytest_vizart.workflow.hiding import command_line
from pytest_vizart.workflow.judge import Limits, judge_run, refused
from pytest_vizart.workflow.pieces import shared_run_id
from pytest_vizart.workflow.recording import RecordingOptions
from pytest_vizart.workflow.run import Run
from pytest_vizart.workflow.takeover import take_over_dead_sessions


class VizartSession:
    """What the tests of one process share.

    In a distributed session every worker has one, with the controller's session ID, and so has the controller when it
    gathers what the workers left in the journal.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.warnings_before = warnings_told()
        self.settings = settings_of(config)
        told: dict[str, Any] = getattr(config, "workerinput", {}).get("vizart", config.stash.get(WORKERS, {}))
        self.is_worker = hasattr(config, "workerinput")
        self.contended = self.is_worker and int(getattr(config, "workerinput", {}).get("workercount", 2)) > 1
        self.store = open_store(self.settings.kept_at)
        self.history = History(self.store)
        self.result: SessionResult | None = None
        self.written: set[Path] = set()
        self.upkeep: tuple[str, ...] = ()  # what was done for the place where runs are kept
        self._journal_warned = False
        # In the controller of a distributed session: what workers could not write, and sent.
        sent = {} if self.is_worker else told
        self.unsaved: list[RunResult] = [from_json(run) for run in sent.get("runs", ())]
        self.unsaved_pieces: list[bytes] = [piece.encode() for piece in sent.get("pieces", ())]
        self.session = Session(
            session_id=str(told.get("session_id") or uuid.uuid4()),
            started_us=int(told.get("started_us") or SystemClock.epoch_us()),
            command=escaped(command_line(["pytest", *map(str, config.invocation_params.args)])),
            machine=describe_machine(),
            code=describe_code(self.settings.rootdir),
            version=VERSION,
        )
        self.journal = Journal(self.settings.output, self.session.session_id)
        self.audit = self._open_output(told.get("pid"))

    def open_run(self, item: pytest.Item) -> Run:
        """Begin the run of a test."""
        shared = shared_test_id(item)
        run = Run(
            shared or item.nodeid,
            run_id=None if shared is None else shared_run_id(self.session.session_id, shared),
            output=self.settings.output,
            recording=self._recording(item),
            passes=self.settings.passes,
            warmup=self.settings.warmup,
            audit=self.audit,
            rules=limits_of(item).rules,
            update=self.settings.update,
            artifacts=self.settings.artifacts,
        )
        item.stash[RUN] = run
        return run

    def _recording(self, item: pytest.Item) -> RecordingOptions:
        limits = limits_of(item).memory
        return RecordingOptions(
            profile=self.settings.profile,
            profile_share=self.settings.profile_share,
            journal=None if self.audit is None else self.journal.spans,
            peak_stages=stages_with_peak_limit(limits),
            memory_stages=frozenset(limit.stage for limit in limits),
        )

    def judge(
        self, result: RunResult, limits: Limits, dataset_root: Path | None, incomplete: str | None = None
    ) -> RunResult:
        """Judge a run, see `judge_run`. Where the history cannot be read, its own limits still hold."""

        def judged(history: History) -> RunResult:
            return judge_run(
                result,
                settings=self.settings,
                machine=self.session.machine,
                code=self.session.code,
                limits=limits,
                history=history,
                incomplete=incomplete,
                dataset_root=dataset_root,
            )

        try:
            return judged(self.history)
        except UsageError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the history holds, the run is judged and kept
            what = str(error) if isinstance(error, HistoryError) else f"{type(error).__name__}: {error}"
            warn(f"{result.info.test_id} was compared with no earlier run: {what}")
        return refused(judged(History(self.journal.folder)), "the history could not be read")

    def add(self, result: RunResult) -> None:
        """Keep a finished run until the session's end."""
        if self.audit is None:
            self.unsaved.append(result)
            return
        try:
            self.journal.add_run(result)
        except Exception as error:  # noqa: BLE001 - a run that cannot be kept is still judged and shown
            self._warn_of_journal(error)
            self.unsaved.append(result)

    def add_piece(self, run_id: str, payload: bytes) -> None:
        """Keep one item's part of a shared run until the session's end."""
        if self.audit is None:
            self.unsaved_pieces.append(payload)
            return
        try:
            self.journal.add_piece(run_id, payload)
        except Exception as error:  # noqa: BLE001
            self._warn_of_journal(error)
            self.unsaved_pieces.append(payload)

    def _warn_of_journal(self, error: Exception) -> None:
        if not self._journal_warned:  # a full disk is told once, and not for every run
            self._journal_warned = True
            reason = getattr(error, "strerror", None) or error
            warn(f"{self.journal.folder}: what is finished cannot be journaled ({reason}); a crash would lose it")

    def sent_to_controller(self) -> dict[str, list[str]]:
        """Return what this worker could not write, as plain text."""
        return {
            "runs": [as_json(run).decode() for run in self.unsaved],
            "pieces": [piece.decode() for piece in self.unsaved_pieces],
        }

    def take_pieces(self) -> Iterator[tuple[str, bytes]]:
        """Yield the parts of shared runs with where they come from.

        They stay in the journal: as long as the run that they make is not in it, they are all that is left of it.
        """
        for path, payload in self.journal.pieces(on_damage=warn):
            yield str(path), payload
        for payload in self.unsaved_pieces:
            yield "memory", payload
        self.unsaved_pieces.clear()

    def forget_pieces(self, run_id: str) -> None:
        """Delete the parts of a shared run, if the journal holds the run that they made."""
        if all(run.info.run_id != run_id for run in self.unsaved):
            self.journal.forget_pieces(run_id)

    def _tell_at_once(self, crashes: list[Crash]) -> None:
        """Say where earlier sessions died before this one dies of the same."""
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        capture = self.config.pluginmanager.get_plugin("capturemanager")
        if reporter is None or not crashes:
            return
        with nullcontext() if capture is None else capture.global_and_fixture_disabled():
            for crash in crashes:
                reporter.ensure_newline()
                reporter.write_line(f"vizart: an earlier session ended here: {printable(crash.told())}", yellow=True)
            reporter.flush()

    def _open_output(self, owner_pid: int | None) -> AuditLog | None:
        try:
            prepare_output(self.settings.output)
            if not self.is_worker:
                self._tell_at_once(take_over_dead_sessions(self.settings.output, self.store))
            self.journal.open(self.session, owner_pid=owner_pid)
        except Exception as error:  # noqa: BLE001 - whatever keeps the output from being written, the tests run
            warn(str(error))
            return None
        return AuditLog(self.settings.output, part=self.session.log_part(self.settings.output_url))
