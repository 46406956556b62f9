"""Damaged logs: what is whole is read, and what is not is told of once a file."""

from __future__ import annotations

import gzip
import random
import warnings
from pathlib import Path

import pytest

from pytest_vizart.audit import blocks
from pytest_vizart.audit.query import AuditQuery
from pytest_vizart.errors import VizartWarning
from tests.audit.logs import a_line, write_log


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_GRACE_S", 0)


def a_log(output: Path, *between: bytes, name: str = "2026-11-20.jsonl", end: bytes = b"") -> Path:
    """Three good lines, with other bytes between the second and the third."""
    write_log(output, [a_line(1, event="one"), a_line(2, event="two")], name)
    path = output / "logs" / name
    with path.open("ab") as file:
        file.writelines(between)
    write_log(output, [a_line(3, event="three")], name)
    with path.open("ab") as file:
        file.write(end)
    return path


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize(
    ("damage", "count"),
    [
        (b"not json\n", 1),
        (b"\x00" * 5_000 + b"\n", 1),
        (b"[1, 2]\n3\nnull\n", 3),
        (b'{"time":"2026", "event": \n', 1),
        (b"\xff\xfe\n", 1),
        (b"x" * 10_000_000 + b"\n", 1),
        (b"\n \n\n", 0),
    ],
    ids=["text", "NUL bytes", "no objects", "half", "no UTF-8", "10 MB", "empty"],
)
def test_lines_that_are_none_are_skipped_and_told_of_once(
    tmp_path: Path, damage: bytes, count: int, newest_first: bool
) -> None:
    path = a_log(tmp_path, damage)
    query = AuditQuery(tmp_path)
    query = query.newest_first() if newest_first else query
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert sorted(line["event"] for line in query.fetch()) == ["one", "three", "two"]
    assert query.skipped == count
    assert len(caught) == (count > 0)
    if count:
        assert f"{path}, line 3: " in str(caught[0].message)
        assert ("and 2 more" in str(caught[0].message)) == (count == 3)


def test_a_last_line_that_is_half_written(tmp_path: Path) -> None:
    a_log(tmp_path, end=b'{"time":"2026-11-20T12:00:09+00:00","event":"fo')
    with pytest.warns(VizartWarning, match="line 4: "):
        assert len(AuditQuery(tmp_path).fetch()) == 3
    with pytest.warns(VizartWarning, match="line 4: "):
        assert len(AuditQuery(tmp_path).newest_first().fetch()) == 3


def test_a_last_line_without_its_end_counts(tmp_path: Path) -> None:
    a_log(tmp_path, end=b'{"time":"2026-11-20T12:00:09+00:00","event":"four"}')
    assert len(AuditQuery(tmp_path).fetch()) == 4


def test_a_whole_line_behind_a_torn_one_is_read(tmp_path: Path) -> None:
    """Two processes, one of which was killed in the middle of its line."""
    a_log(tmp_path, b'{"time":"2026-11-20T12:00:02+00:00","event":"to')
    with pytest.warns(VizartWarning, match="it is torn"):
        assert [line["event"] for line in AuditQuery(tmp_path).fetch()] == ["one", "two", "three"]
    with pytest.warns(VizartWarning):
        assert len(AuditQuery(tmp_path).search("three").fetch()) == 1


def test_a_compressed_file_that_is_cut_off(tmp_path: Path) -> None:
    lines = [a_line(number, run_id=str(random.Random(number).random())) for number in range(5_000)]
    path = write_log(tmp_path, lines)
    squeezed = path.with_name(f"{path.name}.gz")
    squeezed.write_bytes(gzip.compress(path.read_bytes())[:-20_000])
    path.unlink()
    query = AuditQuery(tmp_path)
    with pytest.warns(VizartWarning, match=r"2026-11-20.jsonl.gz, line \d.*its end is missing"):
        found = query.fetch()
    assert 2_000 < len(found) < 5_000
    assert query.skipped == 1
    assert found == sorted(found, key=lambda line: line["time"])
    with pytest.warns(VizartWarning):
        assert query.newest_first().fetch() == found[::-1]


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b", b"no gzip at all\n", b"\x00" * 100])
def test_a_compressed_file_that_is_none(tmp_path: Path, content: bytes) -> None:
    write_log(tmp_path, [a_line()], "2026-11-21.jsonl")
    (tmp_path / "logs" / "2026-11-20.jsonl.gz").write_bytes(content)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert len(AuditQuery(tmp_path).fetch()) == 1
    assert len(caught) == bool(content)


def test_compressed_files_joined_end_to_end_are_read_to_the_last(tmp_path: Path) -> None:
    path = a_log(tmp_path)
    squeezed = gzip.compress(path.read_bytes())
    path.with_name("2026-11-20.x.jsonl.gz").write_bytes(squeezed * 3)
    assert len(AuditQuery(tmp_path).fetch()) == 12


def test_a_folder_named_like_a_log(tmp_path: Path) -> None:
    a_log(tmp_path)
    (tmp_path / "logs" / "2026-11-21.jsonl").mkdir()
    (tmp_path / "logs" / "notes.txt").write_text("theirs")
    (tmp_path / "logs" / "2026-02-31.jsonl").write_text("no such day")
    query = AuditQuery(tmp_path)
    with pytest.warns(VizartWarning, match=r"2026-11-21.jsonl: not a file") as caught:
        assert len(query.fetch()) == 3
    assert len(caught) == query.skipped == 1


def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_log(tmp_path)
    broken = a_log(tmp_path, name="2026-11-21.jsonl")
    opened = Path.open

    def refuse(self: Path, *arguments: object, **options: object) -> object:
        if self == broken:
            raise PermissionError(13, "Permission denied")
        return opened(self, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.warns(VizartWarning, match="cannot be read"):
        assert len(AuditQuery(tmp_path).fetch()) == 3


def test_lines_without_a_time_match_no_time(tmp_path: Path) -> None:
    for time in (None, 3, "soon", "2026-11-20T12:00:00"):
        write_log(tmp_path, [a_line(time=time)])
    assert len(AuditQuery(tmp_path).fetch()) == 4
    assert len(AuditQuery(tmp_path).after("2026-11-20").fetch()) == 1
