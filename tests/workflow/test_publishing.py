"""What a session wrote in its outbox reaches the place where its runs are kept, once."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from pytest_vizart.errors import VizartWarning
from pytest_vizart.storage.folder import FolderStore
from pytest_vizart.workflow.publishing import publish

OTHER = "00000000-0000-4000-8000-000000000002"


class Unreachable(FolderStore):
    def write(self, name: str, payload: object) -> None:
        raise OSError("connection refused")


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    box = FolderStore(tmp_path / "outbox")
    box.write("runs/r1/run.json", b"{}")
    box.write("runs/r1/stages/detect/one.png", b"png")
    box.write(f"runs/{OTHER}/run.json", b"{2}")
    box.write("logs/2026-01-01.aaaaaaaa.jsonl", b'{"run_id":"r1"}\n')
    box.write("logs/2026-01-01.bbbbbbbb.jsonl", b'{"run_id":"r2"}\n')
    return box.root


def lines(store: FolderStore) -> list[bytes]:
    return sorted(gzip.decompress(store.read(entry.name)) for entry in store.files("logs"))


def test_everything_is_sent_and_forgotten(outbox: Path, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "kept")
    assert publish(outbox, store, others_at_work=False, run_ids={"r1"}, log_part="aaaaaaaa")
    names = [entry.name for entry in store.files("runs", recursive=True)]
    assert names == [f"runs/{OTHER}/run.json", "runs/r1/run.json", "runs/r1/stages/detect/one.png"]
    assert lines(store) == [b'{"run_id":"r1"}\n', b'{"run_id":"r2"}\n']
    assert list(outbox.iterdir()) == []


def test_what_others_are_at_is_left_to_them(outbox: Path, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "kept")
    assert publish(outbox, store, others_at_work=True, run_ids={"r1"}, log_part="aaaaaaaa")
    assert lines(store) == [b'{"run_id":"r1"}\n']
    left = [entry.name for entry in FolderStore(outbox).files("", recursive=True)]
    assert left == ["logs/2026-01-01.bbbbbbbb.jsonl", f"runs/{OTHER}/run.json"]


def test_lines_that_come_later_replace_none(outbox: Path, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "kept")
    publish(outbox, store, others_at_work=False, run_ids={"r1"}, log_part="")
    before = lines(store)
    FolderStore(outbox).write("logs/2026-01-01.aaaaaaaa.jsonl", b"later\n")
    publish(outbox, store, others_at_work=False, run_ids={"r1"}, log_part="")
    assert lines(store) == sorted([*before, b"later\n"])
    FolderStore(outbox).write("logs/2026-01-01.aaaaaaaa.jsonl", b"later\n")  # sent, and killed before it was forgotten
    publish(outbox, store, others_at_work=False, run_ids={"r1"}, log_part="")
    assert lines(store) == sorted([*before, b"later\n"])


def test_what_cannot_be_sent_waits(outbox: Path, tmp_path: Path) -> None:
    before = FolderStore(outbox).files("", recursive=True)
    with pytest.warns(VizartWarning, match="connection refused.*wait in"):
        assert not publish(outbox, Unreachable(tmp_path), others_at_work=False, run_ids={"r1"}, log_part="")
    assert FolderStore(outbox).files("", recursive=True) == before


def test_what_is_not_ours_is_neither_sent_nor_deleted(outbox: Path, tmp_path: Path) -> None:
    mine = ["artifacts/models/m.onnx", "logs/notes.txt", "runs/train/exp1/best.pt", "runs/train/run.json"]
    for name in mine:
        FolderStore(outbox).write(name, b"precious")
    (outbox / "runs/empty").mkdir()
    store = FolderStore(tmp_path / "kept")
    assert publish(outbox, store, others_at_work=False, run_ids={"r1"}, log_part="aaaaaaaa")
    assert len(store.files("", recursive=True)) == 5
    assert [entry.name for entry in FolderStore(outbox).files("", recursive=True)] == mine
    assert (outbox / "runs/empty").is_dir()


class Interrupted(FolderStore):
    """While something is sent, another session begins."""

    def write(self, name: str, payload: object) -> None:
        super().write(name, payload)  # type: ignore[arg-type]
        outbox = self.root.parent / "outbox"
        (outbox / "journal/s2").mkdir(parents=True, exist_ok=True)
        (outbox / "journal/s2/owner.json").write_text("{}")
        (outbox / "runs" / LATER / "stages").mkdir(parents=True, exist_ok=True)
        (outbox / "runs" / LATER / "stages/new.png").write_text("new")


LATER = "00000000-0000-4000-8000-000000000003"


def test_what_another_session_writes_meanwhile_stays(outbox: Path, tmp_path: Path) -> None:
    store = Interrupted(tmp_path / "kept")
    assert publish(outbox, store, others_at_work=False, run_ids={"r1"}, log_part="aaaaaaaa")
    assert (outbox / "runs" / LATER / "stages/new.png").read_text() == "new"
    assert (outbox / "logs/2026-01-01.bbbbbbbb.jsonl").exists()
    assert f"runs/{LATER}/stages/new.png" not in [entry.name for entry in store.files("", recursive=True)]


@pytest.mark.skipif(os.name == "nt", reason="files in use cannot be deleted there anyway")
def test_a_log_that_another_process_writes_to_waits(outbox: Path, tmp_path: Path) -> None:
    import fcntl

    store = FolderStore(tmp_path / "kept")
    with (outbox / "logs/2026-01-01.bbbbbbbb.jsonl").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert publish(outbox, store, others_at_work=False, run_ids={"r1"}, log_part="aaaaaaaa")
        assert lines(store) == [b'{"run_id":"r1"}\n']
    assert publish(outbox, store, others_at_work=False, run_ids=set(), log_part="")
    assert len(lines(store)) == 2


def test_contents_that_another_run_has_stay_and_files_of_lines_keep_their_names(outbox: Path, tmp_path: Path) -> None:
    used, free = (outbox / f"artifacts/ab/ab{digit * 38}.jsonl" for digit in "01")
    for path in (used, free):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"1\n")
    os.link(used, outbox / "mine.jsonl")
    os.link(free, outbox / "runs/r1/stages/detect/lines.jsonl")
    store = FolderStore(tmp_path / "kept")
    publish(outbox, store, others_at_work=False, run_ids={"r1"}, log_part="")
    assert store.read("runs/r1/stages/detect/lines.jsonl") == b"1\n"
    assert (used.exists(), free.exists()) == (True, False)
