from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_vizart.cli.trends import sparkline, trends
from pytest_vizart.records.profile import MeasureTable, Profile
from pytest_vizart.records.run import Code, RunResult
from tests.cli.histories import keep, run_with, vizart
from tests.history.builders import START_US, a_session


def with_gauge(run: RunResult, value: float) -> RunResult:
    gauge = MeasureTable(
        kind=["gauge", "gauge"], name=["queue", "queue"], value=[value, value + 2], stage=["detect"] * 2,
        span_id=[0, 0], sample_id=["a"] * 2, pass_index=[0, 0], warmup=[False] * 2, at_us=[START_US] * 2,
    )  # fmt: skip
    return replace(run, profile=Profile(measures=gauge))


TIMES = (10, 11, 11.9, 13, 14)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    for day in range(5):
        run = run_with(f"r{day}", {"detect": TIMES[day]}, metrics={"map": 0.9 - day / 10, "undefined": None})
        keep(tmp_path, f"s{day}", with_gauge(run, day), code=Code(f"{day}c0ffee", "main"), day=day)
    return tmp_path


def series(output: Path, *arguments: str) -> dict[str, list[float]]:
    document = json.loads(vizart(trends, output, "--json", *arguments).output)
    return {each["figure"]: [point["value"] for point in each["points"]] for each in document["series"]}


def test_figures_metrics_and_gauges_over_runs(output: Path) -> None:
    found = series(output)
    assert found["wall_ms"] == pytest.approx(TIMES, rel=1e-3)
    assert found["map"] == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5])
    assert found["queue"] == [1, 2, 3, 4, 5]
    assert "undefined" not in found
    assert series(output, "--last", "2", "--metric", "map") == {"map": pytest.approx([0.6, 0.5])}


def test_a_table_with_a_course_and_the_change(output: Path) -> None:
    lines = vizart(trends, output, "--stage", "detect").output.splitlines()
    (line,) = [line.split() for line in lines if line.split()[2:3] == ["map"]]
    course = sparkline([0.9 - day / 10 for day in range(5)])
    assert line == [
        "test_x.py::test_x", "detect", "map", course, "0.900", "0.500", "-44.4", "%", "2025-06-15", "0c0ffee",
        "2025-06-19", "4c0ffee",
    ]  # fmt: skip
    assert [line.split()[2] for line in lines[1:-1]] == ["wall_ms", "cpu_ms", "rss_mb", "map", "queue"]


def test_one_figure_is_listed_by_date_and_commit(output: Path) -> None:
    lines = vizart(trends, output, "--metric", "map").output.splitlines()
    assert [line.split()[1:] for line in lines[-2:]] == [
        ["3c0ffee", "main", "r3", "0.600"], ["4c0ffee", "main", "r4", "0.500"],
    ]  # fmt: skip


def test_csv_has_a_row_for_each_point(output: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(vizart(trends, output, "--csv").output, newline="")))
    assert [row["value"] for row in rows if row["figure"] == "queue"] == ["1.0", "2.0", "3.0", "4.0", "5.0"]
    assert rows[0]["machine"] == "f00d"


def test_times_of_another_machine_are_a_series_of_their_own(output: Path) -> None:
    other = replace(a_session().machine, fingerprint="beef0123456")
    keep(output, "there", run_with("t1", {"detect": 99}, metrics={"map": 0.4}), machine=other, day=7)
    document = json.loads(vizart(trends, output, "--json").output)
    lengths = {(each["figure"], each["machine"]): len(each["points"]) for each in document["series"]}
    assert lengths["wall_ms", "f00d"] == 5
    assert lengths["wall_ms", "beef0123456"] == 1
    assert lengths["map", None] == 6
    assert "beef0123" in vizart(trends, output).output


def test_a_figure_that_nothing_has_is_a_usage_error(output: Path) -> None:
    result = vizart(trends, output, "--metric", "nothing")
    assert (result.exit_code, "no run has a figure 'nothing'" in result.output) == (2, True)
    assert "there are wall_ms, p95_ms, cpu_ms" in " ".join(result.output.split())
    assert "there are map, wall_ms" in vizart(trends, output, "--metric", "mapp").output


@pytest.mark.parametrize("arguments", [(), ("--metric", "map"), ("--json",), ("--csv",)])
def test_a_stage_that_nothing_has_is_a_usage_error(output: Path, arguments: tuple[str, ...]) -> None:
    keep(output, "s9", run_with("r9", {"crop": 1, "resize": 1}), day=7)
    result = vizart(trends, output, "--stage", "rezise", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == "Error: no run has a stage 'rezise'; there are resize, detect, crop"


def test_lines_that_mix_branches_say_so_and_how_to_see_each_run(output: Path) -> None:
    hint = "each run with its commit: --csv, or one line alone"
    assert vizart(trends, output).output.splitlines()[-1] == f"{hint} (--metric)"
    keep(output, "topic", run_with("t1", {"detect": 9}, metrics={"map": 0.7}), code=Code("7007", "topic"), day=6)
    other = run_with("o1", {"crop": 1}, test_id="other")
    keep(output, "other", other, code=Code("7007", "topic"), day=6)
    mixed = "2 branches in one line, --branch chooses one"
    assert vizart(trends, output).output.splitlines()[-1] == f"{mixed}; {hint} (--test, --stage, --metric)"
    assert vizart(trends, output, "--metric", "map").output.splitlines()[-1] == mixed
    assert "branches" not in vizart(trends, output, "--branch", "main").output
    for arguments in (("--branch", "topic", "--test", "other"), ("--branch", "main", "--metric", "map")):
        assert "each run" not in vizart(trends, output, *arguments).output


@pytest.mark.parametrize("name", ["wall_median_ns", "wall_median_ms"])
def test_a_column_of_the_history_means_its_figure(output: Path, name: str) -> None:
    assert list(series(output, "--metric", name)) == ["wall_ms"]


def test_runs_that_did_not_run_to_their_end_are_left_out(output: Path) -> None:
    keep(output, "bad", run_with("e1", {"detect": 99}, status="error"), run_with("p1", {"detect": 99}, partial=True))
    assert len(series(output)["wall_ms"]) == 5
    assert len(series(output, "--all")["wall_ms"]) == 7
    assert "2 runs left out" in vizart(trends, output).output


def test_the_table_fits_the_terminal(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    keep(output, "s9", run_with("r9", {"detect" * 9: 1, "detect" * 8 + "_other": 2}, test_id="a" * 70), day=7)
    assert max(map(len, vizart(trends, output).output.splitlines())) <= 80


def test_a_sparkline_of_many_values_is_one_of_means() -> None:
    assert sparkline([1.0]) == sparkline([5.0]) == "▄"
    assert sparkline([0, 1]) == "▁█"
    long = sparkline([float(number) for number in range(1_000)])
    assert (len(long), long[0], long[-1]) == (24, "▁", "█")
    assert list(long) == sorted(long)
