"""`vizart compact`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pytest_vizart.cli import main
from pytest_vizart.history.reader import History
from pytest_vizart.storage.folder import FolderStore
from pytest_vizart.storage.lock import exclusive
from tests.history.sessions import expected, keep_session, shown


@pytest.fixture
def output(tmp_path: Path) -> Path:
    for number in range(3):
        keep_session(FolderStore(tmp_path), f"s{number}", [f"r{number}"], second=number)
    return tmp_path


def vizart(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["compact", *arguments])


def test_the_history_is_merged(output: Path) -> None:
    result = vizart("--output", str(output))
    assert result.exit_code == 0, result.output
    assert result.output.startswith("12 files of 0.0")
    assert "-> 4 files of 0.0" in result.output
    assert shown(History(output)) == expected({"r0", "r1", "r2"})


def test_as_json(output: Path) -> None:
    document = json.loads(vizart("--output", str(output), "--json").output)
    assert document["schema_version"] == 1
    told = document["compacted"]
    assert (told["files_before"], told["files_after"], told["finished"]) == (12, 4, True)
    assert told["bytes_before"] > told["bytes_after"] > 0


def test_while_somebody_else_is_at_it_nothing_is_done(output: Path) -> None:
    with exclusive(FolderStore(output)):
        result = vizart("--output", str(output))
    assert result.exit_code == 1
    assert "another program" in result.output
    assert len(list(output.rglob("*.parquet"))) == 12


def test_without_a_history_it_is_a_usage_error(tmp_path: Path) -> None:
    result = vizart("--output", str(tmp_path))
    assert result.exit_code == 2
    assert "there is no history here" in result.output


def test_where_nothing_can_be_written_the_reason_is_told(output: Path) -> None:
    (output / ".lock").mkdir()  # as good as a folder that is read-only, also for who may do anything
    result = vizart("--output", str(output))
    assert result.exit_code == 2
    assert "the history cannot be compacted (Is a directory)" in result.output
