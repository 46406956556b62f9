from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pytest_vizart.cli.clean import clean
from pytest_vizart.history.reader import History
from pytest_vizart.history.writer import write_decision
from pytest_vizart.storage.folder import FolderStore
from pytest_vizart.storage.lock import exclusive
from tests.workflow.outputs import NOW_US, keep, log, run_of, save


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_vizart.cli.clean.time.time_ns", lambda: NOW_US * 1_000)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    for days in (2, 10, 35, 40, 50):
        keep(folder, [run_of(f"r{days}-and-more", days, test_id="test_a" if days < 40 else "test_b\x1b[31m")])
        save(folder, f"r{days}-and-more", days_ago=days)
    log(folder, "2026-05-01.jsonl", "{}")
    write_decision(folder, "r40-and-more", pinned=True, decided_us=NOW_US)
    return folder


@pytest.fixture
def output(template: Path, tmp_path: Path) -> Path:
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return tmp_path


def vizart_clean(output: Path, *arguments: str) -> Result:
    return CliRunner().invoke(clean, [*arguments, "--output", str(output)])


def kept(output: Path) -> list[str]:
    return [run_id.partition("-")[0] for run_id in History(output).runs()["run_id"].to_pylist()]


def test_fr_026_without_a_retention_it_explains(output: Path) -> None:
    result = vizart_clean(output)
    assert result.exit_code == 2
    assert "history=365d,logs=30d+100MB,artifacts=5GB" in " ".join(result.output.split())
    assert len(kept(output)) == 5


def test_fr_026_a_retention_that_is_none_is_a_usage_error(output: Path) -> None:
    result = vizart_clean(output, "--retention", "soon")
    assert result.exit_code == 2
    assert "not a retention" in result.output


def test_fr_026_a_dry_run_tells_and_deletes_nothing(output: Path) -> None:
    result = vizart_clean(output, "--retention", "30d", "--dry-run")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].startswith("history: 2 of 5 runs to go, 2026-05-31 .. 2026-06-15, ")
    assert lines[1:4] == [
        "  test_b?[31m: 1 run, 2026-05-31, beyond age",
        "  test_a: 1 run, 2026-06-15, beyond age",
        "  stays: 1 run, pinned (r40-and-)",
    ]
    assert "logs: 1 of 1 log to go, 2026-05-01, 3 B of 3 B" in lines
    assert lines[-1].startswith("dry run: nothing was deleted; about ")
    assert len(kept(output)) == 5
    assert len(list((output / "runs").iterdir())) == 5


def test_fr_027_it_deletes_what_it_said(output: Path) -> None:
    result = vizart_clean(output, "--retention", "30d")
    assert result.exit_code == 0
    assert result.output.splitlines()[-1].startswith("2 runs, 1 log and 2 folders of artifacts deleted, ")
    assert kept(output) == ["r40", "r10", "r2"]
    assert "nothing was deleted" in vizart_clean(output, "--retention", "30d").output


def test_fr_027_each_kind_has_limits_of_its_own(output: Path) -> None:
    vizart_clean(output, "--retention", "artifacts=2runs")
    assert sorted(path.name[:3] for path in (output / "runs").iterdir()) == ["r10", "r2-", "r40"]
    assert len(kept(output)) == 5


def test_the_files_of_runs_that_go_are_told_with_their_bytes(output: Path) -> None:
    (output / "runs/r35-and-more/run.json").write_bytes(b"{}")
    lines = vizart_clean(output, "--retention", "30d", "--dry-run").output.splitlines()
    assert "run.json and its like: 2 runs out of the history, 2 B" in lines


def test_json_is_complete(output: Path) -> None:
    document = json.loads(vizart_clean(output, "--retention", "30d", "--dry-run", "--json").output)
    assert document["schema_version"] == 1
    assert document["dry_run"] is True
    assert [each["name"] for each in document["history"]["going"]] == ["r50-and-more", "r35-and-more"]
    assert document["history"]["stays"] == [{"name": "r40-and-more", "because": "pinned"}]
    assert document["history"]["going"][0].keys() == {"name", "because", "bytes", "at", "test_id"}
    assert document["deleted"]["runs"] == 0
    document = json.loads(vizart_clean(output, "--retention", "30d", "--json").output)
    assert document["deleted"]["runs"] == 2
    assert document["deleted"]["finished"] is True


def test_fr_027_after_a_long_break_the_clock_must_be_trusted(tmp_path: Path) -> None:
    keep(tmp_path, [run_of("r90", 90)])
    keep(tmp_path, [run_of("r80", 80, test_id="test_b")])
    result = vizart_clean(tmp_path, "--retention", "30d")
    assert "note: nothing was kept in the 80 days before today" in result.output
    assert kept(tmp_path) == ["r90", "r80"]
    vizart_clean(tmp_path, "--retention", "30d", "--trust-clock")
    assert kept(tmp_path) == []


def test_the_base_branch_can_be_named(tmp_path: Path) -> None:
    for days in (100, 2):
        branch = "trunk" if days == 100 else "pr-1"
        run = run_of(f"r{days}", days, accepted=True)
        keep_on(tmp_path, run, branch)
    assert json.loads(vizart_clean(tmp_path, "--retention", "30d", "--dry-run", "--json").output)["history"]["going"]
    document = json.loads(vizart_clean(tmp_path, "--retention", "30d", "--dry-run", "--json", "--base", "trunk").output)
    assert document["history"]["stays"] == [{"name": "r100", "because": "baseline"}]


def keep_on(output: Path, run: object, branch: str) -> None:
    from pytest_vizart.history.rows import session_tables
    from pytest_vizart.history.writer import write_tables
    from pytest_vizart.records.run import Code
    from tests.history.builders import a_session

    session = a_session(branch, code=Code("abc", branch, False))
    write_tables(output, session_tables(session, [run]), session_id=branch, started_us=1)  # type: ignore[list-item]


def test_somebody_else_at_work_is_told(output: Path) -> None:
    with exclusive(FolderStore(output)):
        result = vizart_clean(output, "--retention", "30d")
    assert result.exit_code == 1
    assert "another process" in result.output


def test_a_folder_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    result = vizart_clean(tmp_path / "nothing", "--retention", "30d")
    assert result.exit_code == 2
    assert "no output" in result.output


def test_a_place_that_is_no_output_is_a_usage_error(tmp_path: Path) -> None:
    weights = tmp_path / "runs/train/exp1/weights/best.pt"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"precious")
    result = vizart_clean(tmp_path, "--retention", "1runs")
    assert result.exit_code == 2
    assert "no runs were ever kept here, so nothing is deleted" in result.output
    assert weights.exists()


def test_what_cannot_be_written_to_is_one_line(output: Path) -> None:
    (output / ".lock").unlink(missing_ok=True)
    (output / ".lock").mkdir()
    result = vizart_clean(output, "--retention", "30d")
    assert result.exit_code == 2
    assert "cannot be written: Is a directory" in result.output
    assert "--output" in result.output
    assert len(result.output.splitlines()) == 1
