from __future__ import annotations

import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from pytest_vizart.workflow import disk
from pytest_vizart.workflow.disk import disk_warning, size_text, used_bytes
from tests.workflow.outputs import log, save

GB = 10**9
_Usage = namedtuple("_Usage", "total used free")


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One number: the bytes that the disk has free."""
    told = [2 * GB]
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: _Usage(100 * GB, 100 * GB - told[0], told[0]))
    return told


def test_fr_028_little_free_space_is_told_with_folder_free_limit_and_our_share(tmp_path: Path, free: list[int]) -> None:
    save(tmp_path, "r1", payload=b"x" * 3_000)
    log(tmp_path, "2026-05-01.jsonl", "y" * 1_499)
    free[0] = 812_000_000
    assert disk_warning(tmp_path, GB) == (
        f"{tmp_path}: 812 MB free on this disk, less than 1.0 GB; vizart itself takes 4.5 kB "
        "(logs 1.5 kB, artifacts 3.0 kB); hint: vizart clean --retention 30d makes room; "
        "--vizart-disk-warn=SIZE sets the limit"
    )


def test_fr_028_enough_free_space_says_nothing(tmp_path: Path, free: list[int]) -> None:
    assert disk_warning(tmp_path, 2 * GB) is None
    assert disk_warning(tmp_path, 2 * GB + 1) is not None
    assert disk_warning(tmp_path, None) is None
    assert disk_warning(tmp_path, 0) is None


def test_fr_028_a_folder_that_is_not_there_yet_lies_on_a_disk_too(tmp_path: Path, free: list[int]) -> None:
    free[0] = 5
    line = disk_warning(tmp_path / "a" / "b", GB)
    assert line is not None
    assert "5 B free" in line
    assert "takes none of it; hint: free space, or move the output" in line


def test_fr_028_what_has_no_size_is_not_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: _Usage(0, 0, 0))
    assert disk_warning(tmp_path, GB) is None

    def failing(path: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(disk.shutil, "disk_usage", failing)
    assert disk_warning(tmp_path, GB) is None


def test_fr_028_on_a_real_disk(tmp_path: Path) -> None:
    line = disk_warning(tmp_path, shutil.disk_usage(tmp_path).total + 1)
    assert line is not None
    assert line.startswith(f"{tmp_path}: ")


def test_a_hostile_folder_moves_nothing_on_the_terminal(tmp_path: Path, free: list[int]) -> None:
    line = disk_warning(tmp_path / "a\x1b[31m\nb", 3 * GB)
    assert line is not None
    assert line.isprintable()


def test_contents_with_several_links_count_once(tmp_path: Path) -> None:
    path = save(tmp_path, "r1", payload=b"x" * 100)
    (tmp_path / "artifacts").mkdir()
    os.link(path, tmp_path / "artifacts" / "ab")
    assert used_bytes(tmp_path).by_kind == {"history": 0, "logs": 0, "artifacts": 100}


def test_very_many_files_are_not_all_counted(tmp_path: Path, free: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        save(tmp_path, "r1", f"{number}.png", payload=b"x" * 10)
    monkeypatch.setattr(disk, "_MOST_FILES", 3)
    line = disk_warning(tmp_path, 3 * GB)
    assert line is not None
    assert "takes more than 30 B" in line


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (9_949, "9.9 kB"), (9_950, "10 kB"), (999_499, "999 kB"),
     (999_500, "1.0 MB"), (34_000_000, "34 MB"), (5 * GB, "5.0 GB"), (12_345 * GB, "12,345 GB")],
)  # fmt: skip
def test_sizes_read_well(size: int, text: str) -> None:
    assert size_text(size) == text
