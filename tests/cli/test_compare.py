from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_vizart.cli.compare import compare
from pytest_vizart.records.run import Code
from tests.cli.histories import HOSTILE, keep, run_with, vizart
from tests.history.builders import a_session

OLD, NEW = Code("aaaa1111", "main"), Code("abbb2222", "topic")
RIGHT = {"a": "correct", "b": "correct", "c": "wrong"}
WRONG = {"a": "wrong", "b": "correct", "c": "correct"}


@pytest.fixture
def output(tmp_path: Path) -> Path:
    first = run_with("run-a", {"decode": 1, "detect": 10}, metrics={"map": 0.9, "rmse": 2}, statuses=RIGHT)
    second = run_with("run-b", {"decode": 1, "detect": 12}, metrics={"map": 0.8, "rmse": 1}, statuses=WRONG)
    keep(tmp_path, "session-1", first, run_with("run-o", {"detect": 1}, test_id="gone"), code=OLD)
    keep(tmp_path, "session-2", second, run_with("run-n", {"detect": 1}, test_id="new"), code=NEW, day=1)
    return tmp_path


def compared(output: Path, *arguments: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(vizart(compare, output, *arguments, "--json").output)
    return document


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("run-a", "run-b"), ("session-1", "last"), ("aaaa", "abbb2222"), ("main", "topic"),
        ("2025-06-15", "2025-06-16"), ("branch:main", "commit:abbb"), ("run:run-a", "day:2025-06-16"),
    ],
)  # fmt: skip
def test_sides_by_run_session_commit_branch_day_and_last(output: Path, a: str, b: str) -> None:
    document = compared(output, a, b)
    (test,) = document["tests"]
    assert (test["run_a"]["run_id"], test["run_b"]["run_id"]) == ("run-a", "run-b")
    (wall,) = [each for each in test["figures"] if (each["stage"], each["figure"]) == ("detect", "wall_ms")]
    assert wall["change"] == pytest.approx(0.2, abs=2e-3)
    metrics = {each["figure"]: (each["a"], each["b"], each["worse"], each["headline"]) for each in test["metrics"]}
    assert metrics == {"map": (0.9, 0.8, True, True), "rmse": (2.0, 1.0, False, False)}
    assert test["samples"] == [{"stage": "detect", "newly_wrong": ["a"], "newly_fixed": ["c"]}]


def test_tests_of_one_side_only_are_said(output: Path) -> None:
    document = compared(output, "main", "topic")
    assert (document["only_a"], document["only_b"]) == (["gone"], ["new"])
    assert "only in A: gone" in vizart(compare, output, "main", "topic").output
    assert compared(output, "run-a", "topic")["only_b"] == []  # one run is compared with its own test alone


def test_two_runs_of_different_tests_are_compared_all_the_same(output: Path) -> None:
    assert "B is a run of another test: new" in vizart(compare, output, "run-a", "run-n").output


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("run-", "4 things are called so; expected one of run:run-a, run:run-o"),
        ("a", "commit:aaaa1111, commit:abbb2222"),
        ("nothing", "nothing in the history is called so"),
        ("", "nothing in the history is called so"),
        ("2031-01-01", "no run was made on that day"),
        ("branch:aaaa", "nothing in the history"),
        (
            "gone",
            "this is the name of a test, not of runs; expected the beginning of a run, session or commit, a branch",
        ),
        ("test_x.py", "its last runs: run:run-b, run:run-a"),
        ("\udcff\x1b[31m", "nothing in the history"),
    ],
)
def test_what_is_ambiguous_or_unknown_is_a_usage_error(output: Path, name: str, message: str) -> None:
    result = vizart(compare, output, name, "last")
    assert (result.exit_code, message in result.output) == (2, True)
    assert "\x1b" not in result.output


def test_a_branch_that_is_called_as_a_commit_begins_is_ambiguous_no_more_than_it_must_be(tmp_path: Path) -> None:
    keep(tmp_path, "s1", run_with("r1", {"detect": 1}), code=Code("c0ffee", "c0"))
    assert compared(tmp_path, "c0", "commit:c0")["a"] == {"kind": "branch", "name": "c0"}
    keep(tmp_path, "s2", run_with("r2", {"detect": 1}), code=Code("c0", "x"), day=1)
    assert vizart(compare, tmp_path, "c0", "last").exit_code == 2


@pytest.mark.parametrize(
    ("share", "told"),
    [("25%", ["map"]), ("5%", ["wall_ms", "map"]), ("5", ["wall_ms", "map"])],
)
def test_fail_over_ends_with_1_where_something_is_worse(output: Path, share: str, told: list[str]) -> None:
    result = vizart(compare, output, "main", "topic", "--fail-over", share)
    assert result.exit_code == 1
    worse = [line for line in result.output.splitlines() if line.startswith("worse: ")]
    assert [line.split(": ")[3].split()[0] for line in worse] == told
    document = json.loads(vizart(compare, output, "main", "topic", "--fail-over", share, "--json").output)
    assert [each["figure"] for each in document["regressions"]] == told


def test_without_fail_over_and_the_other_way_round_the_exit_status_is_0(output: Path) -> None:
    assert vizart(compare, output, "main", "topic").exit_code == 0
    assert vizart(compare, output, "topic", "main", "--fail-over", "0%").exit_code == 0


@pytest.mark.parametrize("share", ["much", "-1%", "nan", "inf"])
def test_what_is_no_share_is_a_usage_error(output: Path, share: str) -> None:
    assert vizart(compare, output, "main", "topic", f"--fail-over={share}").exit_code == 2


def test_times_of_different_machines_are_told_and_not_judged(output: Path) -> None:
    machine = replace(a_session().machine, fingerprint="beef")
    keep(output, "there", run_with("r9", {"detect": 99}, metrics={"map": 0.9}), machine=machine, day=2)
    result = vizart(compare, output, "run-a", "there", "--fail-over", "5%")
    assert "different machines: times and memory are not comparable" in result.output
    assert result.exit_code == 0


def test_changed_golden_data_is_said(output: Path) -> None:
    keep(output, "s3", run_with("r3", {"detect": 10}, dataset_digest="d2"), day=2)
    assert "the golden data changed in between" in vizart(compare, output, "run-a", "r3").output
    assert "the same run on both sides" in vizart(compare, output, "run-a", "run-a").output


def test_data_that_a_run_does_not_know_are_not_called_changed(output: Path) -> None:
    keep(output, "s3", run_with("crashed", {"detect": 10}, dataset_digest=None, status="error"), day=2)
    for sides in (("run-a", "crashed"), ("crashed", "run-a")):
        assert "golden data" not in vizart(compare, output, *sides).output
        assert compared(output, *sides)["tests"][0]["same_data"] is None
    assert compared(output, "run-a", "run-b")["tests"][0]["same_data"] is True


def test_csv_has_a_row_for_each_figure(output: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(vizart(compare, output, "main", "topic", "--csv").output, newline="")))
    found = {(row["stage"], row["figure"]): row for row in rows}
    assert (found["detect", "map"]["b"], found["detect", "map"]["worse"]) == ("0.8", "true")
    assert found["decode", "wall_ms"]["change"] == "0.0"


def test_hostile_names_move_nothing(tmp_path: Path) -> None:
    metrics = {"map": 0.9}
    for number in (1, 2):
        run = run_with(
            f"r{number}",
            {HOSTILE: number},
            metrics=metrics,
            statuses={HOSTILE: ("correct", "wrong")[number - 1]},
            test_id=HOSTILE,
        )
        keep(tmp_path, f"s{number}", run, code=Code(None, HOSTILE), day=number)
    text = vizart(compare, tmp_path, "r1", "r2", "--fail-over", "1").output
    assert all(character.isprintable() or character == "\n" for character in text)
    assert "newly wrong (1): a,b" in text


def table_of(text: str) -> dict[tuple[str, ...], str]:
    """Marks of the rows of a table, by stage and figure."""
    rows = [line.split() for line in text.splitlines()]
    return {(row[0], row[1]): row[-1] for row in rows if len(row) > 4 and row[0] in ("decode", "detect")}


def test_what_did_not_change_is_counted_and_what_fails_is_marked(output: Path) -> None:
    result = vizart(compare, output, "main", "topic", "--fail-over", "5%")
    marks = table_of(result.output)
    assert marks["detect", "wall_ms"] == marks["detect", "map"] == "worse"
    assert ("decode", "wall_ms") not in marks
    assert "figures unchanged" in result.output
    assert table_of(vizart(compare, output, "main", "topic").output)["detect", "wall_ms"] != "worse"
    assert "decode  wall_ms" in vizart(compare, output, "main", "topic", "--all").output
    assert "unchanged" not in vizart(compare, output, "main", "topic", "--all").output


def test_undefined_metrics_are_left_out(tmp_path: Path) -> None:
    for number in (1, 2):
        run = run_with(f"r{number}", {"detect": number}, metrics={"map": 0.5, "recall": None})
        keep(tmp_path, f"s{number}", run, day=number)
    text = vizart(compare, tmp_path, "r1", "r2").output
    assert "recall" not in text
    assert "and 1 metric unchanged" in text
    assert "recall" in vizart(compare, tmp_path, "r1", "r2", "--all").output


def test_a_run_compared_with_itself_has_no_table(output: Path) -> None:
    text = vizart(compare, output, "run-a", "run-a", "--all").output
    assert "the same run on both sides: nothing to compare" in text
    assert "wall_ms" not in text
