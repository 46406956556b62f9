"""A large log that two threads search: the same lines in the same order as one thread finds."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_vizart.audit import blocks, halves
from pytest_vizart.audit.query import AuditQuery
from pytest_vizart.errors import VizartWarning
from tests.audit.logs import a_line, write_log


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Halves, blocks and what is kept of the later half are as small as they can be."""
    monkeypatch.setattr(halves, "_LARGE_BYTES", 1_000)
    monkeypatch.setattr(halves, "_MOST_LINES", 5)
    monkeypatch.setattr(blocks, "_BLOCK_BYTES", 1_024)
    monkeypatch.setattr(blocks, "_GRACE_S", 0)


def numbers(query: AuditQuery) -> list[Any]:
    return [line["number"] for line in query.fetch()]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.tuples(st.sampled_from(["r1", "r2", "r3"]), st.integers(0, 400)), min_size=1, max_size=80),
    torn=st.booleans(),
)
def test_the_lines_of_a_run_in_their_order(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, int]], torn: bool
) -> None:
    output = tmp_path_factory.mktemp("out")
    path = write_log(
        output,
        [a_line(at, run_id=run, number=at, text="x" * size) for at, (run, size) in enumerate(lines)],
    )
    if torn:
        path.write_bytes(path.read_bytes().removesuffix(b"\n"))
    for run in ("r1", "r2", "r3", "r4"):
        expected = [at for at, (each, _) in enumerate(lines) if each == run]
        assert numbers(AuditQuery(output).run_id(run)) == expected
        assert numbers(AuditQuery(output).run_id(run).newest_first()) == expected[::-1]


def test_damage_in_both_halves_is_told_of_once(tmp_path: Path) -> None:
    write_log(tmp_path, [a_line(at, number=at) for at in range(20)])
    path = tmp_path / "logs" / "2026-11-20.jsonl"
    whole = path.read_bytes().splitlines(keepends=True)
    whole[3] = b'{"run_id":"r1" early\n'
    whole[17] = b'{"run_id":"r1" late\n'
    path.write_bytes(b"".join(whole))
    query = AuditQuery(tmp_path).run_id("r1")
    with pytest.warns(VizartWarning) as told:
        assert numbers(query) == [at for at in range(20) if at not in (3, 17)]
    assert query.skipped == 2
    assert len(told) == 1
    assert "line 4: not a line of the audit log, it is no JSON object: skipped, and 1 more" in str(told[0].message)


def test_who_stops_early_leaves_no_thread_behind(tmp_path: Path) -> None:
    write_log(tmp_path, [a_line(at, number=at) for at in range(2_000)])
    before = threading.active_count()
    assert numbers(AuditQuery(tmp_path).run_id("r1").limit(2)) == [0, 1]
    assert threading.active_count() == before


def test_lines_that_are_written_meanwhile_are_found(tmp_path: Path) -> None:
    write_log(tmp_path, [a_line(at, number=at) for at in range(200)])
    found = AuditQuery(tmp_path).run_id("r1").iter()
    assert next(found)["number"] == 0
    write_log(tmp_path, [a_line(200, number=200)])
    assert [line["number"] for line in found] == list(range(1, 201))


def test_a_file_that_is_put_in_its_place_between_two_openings_is_not_mixed_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_log(tmp_path, [a_line(at, number=at) for at in range(100)])
    new = tmp_path / "new"
    new.write_bytes(path.read_bytes().replace(b'"number":', b'"number":1'))
    plain, replaced = Path.open, []

    def open_and_replace(self: Path, *arguments: Any, **options: Any) -> Any:
        file = plain(self, *arguments, **options)
        if self == path and not replaced:
            replaced.append(new.replace(path))
        return file

    monkeypatch.setattr(Path, "open", open_and_replace)
    found = numbers(AuditQuery(tmp_path).run_id("r1"))
    assert found == [int(f"1{at}") for at in range(100)]


def test_what_cannot_be_read_any_more_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_log(tmp_path, [a_line(at, number=at) for at in range(100)])
    plain = halves.forward

    def failing(file: Any, start: int = 0, stop: int | None = None) -> Any:
        if stop is None:
            raise OSError(5, "Input/output error")
        yield from plain(file, start, stop)

    monkeypatch.setattr(halves, "forward", failing)
    query = AuditQuery(tmp_path).run_id("r1")
    with pytest.warns(VizartWarning, match="this log cannot be read .Input/output error.: skipped"):
        assert 40 < len(numbers(query)) < 60
    assert query.skipped == 1
