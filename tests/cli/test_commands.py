from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pytest_vizart.cli import main
from pytest_vizart.history.reader import History
from pytest_vizart.history.rows import session_tables
from pytest_vizart.history.writer import write_tables
from pytest_vizart.records.span import CRASHED
from tests.history.builders import START_US, a_profile, a_run, a_session


@pytest.fixture
def output(tmp_path: Path) -> Path:
    session = a_session()
    runs = [
        replace(a_run("aaa1"), profile=a_profile()),
        a_run(
            "aab2",
            accepted=False,
            accepted_latency=False,
            status="failed",
            not_accepted_because="map fell",
            started_us=START_US + 1,
        ),
        a_run("ccc3", test_id="other", status="error", accepted=False, error="ValueError: x", started_us=START_US + 2),
    ]
    write_tables(tmp_path, session_tables(session, runs), session_id="s1", started_us=session.started_us)
    return tmp_path


def vizart(output: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--output", str(output)])


def test_runs_lists_newest_last(output: Path) -> None:
    result = vizart(output, "runs")
    assert result.exit_code == 0
    assert [line[:4] for line in result.output.splitlines()] == ["run ", "aaa1", "aab2", "ccc3"]
    assert "map fell" in result.output
    document = json.loads(vizart(output, "runs", "--json", "--limit", "1").output)
    assert [run["run_id"] for run in document["runs"]] == ["ccc3"]


def test_show_tells_stages_accuracy_and_error(output: Path) -> None:
    text = vizart(output, "show", "aaa1").output
    assert "detect: median 2.000 ms" in text
    assert "detect: accuracy 1.0000" in text
    assert "ValueError: x" in vizart(output, "show", "ccc").output
    document = json.loads(vizart(output, "show", "aaa1", "--json").output)
    assert document["stages"][0]["name"] == "detect"


def test_show_tells_what_profiling_measured(output: Path) -> None:
    text = vizart(output, "show", "aaa1").output
    assert "memory grows by 101 kB a sample [95 .. 108] over 400 samples, most in detect" in text
    assert "queue in detect: 3 .. 3, mean 3" in text
    assert "ocr" not in text  # it was waited for in warm-up alone
    document = json.loads(vizart(output, "show", "aaa1", "--json").output)
    assert document["leaks"][0]["kb_per_sample"] == 101.2
    assert [(found["name"], found["count"]) for found in document["measures"]] == [("queue", 1)]


def test_show_reads_runs_that_older_versions_kept() -> None:
    old = Path(__file__).parents[1] / "history" / "fixtures" / "v1"
    lines = vizart(old, "show", "v1-run-1").output.splitlines()
    assert [line.split(":")[0] for line in lines[2:6]] == ["  decode", "  detect", "    resize", "    predict"]


@pytest.mark.parametrize(("run_id", "message"), [("zzz", "no run 'zzz'"), ("aa", "2 runs begin with 'aa'")])
def test_a_run_that_is_not_there_or_not_alone(output: Path, run_id: str, message: str) -> None:
    result = vizart(output, "show", run_id)
    assert result.exit_code == 2
    assert message in result.output


HOSTILE = "test\x1b[31m\nred"


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    session, run = a_session(), a_run("ddd4", test_id=HOSTILE, status="error", error=HOSTILE, accepted=False)
    run = replace(run, info=replace(run.info, not_accepted_because=HOSTILE))
    for column in (run.spans.stage, run.spans.parent):
        column[:] = [None if name is None else f"{name}\x1b[32m" for name in column]
    outcomes = tuple(replace(each, status="wrong", sample_id=HOSTILE, reason="\x07") for each in run.outcomes)
    run = replace(run, outcomes=outcomes)
    write_tables(tmp_path, session_tables(session, [run]), session_id="s1", started_us=session.started_us)
    return tmp_path


@pytest.mark.parametrize("arguments", [("runs",), ("show", "ddd"), ("show", "\x1b[33m"), ("show", "\r")])
def test_names_move_nothing_on_the_terminal(hostile: Path, arguments: tuple[str, ...]) -> None:
    text = vizart(hostile, *arguments).output
    assert "test?[31m red" in text
    assert [character for character in text if not character.isprintable() and character != "\n"] == []


def test_show_tells_how_spans_ended(tmp_path: Path) -> None:
    session, run = a_session(), a_run("eee5")
    counted = [row for row, warmup in enumerate(run.spans.warmup) if not warmup and run.spans.stage[row] == "detect"]
    run.spans.error[counted[0]] = CRASHED
    write_tables(tmp_path, session_tables(session, [run]), session_id="s1", started_us=session.started_us)
    assert f"1 of {len(counted)} span{'s' * (len(counted) > 1)} died" in vizart(tmp_path, "show", "eee").output


def test_accept_makes_a_run_the_baseline(output: Path) -> None:
    assert vizart(output, "baseline", "accept").output == "accepted: run aab2 of test_x.py::test_x\n"
    accepted = {row["run_id"]: row["accepted"] for row in History(output).runs().to_pylist()}
    assert accepted == {"aaa1": True, "aab2": True, "ccc3": False}
    assert vizart(output, "baseline", "accept").exit_code == 2  # nothing is left to accept


def test_a_run_that_raised_cannot_be_accepted(output: Path) -> None:
    result = vizart(output, "baseline", "accept", "ccc3")
    assert result.exit_code == 2
    assert "not whole" in result.output


def test_a_folder_without_a_history_is_a_usage_error(tmp_path: Path) -> None:
    result = vizart(tmp_path, "runs")
    assert result.exit_code == 2
    assert "run pytest first" in result.output
