"""A folder as a place to keep files: whole files or none, and no trouble with what is not there."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_vizart.errors import UsageError
from pytest_vizart.storage.folder import FolderStore
from pytest_vizart.storage.lock import exclusive
from pytest_vizart.storage.object_store import ObjectStore, without_credentials
from pytest_vizart.storage.opening import is_url, open_store


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "kept")


def test_what_is_written_is_there(store: FolderStore) -> None:
    store.write("a/b/two.bin", b"22")
    store.write("a/one.bin", memoryview(b"1"))
    store.write("a/one.bin", b"111")
    assert [(entry.name, entry.size_bytes) for entry in store.files("a", recursive=True)] == [
        ("a/b/two.bin", 2),
        ("a/one.bin", 3),
    ]
    assert [entry.base_name for entry in store.files("a")] == ["one.bin"]
    assert store.read("a/one.bin") == b"111"
    with store.open("a/b/two.bin") as file:
        assert file.read() == b"22"


def test_what_is_not_there_is_no_trouble(store: FolderStore) -> None:
    assert store.files("absent") == []
    store.delete(["absent/file"])
    store.delete_folder("absent")
    with pytest.raises(FileNotFoundError):
        store.read("absent")


def test_links_and_hidden_files_are_not_listed(store: FolderStore, tmp_path: Path) -> None:
    store.write("logs/a.jsonl", b"")
    store.write("logs/.a.jsonl.tmp", b"")
    (tmp_path / "secret").write_text("x")
    (store.root / "logs" / "link").symlink_to(tmp_path / "secret")
    (store.root / "logs" / "folder").symlink_to(tmp_path)
    assert [entry.base_name for entry in store.files("logs", recursive=True)] == ["a.jsonl"]


def test_a_failed_write_leaves_what_was_there(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write("x", b"before")

    def refuse(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        store.write("x", b"after")
    assert store.read("x") == b"before"
    assert [path.name for path in store.root.iterdir()] == ["x"]


@pytest.mark.parametrize(
    ("place", "url"),
    [("s3://bucket/x", True), ("gs://b", True), ("C:\\runs", False), ("runs", False), ("file:///tmp/x", False)],
)
def test_what_is_a_url(place: str, url: bool) -> None:
    assert is_url(place) == url


def test_a_file_url_is_a_folder(tmp_path: Path) -> None:
    assert open_store(f"file://{tmp_path}").local == tmp_path
    assert open_store(tmp_path).local == tmp_path


@pytest.mark.parametrize("url", ["nonsense://bucket/x", "s3://", "s3://bucket/x?colour=red"])
def test_a_url_that_leads_nowhere_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        open_store(url)


def test_credentials_are_not_shown() -> None:
    assert without_credentials("s3://key:secret@bucket/x?token=abc") == "s3://bucket/x"
    assert "secret" not in str(ObjectStore("s3://key:secret@bucket/x?region=us-east-1"))


def test_one_at_a_time_and_free_when_the_holder_is_killed(store: FolderStore) -> None:
    store.write("x", b"")
    code = (
        "import sys, time; from pathlib import Path; from pytest_vizart.storage.lock import exclusive;"
        "from pytest_vizart.storage.folder import FolderStore\n"
        f"with exclusive(FolderStore(Path({str(store.root)!r}))) as held: print(held, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        with exclusive(store) as held:
            assert not held
        holder.kill()
        holder.wait()
        with exclusive(store) as held:
            assert held


def test_where_nothing_can_be_written_there_is_no_lock(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), exclusive(FolderStore(tmp_path / "absent")):
        pass


@pytest.mark.filterwarnings("ignore:.*fork")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked on this system")
def test_a_child_that_was_forked_meanwhile_does_not_keep_the_lock(store: FolderStore) -> None:
    store.write("x", b"")
    end, begin = os.pipe()
    with exclusive(store) as held:
        assert held
        child = os.fork()
        if not child:
            os.close(begin)
            os.read(end, 1)
            os._exit(0)
    try:
        with exclusive(store) as held:
            assert held
    finally:
        os.close(begin)
        os.waitpid(child, 0)
        os.close(end)


def test_where_there_are_no_locks_the_reason_is_told(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    store.write("x", b"")
    monkeypatch.setattr(pytest.importorskip("fcntl"), "flock", refuse)
    with pytest.raises(OSError, match=r"No locks available.*\.lock"), exclusive(store):
        pass
