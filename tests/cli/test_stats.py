from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from pytest_vizart.cli.stats import stats
from pytest_vizart.records.run import Code
from tests.cli.histories import HOSTILE, keep, run_with, vizart
from tests.history.builders import a_session

TIMES = (1.0, 2.0, 3.0, 4.0, 10.0)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    for day, ms in enumerate(TIMES):
        code = Code(f"c{day}", "main" if day < 4 else "topic")
        keep(tmp_path, f"s{day}", run_with(f"r{day}", {"decode": 1, "detect": ms}), code=code, day=day)
    keep(tmp_path, "other", run_with("o1", {HOSTILE: 5}, test_id="other"), day=9)
    return tmp_path


def stages(output: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    document = json.loads(vizart(stats, output, "--json", *arguments).output)
    assert document["schema_version"] == 1
    return {row["stage"]: row for row in document["stages"]}


def test_fr_007_median_p95_and_p99_per_stage_across_runs(output: Path) -> None:
    found = stages(output)
    assert list(found) == ["decode", "detect", HOSTILE]
    detect = found["detect"]
    assert (detect["runs"], detect["spans"], detect["errors"]) == (5, 10, 0)
    assert detect["wall_ms"] == pytest.approx({"median": 3.0, "p95": 8.8, "p99": 9.76}, rel=1e-3)
    assert detect["rss_mb"]["median"] == 100.0


def test_exact_counts_every_span(output: Path) -> None:
    found = stages(output, "--exact", "--stage", "detect")
    assert list(found) == ["detect"]
    assert found["detect"]["wall_ms"] == pytest.approx({"median": 3.0, "p95": 10.0, "p99": 10.0}, rel=1e-3)


@pytest.mark.parametrize(
    ("arguments", "median"),
    [(("--last", "2"), 7.0), (("--branch", "main"), 2.5), (("--test", "test_x", "--last", "1"), 10.0)],
)
def test_which_runs_count(output: Path, arguments: tuple[str, ...], median: float) -> None:
    assert stages(output, *arguments)["detect"]["wall_ms"]["median"] == pytest.approx(median, rel=1e-3)


def test_a_table_and_csv(output: Path) -> None:
    lines = vizart(stats, output, "--test", "test_x").output.splitlines()
    assert lines[0].split()[:6] == ["test", "stage", "runs", "spans", "errors", "median"]
    name, *figures = lines[2].split()[1:8]
    assert name == "detect"
    assert list(map(float, figures)) == pytest.approx([5, 10, 0, 3.0, 8.8, 9.76], abs=0.02)  # rounded when kept
    assert lines[-1] == "5 runs: each run counts once, with its median; p95 and p99 are of runs"
    rows = list(csv.DictReader(io.StringIO(vizart(stats, output, "--csv").output, newline="")))
    assert rows[2]["stage"] == HOSTILE
    assert float(rows[1]["wall_ms_p99"]) == pytest.approx(9.76, rel=1e-3)


def test_runs_on_two_machines_are_told(output: Path) -> None:
    machine = a_session().machine
    keep(output, "there", run_with("t1", {"detect": 9}), machine=machine.__class__("beef", "C", 2, 4, "x", "y"), day=3)
    assert "2 machines together, --machine chooses one\n" in vizart(stats, output).output
    assert stages(output, "--machine", "bee")["detect"]["runs"] == 1


def test_a_run_without_spans_has_no_stages(tmp_path: Path) -> None:
    keep(tmp_path, "s1", run_with("r1", {}, status="error"))
    assert stages(tmp_path, "--all") == stages(tmp_path) == {}
    assert vizart(stats, tmp_path).exit_code == 0


def test_older_versions_without_the_table_are_counted_too() -> None:
    old = Path(__file__).parents[1] / "history" / "fixtures" / "v1"
    assert list(stages(old))[:2] == list(stages(old, "--exact"))[:2]


def test_no_such_run_is_a_usage_error(output: Path) -> None:
    result = vizart(stats, output, "--branch", "nothing")
    assert (result.exit_code, "no run is like that" in result.output) == (2, True)


@pytest.mark.parametrize("arguments", [(), ("--exact",), ("--json",), ("--csv",)])
def test_a_stage_that_no_run_has_is_a_usage_error(output: Path, arguments: tuple[str, ...]) -> None:
    result = vizart(stats, output, "--stage", "detekt", "--test", "test_x", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == "Error: no run has a stage 'detekt'; there are detect, decode"


def test_a_stage_of_runs_that_are_left_out_is_said_to_be_perhaps_theirs(output: Path) -> None:
    keep(output, "bad", run_with("e1", {"track": 99}, status="error"))
    assert "(--all)" in vizart(stats, output, "--stage", "track").stderr
    assert stages(output, "--stage", "track", "--all")["track"]["runs"] == 1


def test_of_many_stages_a_few_are_told(tmp_path: Path) -> None:
    keep(tmp_path, "s1", run_with("r1", {f"n{number}": 1 for number in range(40)} | {"detect": 1, HOSTILE: 1}))
    error = vizart(stats, tmp_path, "--stage", "detekt\x1b").stderr.splitlines()[-1]
    told = ", ".join(["detect", *(f"n{number}" for number in range(9))])
    assert error == f"Error: no run has a stage 'detekt\\x1b'; there are {told} and 32 more"


def test_runs_that_did_not_run_to_their_end_are_left_out_and_counted(output: Path) -> None:
    keep(output, "bad", run_with("e1", {"detect": 99}, status="error"), run_with("p1", {"detect": 99}, partial=True))
    keep(output, "failed", run_with("f1", {"detect": 5}, status="failed"), day=3)
    assert stages(output)["detect"]["runs"] == 6
    assert stages(output, "--all")["detect"]["runs"] == 8
    assert "; 2 runs left out: an error, or partial (--all)" in vizart(stats, output).output
    assert json.loads(vizart(stats, output, "--json").output)["left_out"] == 2
    assert "left out" not in vizart(stats, output, "--all").output


def test_stages_stand_as_first_seen_and_numbers_in_their_order(tmp_path: Path) -> None:
    keep(tmp_path, "s1", run_with("r1", {"resize": 1, "n10": 2, "crop": 3, "n2": 4}))
    assert list(stages(tmp_path)) == ["resize", "n2", "n10", "crop"]


def test_the_table_fits_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"time_quantity_{what}_conversion" for what in ("array", "scalar", "ufunc")]
    keep(tmp_path, "s1", run_with("r1", dict.fromkeys(names, 1234.5), test_id="benchmarks/units.py::a_test_of_units"))
    monkeypatch.setenv("COLUMNS", "80")
    lines = vizart(stats, tmp_path).output.splitlines()[:-1]
    assert max(map(len, lines)) <= 80
    assert len({line.split()[0] for line in lines[-3:]}) == 3
