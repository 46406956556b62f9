"""Sessions whose runs are kept in an object store: a real S3 server on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from pytest_vizart.audit.query import AuditQuery
from pytest_vizart.cli import main
from pytest_vizart.history.reader import History
from pytest_vizart.storage.opening import open_store
from tests.plugin.conftest import LOOP_TEST
from tests.storage.s3_server import S3Server, s3_server


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


def test_a_session_keeps_everything_there_and_the_next_one_is_compared_with_it(
    shades: pytest.Pytester, server: S3Server
) -> None:
    url = server.url("ci")
    for _ in range(2):
        result = shades.runpytest(f"--vizart-output={url}", "--vizart-artifacts=final")
        assert result.ret == 0
        result.stdout.no_fnmatch_line("*warning*")
    history = History(url)
    runs = history.runs().to_pylist()
    assert [run["accepted"] for run in runs] == [True, True]
    assert history.spans(run_ids=[runs[0]["run_id"]], stage="classify").num_rows > 0
    store = open_store(url)
    saved = {path for row in history.outcomes().to_pylist() for path in row["artifacts"]}
    assert len(saved) == 8
    kept = {entry.name for entry in store.files("runs", recursive=True)}
    assert saved <= kept
    about = json.loads(store.read(f"runs/{runs[0]['run_id']}/run.json"))
    assert about["command"].endswith("--vizart-artifacts=final")
    assert [line["event"] for line in AuditQuery(url).run_id(runs[1]["run_id"]).fetch()][-1] == "run finished"
    outbox = [path for path in (shades.path / ".vizart" / "outbox").rglob("*") if path.is_file()]
    assert [path.name for path in outbox] == [".gitignore"]
    # The second session saw the first: a wrong sample is newly wrong.
    shades.makepyfile(test_shades=(shades.path / "test_shades.py").read_text().replace("classify(image)", "'dark'"))
    result = shades.runpytest(f"--vizart-output={url}", "--vizart-artifacts=final")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*0.5 below 1 of baseline*"])
    shown = CliRunner().invoke(main, ["logs", "--failed", "--output", url])
    assert shown.exit_code == 0
    assert "test_shades.py::test_shades" in shown.output


def test_a_server_that_is_gone_breaks_no_test_and_what_was_measured_waits(project: pytest.Pytester) -> None:
    with s3_server() as server:
        url = server.url("late")
    markers = '@pytest.mark.vizart_accuracy(stage="classify", accuracy=0.9)'
    project.makepyfile(test_shades=LOOP_TEST.format(markers=markers))
    result = project.runpytest(f"--vizart-output={url}")
    assert result.ret == 0
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*was compared with no earlier run: s3://kept/late/*", "The only check passed.*"])
    waiting = [path.name for path in (project.path / ".vizart" / "outbox").rglob("run-*.json")]
    assert len(waiting) == 1
