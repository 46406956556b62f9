from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_vizart import GoldenDataset, UsageError
from pytest_vizart.golden.files import content_digest
from pytest_vizart.workflow import used_files as module
from pytest_vizart.workflow.inert import InertRun
from pytest_vizart.workflow.run import Run
from pytest_vizart.workflow.used_files import Budget, shown_path, used_files, working_folder
from tests.plugin.conftest import make_shades
from tests.workflow.saving_runs import finished, loop


@pytest.fixture
def dataset(tmp_path: Path) -> GoldenDataset:
    """Samples a and b are dark, c and d light; `classify` gets c wrong."""
    return GoldenDataset.load(make_shades(tmp_path))


def test_files_are_told_by_all_their_bytes(tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(3_000_000))
    (file,) = used_files([str(large)], tmp_path)
    assert (file.path, file.size_bytes, file.digest) == ("large.bin", 3_000_000, content_digest(large, sampled=False))


def test_a_file_that_is_gone_is_told_and_nothing_is_raised(tmp_path: Path) -> None:
    (file,) = used_files([str(tmp_path / "gone")], Path("/elsewhere"))
    assert file.digest is None
    assert file.problem is not None
    assert file.path == (tmp_path / "gone").as_posix()


def test_the_name_of_a_file_in_a_folder_counts(tmp_path: Path) -> None:
    digests = set()
    for name in ("a", "b"):
        folder = tmp_path / name
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / name).write_text("same")
        digests.add(used_files([str(folder)], tmp_path)[0].digest)
    assert len(digests) == 2


def test_a_file_that_has_not_changed_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model"
    path.write_text("1")
    first = used_files([str(path)], tmp_path)
    monkeypatch.setattr(module, "_read", lambda *_: pytest.fail("read again"))
    assert used_files([str(path)], tmp_path) == first


def test_a_budget_ends_by_time_and_by_size() -> None:
    now = [0.0]
    budget = Budget(1.0, 1_000, lambda: now[0])
    assert budget.refusal(900) is None
    assert "GB" in str(budget.refusal(200))
    assert budget.refusal(100) is None
    now[0] = 1.5
    assert budget.refusal(0) == "not read: the others took 1 s"


def test_paths_are_relative_where_they_can_be() -> None:
    assert shown_path(Path("/data/set/images/a.png"), Path("/data/set")) == "images/a.png"
    assert shown_path(Path("/data/a.png"), Path("/data/set")) == "/data/a.png"


def test_reading_ends_when_the_time_is_up_and_is_not_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(bytes(5 << 20))
    now = [0.0]

    def clock() -> float:
        now[0] += 1.0
        return now[0]

    budget = Budget(6.0, 10**9, clock)
    (file,) = used_files([str(path)], tmp_path, budget)
    assert (file.digest, file.problem) == (None, "not read: it and the others take more than 6 s")
    (file,) = used_files([str(path)], tmp_path)
    assert (file.digest, file.problem) == (None, "not read: it took too long before")


def test_a_file_that_was_late_because_of_others_is_read_by_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(b"1")
    times = iter([0.0, 5.0, 5.5, 6.5, 6.5])
    (file,) = used_files([str(path)], tmp_path, Budget(6.0, 10**9, lambda: next(times)))
    assert file.digest is None
    assert used_files([str(path)], tmp_path)[0].digest == content_digest(path, sampled=False)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_what_is_neither_file_nor_folder_is_told_and_not_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    os.mkfifo(folder / "pipe")
    for file in used_files([str(folder / "pipe"), str(folder), "/dev/zero"], tmp_path):
        assert file.digest is None
        assert "is no regular file" in str(file.problem)
    with pytest.raises(Exception, match="no regular file"):  # it took the file's place since it was looked at
        module._read(str(folder / "pipe"), Budget(1.0, 1))


def test_paths_are_absolute_where_the_working_directory_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert working_folder() is None
    assert shown_path(Path("/data/a.png"), working_folder()) == "/data/a.png"


def test_used_files_are_kept_by_digest(tmp_path: Path, dataset: GoldenDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("weights").mkdir()
    for name, content in (("model.onnx", b"1"), ("weights/a", b"2"), ("weights/b", b"3")):
        Path(name).write_bytes(content)
    paths: list[Path] = []

    def body(run: Run, dataset: GoldenDataset) -> None:
        paths.extend((run.uses("model.onnx"), run.uses(tmp_path / "weights"), run.uses("model.onnx")))
        loop(run, dataset)

    first = finished(tmp_path / "out", dataset, "none", body).info.models
    assert paths[0] == Path("model.onnx")
    assert set(first) == {"model.onnx", "weights"}
    Path("weights/b").write_bytes(b"other")
    second = finished(tmp_path / "out", dataset, "none", body).info.models
    assert first["model.onnx"] == second["model.onnx"]
    assert first["weights"] != second["weights"]
    with pytest.raises(UsageError, match="no such file"):
        Run("t", output=tmp_path).uses("absent.onnx")
    assert InertRun("t").uses("absent.onnx") == Path("absent.onnx")


def test_a_run_ends_where_the_working_directory_is_gone(
    tmp_path: Path, dataset: GoldenDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def body(run: Run, dataset: GoldenDataset) -> None:
        run.uses("model")
        folder = tmp_path / "gone"
        folder.mkdir()
        monkeypatch.chdir(folder)
        folder.rmdir()
        loop(run, dataset)
        with pytest.raises(UsageError, match="no such file"):
            run.uses("absent")
        with pytest.raises(UsageError, match="no such file"):
            run.uses(".")

    monkeypatch.chdir(tmp_path)
    Path("model").write_text("x")
    result = finished(tmp_path / "out", dataset, "all", body)
    assert result.info.status == "passed"
    assert list(result.info.models) == ["model"]
    assert len(result.outcomes) == 4
    Run("begun there", output=tmp_path / "out").finish_saving()
