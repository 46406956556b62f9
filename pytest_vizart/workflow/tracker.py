"""`RunTracker`: the same run as `vizart_run`, outside of pytest."""

from __future__ import annotations

import os
import sys
import uuid
from contextlib import ExitStack
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from types import TracebackType

from pytest_vizart.audit.log import AuditLog
from pytest_vizart.errors import HistoryError, UsageError, warn
from pytest_vizart.history.journal import Journal
from pytest_vizart.history.revision import describe_code
from pytest_vizart.history.writer import prepare_output
from pytest_vizart.profiling.clock import SystemClock
from pytest_vizart.profiling.machine import describe_machine
from pytest_vizart.quantities import parse_artifacts
from pytest_vizart.records.run import RunResult, Session
from pytest_vizart.settings import Settings, outbox
from pytest_vizart.storage.opening import is_url, open_store
from pytest_vizart.version import VERSION
from pytest_vizart.workflow.finish import collect, write_trail
from pytest_vizart.workflow.hiding import command_line
from pytest_vizart.workflow.keeping import keep
from pytest_vizart.workflow.recording import RecordingOptions, measuring
from pytest_vizart.workflow.reproducing import script_command
from pytest_vizart.workflow.run import Run
from pytest_vizart.workflow.run_file import write_run_file
from pytest_vizart.workflow.takeover import take_over_dead_sessions
from pytest_vizart.workflow.upkeep import look_after


class RunTracker(Run):
    """Measure, compare and keep one run of a script.

    with RunTracker(output=".vizart", profile="detailed") as run:
        for sample in run.samples(GoldenDataset.load("golden/coins")): ...

    Args:
        output: output folder, or a URL as --vizart-output takes it.
        profile: basic, detailed or full.
        name: under which the run is kept; default: the script's file name.
        passes: passes over the samples; None for auto.
        warmup: samples that run first and are not counted.
        profile_share: share of the samples whose functions are profiled at level full, 0 to 1.
        artifacts: which outputs of stages are saved by themselves, as --vizart-artifacts takes it.

    After the block `result` holds the RunResult. An exception inside of it is recorded and goes on unchanged;
    nothing is judged.
    """

    def __init__(
        self,
        output: str | PathLike[str] = ".vizart",
        profile: str = "detailed",
        *,
        name: str | None = None,
        passes: int | None = None,
        warmup: int = 3,
        profile_share: float = 0.01,
        artifacts: str = "none",
    ) -> None:
        if profile not in ("basic", "detailed", "full"):
            raise UsageError(
                "unknown value", place="RunTracker(profile=...)", expected="basic, detailed or full", found=profile
            )
        self._store = open_store(output if is_url(fspath(output)) else Path(output).absolute())
        self._settings = Settings(
            rootdir=Path.cwd(),
            output=self._store.local or Path(outbox(fspath(output))).absolute(),
            output_url=None if self._store.local else fspath(output),
            artifacts=parse_artifacts(artifacts, "RunTracker(artifacts=...)"),
        )
        self._output = self._settings.output
        self.result: RunResult | None = None
        self._session = Session(
            session_id=str(uuid.uuid4()),
            started_us=SystemClock.epoch_us(),
            command=command_line(sys.argv),
            machine=describe_machine(),
            code=describe_code(Path.cwd()),
            version=VERSION,
        )
        self._journal = Journal(self._output, self._session.session_id)
        audit = self._open_output()
        super().__init__(
            name or Path(sys.argv[0]).name or "python",
            output=self._output,
            recording=RecordingOptions(profile, profile_share, None if audit is None else self._journal.spans),
            passes=passes,
            warmup=warmup,
            audit=audit,
            artifacts=self._settings.artifacts,
        )
        self._asked = {"profile": profile, "profile_share": profile_share, "passes": passes, "warmup": warmup,
                       "artifacts": artifacts}  # fmt: skip
        self._stack = ExitStack()
        self._pid = os.getpid()

    def __enter__(self) -> RunTracker:
        self._stack.enter_context(measuring(self.recorder, self.log))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        if os.getpid() != self._pid:  # a process that was forked off inside: the run is its parent's
            self.recorder.close()
            return
        try:
            self._keep(error)
        except Exception as problem:  # noqa: BLE001 - monitoring never breaks what it watches
            warn(f"{self.test_id}: the run was not kept: {type(problem).__name__}: {problem}")
        finally:
            self.recorder.discard()

    def _keep(self, error: BaseException | None) -> None:
        session = self._session
        result = collect(self, session_id=session.session_id, error=error, partial=False, contended=False)
        because = "runs outside of pytest are not judged"
        info = replace(result.info, accepted=False, accepted_latency=False, not_accepted_because=because)
        self.result = replace(result, info=info)
        write_trail(self.log, self.result, self.told)
        if self._audit is not None:
            write_run_file(
                self._output,
                self.result,
                session,
                command=script_command(),
                configuration=self._asked,
                samples=self.seen.values(),
                dataset_root=None if self.dataset is None else self.dataset.root,
            )
            if keep(self._journal, session, [self.result], place=self._store):
                self._journal.remove()
            self._audit.close()
            look_after(self._settings, self._store, {self.run_id}, session.log_part(self._settings.output_url))

    def _open_output(self) -> AuditLog | None:
        try:
            prepare_output(self._output)
            take_over_dead_sessions(self._output, self._store)
            self._journal.open(self._session)
        except (HistoryError, OSError) as error:
            warn(str(error))
            return None
        return AuditLog(self._output, part=self._session.log_part(self._settings.output_url))
