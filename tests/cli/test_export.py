from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pytest_vizart.cli import main
from pytest_vizart.history.rows import session_tables
from pytest_vizart.history.writer import write_tables
from tests.history.builders import START_US, a_profile, a_run, a_session

V1 = Path(__file__).parents[1] / "history" / "fixtures" / "v1"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    session = a_session()
    runs = [
        replace(a_run("aaa1"), profile=a_profile()),
        a_run("aab2", started_us=START_US + 5_000_000, test_id="newest"),
    ]
    write_tables(tmp_path, session_tables(session, runs), session_id="s1", started_us=session.started_us)
    return tmp_path


def export(output: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["export", *arguments, "--output", str(output)])


def test_a_trace_of_a_kept_run(output: Path) -> None:
    result = export(output, "aaa", "--format", "chrome-trace")
    assert result.exit_code == 0
    document = json.loads(result.output)
    bars = [event for event in document["traceEvents"] if event["ph"] == "X"]
    assert [(bar["name"], bar["args"]["sample"], bar["ts"], bar["dur"]) for bar in bars] == [
        ("detect", "a", 0.0, 2000.0), ("detect", "b", 2001.0, 2000.0),
    ]  # fmt: skip
    assert {event["name"] for event in document["traceEvents"] if event["ph"] == "C"} == {
        "resident memory", "queue", "GPU utilisation", "GPU memory in use",
    }  # fmt: skip
    assert document["otherData"]["run_id"] == "aaa1"


def test_functions_join_the_stages_where_they_were_kept(output: Path) -> None:
    def profiles() -> list[str]:
        document = json.loads(export(output, "aaa1", "--format", "speedscope").output)
        return [profile["name"] for profile in document["profiles"]]

    assert profiles() == ["stages"]
    flame = output / "runs" / "aaa1" / "flame.json"
    flame.parent.mkdir(parents=True)
    call = {"name": "f", "place": "x.py:3", "total_ms": 2.0, "children": []}
    flame.write_text(json.dumps({"name": "run", "place": "", "total_ms": 2.5, "children": [call]}))
    assert profiles() == ["stages", "functions, sampled"]


@pytest.mark.parametrize("damage", ["", "[]", '{"name": 3}', "\udcff", "[" * 100_000])
def test_functions_that_cannot_be_read_are_told_and_left_out(output: Path, damage: str) -> None:
    flame = output / "runs" / "aaa1" / "flame.json"
    flame.parent.mkdir(parents=True)
    flame.write_bytes(damage.encode("utf-8", "surrogateescape"))
    result = export(output, "aaa1", "--format", "speedscope")
    assert result.exit_code == 0
    assert "flame.json: the function profile cannot be read and is left out" in result.stderr
    assert len(json.loads(result.stdout)["profiles"]) == 1


def test_csv_and_json_of_the_newest_run(output: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(export(output, "last", "--format", "csv").output)))
    assert [(row["run_id"], row["test_id"], row["wall_ns"]) for row in rows] == [("aab2", "newest", "2000000")] * 2
    document = json.loads(export(output, "last", "--json").output)
    assert document["run"]["run_id"] == "aab2"
    assert [(stage["name"], stage["spans"]) for stage in document["stages"]] == [("detect", 2)]
    assert document["measures"] == []


def test_a_file_is_written_where_it_was_asked_for(output: Path, tmp_path: Path) -> None:
    path = tmp_path / "run of a day.json"
    result = export(output, "aaa1", "--format", "json", "--output-file", str(path))
    assert result.exit_code == 0
    assert result.output == f"{path}: json of run aaa1, {path.stat().st_size:,} bytes\n"
    assert len(json.loads(path.read_text())["measures"]) == 2


@pytest.mark.parametrize("folder", ["absent", "a-file"])
def test_a_folder_that_is_not_there_is_a_usage_error(output: Path, tmp_path: Path, folder: str) -> None:
    (tmp_path / "a-file").write_text("x")
    place = tmp_path / folder / "run.csv"
    failed = export(output, "aaa1", "--format", "csv", "--output-file", str(place))
    assert (failed.exit_code, place.exists()) == (2, False)
    assert "folder does not exist" in " ".join(failed.output.replace("│", " ").split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("zzz", "--format", "csv"), "no run 'zzz'; hint: the last ones are aab2 (newest), aaa1 (test_x.py::test_x)"),
        (("aa", "--format", "csv"), "2 runs begin with 'aa'"),
        (("aaa1",), "Missing option '--format'. Choose from: chrome-trace, speedscope, json, csv"),
        (("aaa1", "--format", "pprof"), "'pprof' is not one of 'chrome-trace', 'speedscope', 'json', 'csv'"),
    ],
)
def test_mistakes_of_usage(output: Path, arguments: tuple[str, ...], message: str) -> None:
    result = export(output, *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.replace("│", " ").split())


def test_a_folder_without_a_history_is_a_usage_error(tmp_path: Path) -> None:
    result = export(tmp_path, "last", "--format", "csv")
    assert result.exit_code == 2
    assert "run pytest first" in result.output


def test_runs_of_schema_version_1_are_exported_with_their_nesting(tmp_path: Path) -> None:
    shutil.copytree(V1, tmp_path / "old")
    document = json.loads(export(tmp_path / "old", "v1-run-1", "--format", "chrome-trace").output)
    bars = {
        (bar["name"], bar["args"]["pass"], bar["args"]["sample"], bar["cat"]): bar
        for bar in document["traceEvents"]
        if bar["ph"] == "X"
    }
    assert len({(bar["pid"], bar["tid"]) for bar in bars.values()}) == 1
    outer, inner = (bars[name, 1, "a", "stage"] for name in ("detect", "predict"))
    assert outer["ts"] <= inner["ts"]
    assert inner["ts"] + inner["dur"] <= outer["ts"] + outer["dur"]
    for form in ("speedscope", "csv", "json"):
        assert export(tmp_path / "old", "v1-run-1", "--format", form).exit_code == 0
