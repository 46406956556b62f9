"""Clocks that jump back, names of every character, and files of a version that is yet to come."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pytest_vizart import History
from pytest_vizart.history.journal import Journal
from pytest_vizart.records.outcome import Outcome
from pytest_vizart.records.text import escaped
from pytest_vizart.workflow.keeping import keep
from pytest_vizart.workflow.takeover import gathered
from tests.faults.checks import check_kept
from tests.faults.forking import Forking
from tests.faults.jobs import clean, compact_all
from tests.faults.test_killed_upkeep import kept, rows_of, whole_run  # noqa: F401 - a fixture
from tests.history.builders import START_US, a_session, spans_of


def test_a_clock_that_jumps_back_within_a_session(forking: Forking, blueprint: Path, tmp_path: Path) -> None:
    project = shutil.copytree(blueprint, tmp_path / "project")
    ended = forking.run("session", project, clock_s=[0, -3_600], args=["--vizart-json=result.json"])
    assert (ended.status, ended.answer) == (0, 0), ended.output
    check_kept(project, killed_in=None)
    runs = History(project / ".vizart").runs().to_pylist()
    assert [run["test_id"].partition("::")[2] for run in runs] == ["test_all", "test_one", "test_last"]
    assert all(run["finished_at"] >= run["started_at"] for run in runs)
    spans = History(project / ".vizart").spans().to_pylist()
    assert all(span["offset_ns"] >= 0 and span["wall_ns"] >= 0 for span in spans)
    shown = json.loads((project / "result.json").read_text())["runs"]
    assert [run["test_id"] for run in shown] == [run["test_id"] for run in runs]


def test_a_clock_that_jumps_back_between_sessions(forking: Forking, blueprint: Path, tmp_path: Path) -> None:
    project = shutil.copytree(blueprint, tmp_path / "project")
    for clock_s in (0, -86_400, -86_400, 40 * 86_400):
        ended = forking.run("session", project, clock_s=[clock_s])
        assert (ended.status, ended.answer) == (0, 0), ended.output
    check_kept(project, killed_in=None)
    before = rows_of(project / ".vizart")
    assert len(before["runs"]) == 12
    assert compact_all(project / ".vizart")
    assert rows_of(project / ".vizart") == before


def test_a_clock_that_was_set_after_a_kill(forking: Forking, blueprint: Path, tmp_path: Path) -> None:
    project = shutil.copytree(blueprint, tmp_path / "project")
    assert forking.run("session", project, die_at="begin classify c", after="test_one").killed
    ended = forking.run("session", project, clock_s=[-10 * 86_400])
    assert ended.answer == 0, ended.output
    check_kept(project, killed_in=("classify", "c"))


def texts(long_form: bool) -> list[str]:
    """Every character of the basic plane, halves of surrogate pairs among them, some in each text."""
    step = 1 if long_form else 61
    characters = [chr(code) for code in range(0, 0x10000, step)] + [
        "\0",
        "\n",
        "\r",
        "\x1b[31m",
        "../",
        "|",
        "\U0001f600",
    ]
    return ["".join(characters[first : first + 97]) for first in range(0, len(characters), 97)] + ["x" * 300]


def test_names_of_every_character(tmp_path: Path, long_form: bool) -> None:
    names = texts(long_form)
    journal = Journal(tmp_path, "s1")
    session = replace(a_session("s1"), command=names[0])
    journal.open(session)
    made = []
    for number, name in enumerate(names):
        run = whole_run(f"r{number}", "s1", START_US + number)
        made.append(
            replace(
                run,
                info=replace(run.info, test_id=name, dataset=name, error=name),
                spans=spans_of({name: 5}, (name,)),
                outcomes=(Outcome(name, name, "classes", "wrong", name, reason=name, input_path=name, tags=(name,)),),
            )
        )
        if number % 2:
            journal.add_run(made[-1])
    # One half from the journal, the other one as if the journal could not be written.
    runs, _ = gathered(journal, made[::2], why="")
    assert keep(journal, session, runs)
    history = History(tmp_path)
    expected = [escaped(name) for name in names]
    assert [run["test_id"] for run in history.runs().to_pylist()] == expected
    spans = {span["run_id"]: span for span in history.spans().to_pylist()}
    outcomes = {row["run_id"]: row for row in history.outcomes().to_pylist()}
    for number, name in enumerate(expected):
        assert (spans[f"r{number}"]["stage"], spans[f"r{number}"]["sample_id"]) == (name, name)
        assert (outcomes[f"r{number}"]["reason"], outcomes[f"r{number}"]["tags"]) == (name, [name])
    assert [run["run_id"] for run in history.runs(test_id=expected[3]).to_pylist()] == ["r3"]


def of_a_newer_version(path: Path, **changes: pa.Array) -> None:
    """Write a table as a version would that knows more columns."""
    table = pq.read_table(path).append_column("colour", pa.array(["blue"] * pq.read_metadata(path).num_rows))
    for name, values in changes.items():
        table = table.set_column(table.schema.get_field_index(name), name, values)
    metadata = {**(table.schema.metadata or {}), b"vizart_schema_version": b"99"}
    pq.write_table(table.replace_schema_metadata(metadata), path)


def test_files_of_a_newer_version_are_read_and_left_alone(kept: Path, tmp_path: Path) -> None:  # noqa: F811
    output = shutil.copytree(kept, tmp_path / ".vizart")
    before = rows_of(output)
    (stem,) = {path.name for path in (output / "metrics" / "runs").glob("*-s7.*.parquet")}
    newer = {output / "metrics" / name / stem for name in ("runs", "spans", "outcomes")}
    for path in newer:
        of_a_newer_version(path)
    newer.add(output / "metrics" / "colours" / stem)
    (output / "metrics" / "colours").mkdir()
    shutil.copy(output / "metrics" / "runs" / stem, output / "metrics" / "colours" / stem)
    payloads = {path: path.read_bytes() for path in newer}
    assert rows_of(output) == before
    compact_all(output)
    assert rows_of(output) == before
    assert clean(output, keep_runs=2) > 0
    assert {path: path.read_bytes() for path in newer} == payloads
    after = rows_of(output)
    assert {orjson.loads(row)["session_id"] for row in after["runs"]} >= {"s7"}
    for name in ("spans", "outcomes", "gpu", "accuracy", "measures"):
        assert {orjson.loads(row)["run_id"] for row in after[name]} >= {"7-0", "7-1"}, name


def test_a_journal_of_a_newer_version_is_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "s1")
    journal.open(a_session())
    journal.add_run(whole_run("r1", "s1", START_US))
    for name in ("run-r1.json", "session.json", "owner.json"):
        path = journal.folder / name
        known = orjson.loads(path.read_bytes())
        known.pop("digest", None)
        path.write_bytes(orjson.dumps({**known, "colour": {"blue": 1}}))
    assert [run.info.run_id for run in journal.runs(pytest.fail)] == ["r1"]
    assert journal.session(pytest.fail) == a_session()
