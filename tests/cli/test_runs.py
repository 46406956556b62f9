from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from pytest_vizart.cli.runs import runs
from pytest_vizart.history.writer import write_decision
from pytest_vizart.records.run import Code
from tests.audit.logs import a_line, write_log
from tests.cli.histories import DAY_US, HOSTILE, keep, run_with, vizart
from tests.history.builders import START_US


@pytest.fixture
def output(tmp_path: Path) -> Path:
    keep(tmp_path, "s1", run_with("aaa1", {"detect": 2}), run_with("aab2", {"detect": 2}, status="failed"))
    keep(tmp_path, "s2", run_with("bbb3", {}, status="error", test_id="other"), code=Code("d0", "topic"), day=1)
    write_decision(tmp_path, "aab2", pinned=True, decided_us=START_US)
    return tmp_path


def ids(output: Path, *arguments: str) -> list[str]:
    return [run["run_id"] for run in json.loads(vizart(runs, output, "--json", *arguments).output)["runs"]]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), ["aaa1", "aab2", "bbb3"]),
        (("--status", "failed"), ["aab2"]),
        (("--failed",), ["aab2", "bbb3"]),
        (("--branch", "topic"), ["bbb3"]),
        (("--test", "other"), ["bbb3"]),
        (("--after", "2025-06-16"), ["bbb3"]),
        (("--before", "2025-06-16T00:00+00:00", "--limit", "1"), ["aab2"]),
        (("--after", "2025-06-16", "--before", "2025-06-16"), []),
        (("--branch", "\udcff"), []),
    ],
)
def test_filters(output: Path, arguments: tuple[str, ...], expected: list[str]) -> None:
    assert ids(output, *arguments) == expected


def test_times_are_given_as_to_the_log(output: Path) -> None:
    days_ago = (time.time_ns() // 1_000 - START_US) // DAY_US
    keep(output, "now", run_with("new", {"detect": 2}), day=days_ago)
    for moment in ("yesterday", "2d", "3 days ago", "36h"):
        assert ids(output, "--after", moment) == ["new"]
        assert ids(output, "--before", moment) == ["aaa1", "aab2", "bbb3"]


def test_pinned_runs_are_marked(output: Path) -> None:
    lines = vizart(runs, output).output.splitlines()
    assert [("* " in line) for line in lines] == [False, False, True, False]
    document = json.loads(vizart(runs, output, "--json").output)
    assert [run["pinned"] for run in document["runs"]] == [False, True, False]


def test_csv_has_every_column_of_the_table(output: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(vizart(runs, output, "--csv").output, newline="")))
    assert [row["run_id"] for row in rows] == ["aaa1", "aab2", "bbb3"]
    assert (rows[0]["accepted"], rows[0]["gpu"], rows[0]["pinned"]) == ("true", "", "false")


def test_a_table_of_hostile_names_fits_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(tmp_path, "s1", run_with("aaa1", {}, test_id=HOSTILE * 30), code=Code("c", HOSTILE * 20))
    monkeypatch.setenv("COLUMNS", "90")
    lines = vizart(runs, tmp_path).output.splitlines()
    assert len(lines) == 2
    assert max(map(len, lines)) == 90
    assert all(character.isprintable() for line in lines for character in line)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--after", "someday"), "--after: not a date or time; expected a date, a time (UTC), yesterday, or how"),
        (("--before", "\x1b2d"), "--before: not a date or time"),
        (("--json", "--csv"), "exclude each other"),
        (("--output", "s3://"), "this place to keep runs cannot be used"),
        (("--output", "nosuch://x"), "this place to keep runs cannot be used"),
    ],
)
def test_wrong_usage_is_told_in_words(arguments: tuple[str, ...], message: str) -> None:
    result = CliRunner().invoke(runs, arguments)
    assert (result.exit_code, message in result.output) == (2, True)


def test_a_place_that_cannot_be_listed_is_refused(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("pytest_vizart.storage.folder.FolderStore.files", fails)
    result = vizart(runs, output)
    assert (result.exit_code, "Input/output error" in result.output) == (2, True)


REASONS = {
    "imported from asv": "imported",
    "only a part of the golden data was used": "no: partial",
    "accuracy of detect failed": "no: accuracy",
    "map fell": "no: map fell",
}


@pytest.mark.parametrize("width", [80, 100])
def test_the_table_fits_and_tells_the_standing_in_a_word(
    tmp_path: Path, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_id = "tests/vision/test_detection_pipeline.py::TestEverything::test_a_long_name_of_a_test"
    for position, because in enumerate(REASONS):
        run = run_with(f"r{position}", {}, test_id=test_id, accepted=False, not_accepted_because=because)
        keep(tmp_path, f"s{position}", run, code=Code("c0ffee1234567", f"feature/{position}"), day=position)
    monkeypatch.setenv("COLUMNS", str(width))
    lines = vizart(runs, tmp_path).output.splitlines()
    assert max(map(len, lines)) <= width
    assert lines[:2] == ["commit: c0ffee1", f"test: {test_id}"[:width]] or len(lines[1]) == width
    for line, word in zip(lines[-4:], REASONS.values(), strict=True):
        assert line.endswith(f"  {word}")
    assert lines[-1].split()[1:3] == ["2025-06-18", "15:06"]


def test_a_place_with_a_log_and_no_runs_is_told_apart_from_one_where_nothing_ran(tmp_path: Path) -> None:
    result = vizart(runs, tmp_path)
    assert (result.exit_code, "hint: run pytest first" in result.stderr) == (2, True)
    write_log(tmp_path, [a_line()])
    result = vizart(runs, tmp_path)
    assert (result.exit_code, "run pytest first" in result.stderr) == (2, False)
    assert "hint: vizart logs shows what ran; runs are kept at the end of their session" in result.stderr


def test_no_match_is_said(output: Path) -> None:
    result = vizart(runs, output, "--branch", "nope")
    assert (result.exit_code, result.output) == (0, "no run matches\n")
