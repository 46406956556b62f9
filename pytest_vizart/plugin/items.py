"""One pytest item for each sample: the items of a function share a run, which is judged when all have run.

What only the whole set can tell appears as a test of its own under the function's bare node ID. It is reported through
`pytest_runtest_logreport`, so that the terminal, JUnit, --lf and the exit status know it as they know every other test.
"""

from __future__ import annotations

import time

import pytest

from pytest_vizart.errors import VizartError, warn
from pytest_vizart.gating.outcome import failing, headline, section
from pytest_vizart.plugin.datasets import dataset_for
from pytest_vizart.plugin.markers import dataset_name
from pytest_vizart.plugin.session import VizartSession
from pytest_vizart.plugin.waking import measured_session, session_of
from pytest_vizart.records.run import RunResult
from pytest_vizart.workflow.artifacts import with_saved
from pytest_vizart.workflow.finish import write_trail
from pytest_vizart.workflow.pieces import Piece, by_run, join
from pytest_vizart.workflow.reproducing import configuration_of, pytest_command
from pytest_vizart.workflow.run_file import saved_of, write_run_file


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Make one item of each sample of the dataset; a single one, which will tell why, where there is no dataset."""
    try:
        ids = dataset_for(metafunc.config, dataset_name(metafunc.definition)).ids
    except VizartError:
        ids = ("no-dataset",)
    metafunc.parametrize("golden_sample", ids, indirect=True, ids=ids)


def report_shared_runs(session: pytest.Session) -> None:
    """Join and judge the shared runs of the session, and report each as a test. Nothing is raised."""
    vizart = measured_session(session.config)
    if vizart is None:
        return
    for test_id, pieces in by_run(vizart.take_pieces()).items():
        try:
            _report(session, pieces[0], _judged(vizart, pieces))
        except VizartError as error:  # a gate that cannot judge must not pass in silence
            _emit(session, pieces[0], "failed", f"the run was not judged: {error}")
        except Exception as error:  # noqa: BLE001 - monitoring never breaks the session it watches
            warn(f"{test_id}: the run was not judged: {type(error).__name__}: {error}")


def _judged(vizart: VizartSession, pieces: list[Piece]) -> RunResult:
    first = pieces[0]
    dataset = dataset_for(vizart.config, first.dataset)
    result = join(pieces, dataset, session_id=vizart.session.session_id)
    settings = vizart.settings
    result = with_saved(result, saved_of(settings.output, result.info.run_id))
    missing = first.samples - result.info.samples
    incomplete = f"{result.info.samples} of {first.samples} samples ran" if missing else None
    judged = vizart.judge(result, first.limits, dataset.root, incomplete)
    vizart.add(judged)
    vizart.forget_pieces(judged.info.run_id)
    if vizart.audit is not None:
        write_run_file(
            settings.output,
            judged,
            vizart.session,
            command=pytest_command(settings, first.test_id, shared=True),
            configuration=configuration_of(settings),
            samples=[dataset[sample_id] for sample_id in dict.fromkeys(piece.sample_id for piece in pieces)],
            dataset_root=dataset.root,
            limits=first.limits,
        )
        write_trail(vizart.audit.of_run(judged.info.run_id, judged.info.test_id), judged, _told(judged))
    return judged


def _told(result: RunResult) -> set[tuple[str, str]]:
    """What the items told of themselves when their prediction came."""
    untold = ("raised", "no-prediction")
    return {(each.stage, each.sample_id) for each in result.outcomes if each.error_type not in untold}


def _report(session: pytest.Session, piece: Piece, result: RunResult) -> None:
    vizart = session_of(session.config)
    bad = failing(result.verdicts, gate=vizart.settings.gate, strict=vizart.settings.strict)
    reason = _inconclusive(piece, result)
    if bad:
        _emit(
            session, piece, "failed", headline(bad), section(bad, run_id=result.info.run_id, outcomes=result.outcomes)
        )
    elif reason:
        _emit(
            session, piece, "skipped", (piece.location[0], piece.location[1] or 0, f"Skipped: inconclusive: {reason}")
        )
    else:
        _emit(session, piece, "passed")


def _inconclusive(piece: Piece, result: RunResult) -> str | None:
    if result.info.status == "error":
        return f"the pipeline raised on some samples, first {result.info.error}"
    if result.info.samples < piece.samples:
        return f"{result.info.samples} of {piece.samples} samples ran"
    return None


def _emit(
    session: pytest.Session, piece: Piece, outcome: str, longrepr: object = None, detail: str | None = None
) -> None:
    """Report a test that no item stands for, with setup, call and teardown, as pytest itself does."""
    hook, now = session.config.hook, time.time()
    session.testscollected += 1
    hook.pytest_runtest_logstart(nodeid=piece.test_id, location=piece.location)
    for when in ("setup", "call", "teardown"):
        is_call = when == "call"
        report = pytest.TestReport(
            nodeid=piece.test_id,
            location=piece.location,
            keywords={},
            outcome=outcome if is_call else "passed",  # type: ignore[arg-type]
            longrepr=longrepr if is_call else None,  # type: ignore[arg-type]
            when=when,
            sections=[("Captured vizart call", detail)] if is_call and detail else [],
            duration=0.0,
            start=now,
            stop=now,
        )
        hook.pytest_runtest_logreport(report=report)
    hook.pytest_runtest_logfinish(nodeid=piece.test_id, location=piece.location)
