"""What a session does for the place where its runs are kept, when they are kept."""

from __future__ import annotations

import os
import time

import pyarrow as pa
import pytest

from pytest_vizart.history.reader import History
from pytest_vizart.history.writer import write_tables


@pytest.fixture
def kept(shades: pytest.Pytester) -> pytest.Pytester:
    """The project, with a run on each of the last forty days; the gate was off, so that none is a baseline."""
    shades.runpytest("--vizart-gate=off")
    history = History(shades.path / ".vizart")
    tables = {"runs": history.runs().slice(0, 1), "spans": history.spans().slice(0, 4)}
    for day in range(1, 41):
        old = {name: _dated(table, f"run-{day}", day) for name, table in tables.items()}
        write_tables(shades.path / ".vizart", old, session_id=f"session-{day}", started_us=_us(day))
    return shades


def _us(days_ago: int) -> int:
    return time.time_ns() // 1_000 - days_ago * 86_400_000_000


def _dated(table: pa.Table, run_id: str, day: int) -> pa.Table:
    changes = {"run_id": run_id, "session_id": f"session-{day}", "started_at": _us(day), "finished_at": _us(day) + 9}
    for name, value in changes.items():
        if name in table.column_names:
            field = table.schema.field(name)
            values = pa.array([value] * table.num_rows).cast(
                field.type.value_type if pa.types.is_dictionary(field.type) else field.type
            )
            column = values.dictionary_encode() if pa.types.is_dictionary(field.type) else values
            table = table.set_column(table.schema.get_field_index(name), field, column)
    return table


def days_kept(project: pytest.Pytester) -> set[str]:
    return set(History(project.path / ".vizart").runs()["run_id"].to_pylist())


def test_fr_027_a_session_deletes_what_is_beyond_the_retention_and_says_so(kept: pytest.Pytester) -> None:
    old_log = kept.path / ".vizart" / "logs" / "2020-01-01.jsonl"
    old_log.write_text('{"run_id": "run-40"}\n')
    os.utime(old_log, (time.time() - 90 * 86_400,) * 2)
    result = kept.runpytest("--vizart-gate=off", "--vizart-retention=history=30d,logs=60d")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["retention: 1* runs and 1 log deleted*"])
    left = days_kept(kept)
    assert "run-28" in left
    assert "run-33" not in left
    assert not old_log.exists()
    assert History(kept.path / ".vizart").spans(run_ids=["run-33"]).num_rows == 0


def test_without_a_retention_everything_stays(kept: pytest.Pytester) -> None:
    before = days_kept(kept)
    result = kept.runpytest()
    result.stdout.no_fnmatch_line("retention: *")
    assert before < days_kept(kept)


def test_fr_028_a_session_warns_when_little_is_free(shades: pytest.Pytester) -> None:
    result = shades.runpytest("--vizart-disk-warn=1000TB")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*GB free on this disk, less than 1,000,000 GB*"])
    shades.runpytest("--vizart-disk-warn=1B").stdout.no_fnmatch_line("*free on this disk*")


def test_loose_files_are_compacted_when_there_are_many(kept: pytest.Pytester) -> None:
    runs = History(kept.path / ".vizart").runs().slice(0, 1)
    for number in range(80):
        more = {"runs": _dated(runs, f"more-{number}", 50)}
        write_tables(kept.path / ".vizart", more, session_id=f"more-{number}", started_us=_us(50) + number)
    before = days_kept(kept)
    kept.runpytest()
    assert len([path for path in (kept.path / ".vizart" / "metrics" / "runs").iterdir() if path.name[0] != "."]) < 40
    assert before < days_kept(kept)
