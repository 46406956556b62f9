from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pytest_vizart.cli.merge import merge
from pytest_vizart.history.reader import History
from tests.workflow.outputs import keep, log, run_of, save


@pytest.fixture
def shards(tmp_path: Path) -> list[str]:
    for number in (1, 2):
        shard = tmp_path / f"shard-{number}"
        keep(shard, [run_of(f"r{number}")])
        save(shard, f"r{number}")
        log(shard, "2026-05-01.jsonl", "{}")
    return [str(tmp_path / "shard-1"), str(tmp_path / "shard-2")]


def vizart_merge(output: Path, *arguments: str) -> Result:
    return CliRunner().invoke(merge, [*arguments, "--output", str(output)])


def test_shards_are_merged_and_told(tmp_path: Path, shards: list[str]) -> None:
    result = vizart_merge(tmp_path / "all", *shards)
    assert result.exit_code == 0
    first, second = result.output.splitlines()
    assert first.startswith(f"{shards[0]}: 1 run, 1 log line, 1 artifact added, ")
    assert second.startswith(f"{shards[1]}: 1 run, 0 log lines, 1 artifact added, ")  # the same line
    assert History(tmp_path / "all").runs().num_rows == 2
    again = vizart_merge(tmp_path / "all", *shards)
    assert again.output.splitlines()[0] == f"{shards[0]}: 0 runs (1 known already), 0 log lines, 0 artifacts added, 0 B"


def test_json(tmp_path: Path, shards: list[str]) -> None:
    document = json.loads(vizart_merge(tmp_path / "all", *shards, "--json").output)
    assert document["schema_version"] == 1
    assert document["sources"][1] | {"written_bytes": 0} == {
        "source": shards[1], "runs": 1, "known_runs": 0, "decisions": 0, "log_lines": 0, "artifacts": 1,
        "written_bytes": 0, "problems": [], "notes": [],
    }  # fmt: skip


def test_damage_is_told_on_one_line_and_exits_with_1(tmp_path: Path, shards: list[str]) -> None:
    (tmp_path / "shard-1/metrics/runs" / "20250101T000000-\x1b[31m.parquet").write_bytes(b"PAR1")
    result = vizart_merge(tmp_path / "all", *shards)
    assert result.exit_code == 1
    (told,) = (line for line in result.output.splitlines() if line.startswith("  damaged: "))
    assert told.isprintable()
    assert History(tmp_path / "all").runs().num_rows == 2


@pytest.mark.parametrize("sources", [[], ["nowhere"], ["."]])
def test_what_cannot_be_meant_is_a_usage_error(
    tmp_path: Path, sources: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = vizart_merge(tmp_path / "all", *sources)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_what_cannot_be_written_to_is_one_line(
    tmp_path: Path, shards: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "all" / ".lock").mkdir(parents=True)
    result = vizart_merge(tmp_path / "all", *shards)
    assert result.exit_code == 2
    assert "cannot be written: Is a directory" in result.output
    assert "--output" in result.output
    assert len(result.output.splitlines()) == 1
    monkeypatch.setattr("pytest_vizart.history.writer.os.access", lambda path, mode: False)
    result = vizart_merge(tmp_path / "all", *shards)
    assert "cannot be written: no permission to write; hint: give another place with --output" in result.output
