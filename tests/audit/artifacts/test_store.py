from __future__ import annotations

import errno
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_vizart.audit.artifacts import ArtifactStore, placing
from pytest_vizart.audit.artifacts.ledger import Artifact, UsedFile, read_ledger
from pytest_vizart.audit.artifacts.placing import DiskError, TooLargeError, write_beside
from pytest_vizart.audit.artifacts.store import RunFullError


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path, "run-1")


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_fr_016_artifacts_lie_by_run_and_stage(store: ArtifactStore, tmp_path: Path) -> None:
    path = store.save("boxes", [1], stage="detect", sample="img_7")
    assert path == tmp_path / "runs" / "run-1" / "stages" / "detect" / "img_7-boxes.json"


def test_equal_contents_are_one_file_on_disk(store: ArtifactStore, tmp_path: Path) -> None:
    first = store.save("a", "same", stage="one")
    other = ArtifactStore(tmp_path, "run-2").save("b", "same", stage="two")
    (pooled,) = (tmp_path / "artifacts").rglob("*.txt")
    assert len({path.stat().st_ino for path in (first, other, pooled)}) == 1
    assert pooled.parent.name == pooled.name[:2]
    different = store.save("c", "other", stage="one")
    assert different.stat().st_ino != first.stat().st_ino


def test_a_file_that_was_changed_in_place_is_not_given_out_again(store: ArtifactStore) -> None:
    first = store.save("a", "same", stage="s")
    with first.open("r+") as file:
        file.write("SAME")
    assert store.save("b", "same", stage="s").read_text() == "same"
    assert store.save("c", "same", stage="s").read_text() == "same"
    assert first.read_text() == "SAME"


def test_the_same_name_again_replaces_the_file(store: ArtifactStore, tmp_path: Path) -> None:
    for text in ("one", "two", "two"):
        path = store.save("a", text, stage="s")
    assert path.read_text() == "two"
    assert [each.size_bytes for each in store.saved().artifacts] == [3]
    assert [each.path for each in read_ledger(tmp_path / "runs" / "run-1").artifacts] == ["runs/run-1/stages/s/a.txt"]


def test_without_hard_links_every_file_stands_for_itself(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    paths = [store.save(name, "same", stage="s") for name in "ab"]
    assert [path.read_text() for path in paths] == ["same", "same"]
    assert files(tmp_path / "artifacts") == []
    assert not [name for name in files(tmp_path) if name.endswith(".tmp")]


def test_a_content_with_as_many_links_as_it_can_have_begins_anew(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = store.save("a", "same", stage="s")
    link, inode = os.link, first.stat().st_ino

    def limited(source: Path, target: Path, **more: object) -> None:
        if os.stat(source).st_ino == inode:  # noqa: PTH116
            raise OSError(errno.EMLINK, "too many links")
        link(source, target)

    monkeypatch.setattr(os, "link", limited)
    second, third = (store.save(name, "same", stage="s") for name in "bc")
    assert second.stat().st_ino == third.stat().st_ino != inode


def test_a_pool_that_is_cleaned_at_this_moment_costs_nothing(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save("a", "same", stage="s")
    same = placing._same

    def cleaned_after(pooled: Path, written: placing.Written) -> bool:
        found = same(pooled, written)
        pooled.unlink(missing_ok=True)
        return found

    monkeypatch.setattr(placing, "_same", cleaned_after)
    assert store.save("b", "same", stage="s").read_text() == "same"


def test_a_value_may_be_so_large(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path, "r", max_value_bytes=1_000, max_run_bytes=10_000)
    for value in ("x" * 1_001, np.zeros(1_000), np.random.default_rng(1).integers(0, 255, (40, 40, 3), np.uint8),
                  {"a": np.random.default_rng(1).normal(size=1_000), "b": 1}):  # fmt: skip
        with pytest.raises(TooLargeError) as caught:
            store.save("a", value, stage="s")
        assert caught.value.size_bytes > 1_000
    assert files(tmp_path) == []


def test_a_run_may_have_so_much_together_whichever_store_saves_it(tmp_path: Path) -> None:
    for name in "abc":
        ArtifactStore(tmp_path, "r", max_run_bytes=10).save(name, "xxx", stage="s")
    with pytest.raises(RunFullError):
        ArtifactStore(tmp_path, "r", max_run_bytes=10).save("d", "xxx", stage="s")
    ArtifactStore(tmp_path, "other", max_run_bytes=10).save("d", "xxx", stage="s")
    assert len(files(tmp_path / "runs" / "r" / "stages")) == 3


def test_a_full_disk_leaves_nothing_half_written(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = placing._BoundedFile.write

    def full(file: placing._BoundedFile, data: bytes) -> int:
        file._file = FullFile()  # type: ignore[assignment]
        return write(file, data)

    monkeypatch.setattr(placing._BoundedFile, "write", full)
    for value in ("text", np.zeros(10), np.zeros((4, 4, 3), np.uint8), {"a": np.ones(4)}, [{"a": 1}]):
        with pytest.raises(DiskError, match="No space left"):
            store.save("a", value, stage="s")
    assert files(tmp_path) == []


class FullFile:
    def write(self, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_folder_that_cannot_be_made_is_a_disk_error(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where the folder should be")
    with pytest.raises(DiskError):
        ArtifactStore(tmp_path, "r").save("a", "x", stage="s")


def test_threads_save_beside_each_other(store: ArtifactStore) -> None:
    def save(first: int) -> None:
        for number in range(first, first + 20):
            store.save(f"n{number}", f"text {number % 7}", stage="s")

    threads = [threading.Thread(target=save, args=(start,)) for start in (0, 10, 20, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    saved = store.saved().artifacts
    assert len(saved) == 50
    assert all(
        store.path_of(each).read_text() == f"text {int(each.path[:-4].rpartition('n')[2]) % 7}" for each in saved
    )


def test_the_ledger_says_what_was_saved_used_and_left_out(store: ArtifactStore, tmp_path: Path) -> None:
    store.put("", "x", stage="s\ud800", samples=["a\udce9", "b"])
    for _ in range(2):
        store.use(UsedFile("model.onnx", 3, "abc"))
        store.note("key", "left out: \udce9")
    with (tmp_path / "runs" / "run-1" / "saved.jsonl").open("ab") as file:
        file.write(b'{"artifact": 3}\n[]\n{"artifact": {"path": "x"}}\n{"note": "torn')
    read = read_ledger(tmp_path / "runs" / "run-1")
    (artifact,) = read.artifacts
    assert artifact.samples == ("a\\udce9", "b")
    assert isinstance(artifact, Artifact)
    assert read.models == (UsedFile("model.onnx", 3, "abc"),)
    assert read.notes == ("left out: \\udce9",)
    assert read_ledger(tmp_path) == type(read)()


@pytest.mark.skipif(sys.platform == "win32", reason="no limits")
@pytest.mark.parametrize("size", [100, 1_000_000])
def test_a_disk_that_takes_nothing_more_is_one_error_whenever_it_is_noticed(tmp_path: Path, size: int) -> None:
    import resource

    store = ArtifactStore(tmp_path, "r1")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(DiskError) as caught:
            store.save("x", "a" * size, stage="s")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.cause.errno == errno.EFBIG
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert store.save("x", "a", stage="s").read_text() == "a"


def test_a_writer_that_hides_what_the_disk_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hides(file: Any) -> None:
        with suppress(TooLargeError):
            file.write(b"a" * 100)

    def own_error(file: Any) -> None:
        raise FileNotFoundError("the writer's own")

    with pytest.raises(TooLargeError):
        write_beside(tmp_path, hides, 10)
    with pytest.raises(FileNotFoundError, match="own"):
        write_beside(tmp_path, own_error, 10)
    assert list(tmp_path.iterdir()) == []
