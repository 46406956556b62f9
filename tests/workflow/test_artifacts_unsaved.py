"""What cannot be saved: it is told, and costs no test its verdict."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import numpy as np
import pytest

from pytest_vizart import GoldenDataset, UsageError
from pytest_vizart.audit.artifacts import placing, store
from pytest_vizart.errors import VizartWarning
from pytest_vizart.workflow import artifacts as workflow_artifacts
from pytest_vizart.workflow.run import Run
from tests.plugin.conftest import make_shades
from tests.workflow.saving_runs import finished, saved


@pytest.fixture
def dataset(tmp_path: Path) -> GoldenDataset:
    """Samples a and b are dark, c and d light; `classify` gets c wrong."""
    return GoldenDataset.load(make_shades(tmp_path))


def test_what_nobody_can_write_is_one_note_for_each_stage(tmp_path: Path, dataset: GoldenDataset) -> None:
    class Bad:
        def __array__(self) -> np.ndarray:
            raise RuntimeError("cannot be seen")

    def body(run: Run, dataset: GoldenDataset) -> None:
        for sample in run.samples(dataset):
            for name, value in (("object", object()), ("bad", Bad()), ("nothing", None), ("text", sample.id)):
                with run.stage(name) as stage:
                    stage.output(value)

    result = finished(tmp_path, dataset, "all", body)
    assert saved(tmp_path) == [f"text/{name}.txt" for name in "abcd"]
    notes = [note for note in result.info.notes if note.startswith("artifacts")]
    assert notes == [
        "artifacts: the output of stage object cannot be saved: object is no plain data",
        "artifacts: the output of stage bad cannot be saved: RuntimeError: cannot be seen",
    ]


def test_what_is_too_large_is_left_out_and_told_once(
    tmp_path: Path, dataset: GoldenDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.ArtifactStore.__init__, "__kwdefaults__", {"max_value_bytes": 60, "max_run_bytes": 130})

    def body(run: Run, dataset: GoldenDataset) -> None:
        for _ in run.samples(dataset):
            with run.stage("large") as stage:
                stage.output("x" * 100)
            with run.stage("small") as stage:
                stage.output("x" * 50)

    result = finished(tmp_path, dataset, "all", body)
    assert saved(tmp_path) == ["small/a.txt", "small/b.txt"]
    large, full = (note for note in result.info.notes if note.startswith("artifacts"))
    assert "an output of stage large" in large
    assert "those of stage small" in full


def test_a_saved_value_that_is_too_large_is_warned_of_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.setattr(store.ArtifactStore.__init__, "__kwdefaults__", {"max_value_bytes": 60, "max_run_bytes": 130})
    run = Run("t", output=tmp_path)
    assert [run.save(name, "x" * 100) for name in "ab"] == [None, None]
    (told,) = recwarn.list
    assert "save('a'): not saved" in str(told.message)


@pytest.mark.parametrize("modes", ["all", "failures"])
def test_a_full_disk_is_told_once_and_the_test_goes_on(
    tmp_path: Path, dataset: GoldenDataset, monkeypatch: pytest.MonkeyPatch, modes: str
) -> None:
    def full(file: object, data: bytes) -> int:
        error = OSError(errno.ENOSPC, "No space left on device")
        file.problem = placing.DiskError(error)  # type: ignore[attr-defined]
        raise error

    monkeypatch.setattr(placing._BoundedFile, "write", full)
    with pytest.warns(VizartWarning, match="No space left") as caught:
        result = finished(tmp_path, dataset, modes)
    assert len(caught) == 1
    assert result.info.status == "passed"
    assert len(result.outcomes) == 4
    assert saved(tmp_path) == []
    assert [note for note in result.info.notes if "No space left" in note]


@pytest.mark.skipif(sys.platform == "win32", reason="no limits")
def test_a_small_value_on_a_full_disk_costs_save_nothing_but_a_warning(tmp_path: Path) -> None:
    import resource

    run = Run("t", output=tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.warns(VizartWarning, match="no longer saved") as caught:
            saved = [run.save(name, "some more than ten bytes") for name in "xy"]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert saved == [None, None]
    assert len(caught) == 1


def test_a_folder_that_cannot_be_written_costs_save_nothing_but_a_warning(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where the folder should be")
    run = Run("t", output=tmp_path)
    with pytest.warns(VizartWarning, match="no longer saved") as caught:
        assert [run.save("x", "text"), run.save("y", "text")] == [None, None]
    assert len(caught) == 1
    with pytest.raises(UsageError, match="cannot be saved"):
        run.save("z", object())


def test_saving_never_keeps_the_verdict_from_being_reached(
    tmp_path: Path, dataset: GoldenDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(workflow_artifacts, "used_files", broken)
    with pytest.warns(VizartWarning, match="not all is saved: RuntimeError: planted"):
        assert len(finished(tmp_path, dataset, "none").outcomes) == 4
