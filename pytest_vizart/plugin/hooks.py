"""Hooks that are registered only once a test measures: they end its run and copy the verdicts into pytest."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from pytest_vizart.errors import UsageError, warn
from pytest_vizart.gating.outcome import failing, headline, section
from pytest_vizart.plugin.keys import RUN
from pytest_vizart.plugin.markers import limits_of, watched_names
from pytest_vizart.plugin.shared import journal_piece
from pytest_vizart.plugin.shared_ids import shared_test_id
from pytest_vizart.profiling.watching.instrumentation import watched
from pytest_vizart.records.run import RunResult
from pytest_vizart.workflow.finish import collect, write_trail
from pytest_vizart.workflow.recording import measuring
from pytest_vizart.workflow.reproducing import configuration_of, pytest_command
from pytest_vizart.workflow.run import Run
from pytest_vizart.workflow.run_file import write_run_file

if TYPE_CHECKING:
    from pytest_vizart.plugin.session import VizartSession


class RunHooks:
    """Watches the body of each test that holds a run."""

    def __init__(self, session: VizartSession) -> None:
        self._session = session

    # Innermost of all wrappers. The failure is raised here, and not set in pytest_runtest_makereport, because a raised
    # one is understood by everything that understands a failed test: xfail, --pdb, reruns, JUnit, --lf, -x.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        run = item.stash.get(RUN, None)
        if run is None:
            return (yield)
        with ExitStack() as stack:
            names = watched_names(item)
            run.recorder.watch_targets += tuple(names)
            problem = None
            try:
                stack.enter_context(watched(names, _namespace(item)))
            except UsageError as error:
                problem = str(error)
            if problem is not None:  # outside of the handler, or the error would be told twice
                pytest.fail(problem, pytrace=False)
            stack.enter_context(measuring(run.recorder, run.log))
            try:
                result = yield
            except (pytest.skip.Exception, pytest.xfail.Exception):
                run.log("run dropped", reason="the test skipped, or expected to fail")
                raise
            except BaseException as error:
                self._finish(item, run, error)
                raise
        judged = self._finish(item, run, None)
        if judged is not None:
            self._copy_verdicts(item, judged)
        return result

    def _finish(self, item: pytest.Item, run: Run, error: BaseException | None) -> RunResult | None:
        """Close the run; None if it could not be judged, of which the user is warned."""
        try:
            if error is not None and run.failed_stage(error) is not None:
                item.add_report_section("call", "vizart", _where(run, error))
            if shared_test_id(item) is not None:
                if error is not None:
                    run.record_failure(error)
                journal_piece(self._session, item, run, error)
                return None
            return self._judge(item, run, error)
        except UsageError as problem:  # a marker added while the test ran: the user's to mend, and no trouble of ours
            pytest.fail(str(problem), pytrace=False)
        except Exception as problem:  # noqa: BLE001 - monitoring never breaks the test it watches
            warn(f"{item.nodeid}: the run was not judged: {type(problem).__name__}: {problem}")
            return None

    def _judge(self, item: pytest.Item, run: Run, error: BaseException | None) -> RunResult:
        session, settings = self._session, self._session.settings
        result = collect(
            run,
            session_id=session.session.session_id,
            error=error,
            partial=settings.partial,
            contended=session.contended,
        )
        judged = session.judge(result, limits_of(item), None if run.dataset is None else run.dataset.root)
        session.add(judged)
        if session.audit is not None:
            write_run_file(
                settings.output,
                judged,
                session.session,
                command=pytest_command(settings, item.nodeid),
                configuration=configuration_of(settings),
                samples=run.seen.values(),
                dataset_root=None if run.dataset is None else run.dataset.root,
                limits=limits_of(item),
            )
        write_trail(run.log, judged, run.told)
        return judged

    def _copy_verdicts(self, item: pytest.Item, judged: RunResult) -> None:
        settings = self._session.settings
        bad = failing(judged.verdicts, gate=settings.gate, strict=settings.strict)
        if bad:
            item.add_report_section("call", "vizart", section(bad, run_id=judged.info.run_id, outcomes=judged.outcomes))
            pytest.fail(headline(bad), pytrace=False)


def _where(run: Run, error: BaseException) -> str:
    """Say on which sample a stage raised: the traceback knows neither."""
    samples = run.current_samples()
    on = ", ".join(f"{sample.id} ({sample.path})" for sample in samples[:3])
    return f"stage {run.failed_stage(error)} raised" + (f" on sample {on}" if on else "")


def _namespace(item: pytest.Item) -> dict[str, Any]:
    """The names of the test's own module: what it imported from elsewhere is watched under these names too."""
    module = getattr(item, "module", None)
    return {} if module is None else vars(module)
