"""What a session wrote in its outbox reaches the place where its runs are kept, once."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from pytest_vizart.errors import VizartWarning
from pytest_vizart.storage.folder import FolderStore
from pytest_vizart.workflow.publishing import publish


class Unreachable(FolderStore):
    def write(self, name: str, payload: object) -> None:
        raise OSError("connection refused")


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    box = FolderStore(tmp_path / "outbox")
    box.write("runs/r1/run.json", b"{}")
    box.write("runs/r1/stages/detect/one.png", b"png")
    box.write("runs/r2/run.json", b"{2}")
    box.write("logs/2026-01-01.aaaaaaaa.jsonl", b'{"run_id":"r1"}\n')
    box.write("logs/2026-01-01.bbbbbbbb.jsonl", b'{"run_id":"r2"}\n')
    return box.root


def lines(store: FolderStore) -> list[bytes]:
    return sorted(gzip.decompress(store.read(entry.name)) for entry in store.files("logs"))


def test_everything_is_sent_and_forgotten(outbox: Path, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "kept")
    assert publish(outbox, store, others_at_work=False, run_ids={"r1"}, log_part="aaaaaaaa")
    names = [entry.name for entry in store.files("runs", recursive=True)]
    assert names == ["runs/r1/run.json", "runs/r1/stages/detect/one.png", "runs/r2/run.json"]
    assert lines(store) == [b'{"run_id":"r1"}\n', b'{"run_id":"r2"}\n']
    assert FolderStore(outbox).files("", recursive=True) == []


def test_what_others_are_at_is_left_to_them(outbox: Path, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "kept")
    assert publish(outbox, store, others_at_work=True, run_ids={"r1"}, log_part="aaaaaaaa")
    assert lines(store) == [b'{"run_id":"r1"}\n']
    left = [entry.name for entry in FolderStore(outbox).files("", recursive=True)]
    assert left == ["logs/2026-01-01.bbbbbbbb.jsonl", "runs/r2/run.json"]


def test_lines_that_come_later_replace_none(outbox: Path, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "kept")
    publish(outbox, store, others_at_work=False, run_ids=set(), log_part="")
    before = lines(store)
    FolderStore(outbox).write("logs/2026-01-01.aaaaaaaa.jsonl", b"later\n")
    publish(outbox, store, others_at_work=False, run_ids=set(), log_part="")
    assert lines(store) == sorted([*before, b"later\n"])
    FolderStore(outbox).write("logs/2026-01-01.aaaaaaaa.jsonl", b"later\n")  # sent, and killed before it was forgotten
    publish(outbox, store, others_at_work=False, run_ids=set(), log_part="")
    assert lines(store) == sorted([*before, b"later\n"])


def test_what_cannot_be_sent_waits(outbox: Path, tmp_path: Path) -> None:
    before = FolderStore(outbox).files("", recursive=True)
    with pytest.warns(VizartWarning, match="connection refused.*wait in"):
        assert not publish(outbox, Unreachable(tmp_path), others_at_work=False, run_ids=set(), log_part="")
    assert FolderStore(outbox).files("", recursive=True) == before
