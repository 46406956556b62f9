"""Saving by name and by mode, in runs of every kind."""

from __future__ import annotations

import errno
import json
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pytest_vizart import GoldenDataset, PipelineError, UsageError, profile
from pytest_vizart.audit.artifacts import placing, store
from pytest_vizart.audit.log import AuditLog
from pytest_vizart.errors import VizartWarning
from pytest_vizart.profiling.recording.summaries import summarise
from pytest_vizart.quantities import parse_artifacts
from pytest_vizart.records.run import RunResult
from pytest_vizart.workflow import artifacts as workflow_artifacts
from pytest_vizart.workflow.finish import collect
from pytest_vizart.workflow.inert import InertRun
from pytest_vizart.workflow.recording import RecordingOptions, measuring
from pytest_vizart.workflow.run import Run
from tests.plugin.conftest import make_shades


@pytest.fixture
def dataset(tmp_path: Path) -> GoldenDataset:
    """Samples a and b are dark, c and d light; the pipeline below gets c wrong."""
    return GoldenDataset.load(make_shades(tmp_path))


def decode(path: str) -> np.ndarray:
    return np.array(Image.open(path))


def classify(image: np.ndarray) -> str:
    return "light" if image.mean() > 220 else "dark"


def loop(run: Run, dataset: GoldenDataset) -> None:
    for sample in run.samples(dataset):
        with run.stage("decode") as stage:
            image = stage.output(decode(sample.path))
        with run.stage("classify") as stage:
            label = stage.output(classify(image))
        run.predict(label)


Body = Callable[[Run, GoldenDataset], None]


def finished(folder: Path, dataset: GoldenDataset, modes: str, body: Body = loop, level: str = "detailed") -> RunResult:
    """Run and collect, as a test's hook does."""
    audit = AuditLog(folder)
    options = RecordingOptions(level)
    run = Run(
        "t", output=folder, recording=options, passes=2, warmup=1, audit=audit, artifacts=parse_artifacts(modes, "x")
    )
    error: BaseException | None = None
    try:
        with measuring(run.recorder):
            body(run, dataset)
    except Exception as raised:  # noqa: BLE001
        error = raised
    result = collect(run, session_id="s", error=error, partial=False, contended=False)
    run.recorder.discard()
    audit.close()
    return result


def saved(folder: Path) -> list[str]:
    found = [path for path in folder.glob("runs/*/stages/*/*") if not path.name.startswith(".")]
    return sorted(f"{path.parent.name}/{path.name}" for path in found)


def lines(folder: Path, event: str) -> list[dict[str, Any]]:
    told = [json.loads(line) for path in (folder / "logs").glob("*.jsonl") for line in path.read_text().splitlines()]
    return [line for line in told if line["event"] == event]


OF_ALL = [f"classify/{name}.txt" for name in "abcd"] + [f"decode/{name}.png" for name in "abcd"]


@pytest.mark.parametrize("level", ["basic", "detailed", "full"])
@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        ("none", []),
        ("failures", ["classify/c.txt", "decode/c.png"]),
        ("final", OF_ALL[:4]),
        ("sample:2", ["classify/a.txt", "classify/b.txt", "decode/a.png", "decode/b.png"]),
        ("failures+final", [*OF_ALL[:4], "decode/c.png"]),
        ("failures+sample:1", ["classify/a.txt", "classify/c.txt", "decode/a.png", "decode/c.png"]),
        ("all", OF_ALL),
        ("all+failures+final+sample:1", OF_ALL),
    ],
)
def test_fr_012_each_mode_saves_its_outputs_once(
    tmp_path: Path, dataset: GoldenDataset, modes: str, expected: list[str], level: str
) -> None:
    out = tmp_path / "out"
    result = finished(out, dataset, modes, level=level)
    assert saved(out) == expected
    assert len(lines(out, "artifact saved")) == len(expected)
    assert [each.artifacts != () for each in result.outcomes] == [f"classify/{name}.txt" in expected for name in "abcd"]
    assert (result.profile.artifacts_ms > 0) == (modes != "none")
    assert len(result.profile.outputs) == (0 if level == "basic" else 8)
    if "decode/c.png" in expected:
        assert (decode(str(*out.glob("runs/*/stages/decode/c.png"))) == decode(dataset["c"].path)).all()


def test_fr_012_trail_and_outcomes_lead_to_the_files(tmp_path: Path, dataset: GoldenDataset) -> None:
    def body(run: Run, dataset: GoldenDataset) -> None:
        for _ in run.samples(dataset):
            with run.stage("classify") as stage:
                label = stage.output("dark")
            run.save("proof.txt", "seen")
            run.save("sketch", b"1", stage="draw")
            run.predict(label)

    result = finished(tmp_path, dataset, "failures", body)
    run_id = result.info.run_id
    wrong = next(each for each in result.outcomes if each.sample_id == "c")
    folder = f"runs/{run_id}/stages/classify"
    assert wrong.artifacts == (f"{folder}/c-proof.txt", f"{folder}/c.txt")
    assert all((tmp_path / path).read_text() in ("dark", "seen") for path in wrong.artifacts)
    told = lines(tmp_path, "artifact saved")
    (line,) = [each for each in told if each["output_path"] == f"{folder}/c.txt"]
    assert (line["run_id"], line["stage"], line["sample"], line["size_bytes"]) == (run_id, "classify", "c", 4)
    assert {each["output_path"] for each in told if each["stage"] == "draw"} == {
        f"runs/{run_id}/stages/draw/{name}-sketch.bin" for name in "abcd"
    }


def test_outputs_of_a_sample_that_raises_are_saved_up_to_the_stage_that_did(
    tmp_path: Path, dataset: GoldenDataset
) -> None:
    def body(run: Run, dataset: GoldenDataset) -> None:
        for sample in run.samples(dataset):
            with run.stage("decode") as stage:
                image = stage.output(decode(sample.path))
            with run.stage("classify") as stage:
                stage.output(image.max())
                raise ValueError(sample.id)

    result = finished(tmp_path / "out", dataset, "failures", body)  # in warm-up already
    assert saved(tmp_path / "out") == ["classify/a.json", "decode/a.png"]
    assert result.info.status == "error"


def test_a_checked_pipeline_hands_over_by_itself(tmp_path: Path, dataset: GoldenDataset) -> None:
    def fails_on_b(image: np.ndarray) -> np.ndarray:
        if image[0, 0] == 40:
            raise ValueError("b")
        return image

    def body(run: Run, dataset: GoldenDataset) -> None:
        run.check([("decode", decode), ("mend", fails_on_b), ("classify", classify)], dataset)

    with pytest.raises(PipelineError):
        body(Run("t", output=tmp_path), dataset)
    finished(tmp_path / "out", dataset, "failures", body)
    assert saved(tmp_path / "out") == ["classify/c.txt", "decode/b.png", "decode/c.png", "mend/c.png"]


@pytest.mark.parametrize("level", ["basic", "detailed"])
def test_decorated_watched_and_nested_stages_too(tmp_path: Path, dataset: GoldenDataset, level: str) -> None:
    inner = profile("inner")(decode)

    @profile("outer")
    def outer(path: str) -> str:
        return classify(inner(path))

    def body(run: Run, dataset: GoldenDataset) -> None:
        for sample in run.samples(dataset):
            run.predict(outer(sample.path), stage="classify")

    finished(tmp_path / "out", dataset, "all", body, level=level)
    assert saved(tmp_path / "out") == sorted(
        [f"inner/{name}.png" for name in "abcd"] + [f"outer/{name}.txt" for name in "abcd"]
    )


def test_a_value_of_a_batch_belongs_to_all_its_samples(tmp_path: Path, dataset: GoldenDataset) -> None:
    def body(run: Run, dataset: GoldenDataset) -> None:
        for batch in run.batches(dataset, 2):
            with run.stage("classify") as stage:
                labels = stage.output([classify(decode(sample.path)) for sample in batch])
            run.predict(labels)

    for modes, expected in (("failures", ["c"]), ("sample:1", ["a"]), ("all", ["a", "c"])):
        out = tmp_path / modes.replace(":", "")
        result = finished(out, dataset, modes, body)
        assert saved(out) == [f"classify/{name}-and-1-more.json" for name in expected]
    a, b, c, d = (each.artifacts for each in result.outcomes)
    assert a == b != c == d
    assert {line["sample"] for line in lines(out, "artifact saved")} == {"a|b", "c|d"}


def test_outputs_of_threads_are_saved(tmp_path: Path, dataset: GoldenDataset) -> None:
    def work(run: Run, name: str) -> None:
        with run.stage(name) as stage:
            stage.output(name)

    def body(run: Run, dataset: GoldenDataset) -> None:
        for _ in run.samples(dataset):
            threads = [threading.Thread(target=work, args=(run, f"s{number}")) for number in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    finished(tmp_path, dataset, "all", body)
    assert saved(tmp_path) == [f"s{number}/{name}.txt" for number in range(4) for name in "abcd"]


def test_a_sample_whose_prediction_did_not_come_has_failed(tmp_path: Path, dataset: GoldenDataset) -> None:
    def body(run: Run, dataset: GoldenDataset) -> None:
        for sample in run.samples(dataset):
            with run.stage("classify") as stage:
                label = stage.output("light" if sample.id in "cd" else "dark")
            if sample.id != "b":
                run.predict(label)

    finished(tmp_path, dataset, "failures", body)
    assert saved(tmp_path) == ["classify/b.txt"]


def test_a_value_that_was_changed_before_it_could_be_saved_is_told(tmp_path: Path, dataset: GoldenDataset) -> None:
    def body(run: Run, dataset: GoldenDataset) -> None:
        for sample in run.samples(dataset):
            with run.stage("decode") as stage:
                image = stage.output(decode(sample.path))
            image[:] = 7
            run.predict("dark", stage="classify")

    finished(tmp_path, dataset, "failures", body)
    assert [line["changed_meanwhile"] for line in lines(tmp_path, "artifact saved")] == [True, True]


def test_values_are_neither_changed_nor_kept(tmp_path: Path, dataset: GoldenDataset) -> None:
    class Value(list):  # type: ignore[type-arg]
        pass

    alive: list[int] = []
    references: list[weakref.ref[Value]] = []

    def body(run: Run, dataset: GoldenDataset) -> None:
        for sample in run.samples(dataset):
            alive.append(sum(reference() is not None for reference in references))
            with run.stage("classify") as stage:
                value = stage.output(Value([1, 2, 3]))
            references.append(weakref.ref(value))
            assert (
                summarise(value, stage="s", sample_id=None).digest
                == summarise(Value([1, 2, 3]), stage="s", sample_id=None).digest
            )
            del value
            run.predict("dark" if sample.id in "ab" else "light")

    finished(tmp_path, dataset, "failures", body)
    assert max(alive) == 0
    assert saved(tmp_path) == []


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


def test_saving_costs_no_stage_any_time(
    tmp_path: Path, dataset: GoldenDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pytest_vizart.workflow.artifacts import OutputSaver

    def body(run: Run, dataset: GoldenDataset) -> None:
        with run.stage("all"):
            for _ in run.samples(dataset):
                with run.stage("outer"), run.stage("inner") as stage:
                    stage.output("x")
                run.predict("dark", stage="classify")

    steps: list[int] = []
    write = OutputSaver._write

    def slow(saver: OutputSaver, *arguments: Any) -> None:
        write(saver, *arguments)
        steps.append(1)
        threading.Event().wait(0.02)

    monkeypatch.setattr(OutputSaver, "_write", slow)
    for modes, writes in (("all", 4), ("failures", 2)):
        steps.clear()
        result = finished(tmp_path / modes, dataset, modes, body, level="basic")
        longest_ms = {stage.name: stage.wall_ms.max for stage in result.stages if stage.wall_ms}
        assert len(steps) == writes
        assert result.profile.artifacts_ms >= 20 * writes
        assert longest_ms["outer"] < 20 > longest_ms["inner"]
        assert longest_ms["all"] < result.profile.artifacts_ms


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


def prefetch(run: Run, dataset: GoldenDataset) -> None:
    """Each sample's file is decoded by a thread that ends when the next sample is at hand."""
    begun, go_on = threading.Event(), threading.Event()
    thread: threading.Thread | None = None

    def decoded(path: str, go_on: threading.Event) -> None:
        with run.stage("decode") as stage:
            begun.set()
            go_on.wait()
            stage.output(Path(path).stem)

    for sample in run.samples(dataset):
        before, go_before = thread, go_on
        begun.clear()
        go_on = threading.Event()
        thread = threading.Thread(target=decoded, args=(sample.path, go_on))
        thread.start()
        begun.wait()
        go_before.set()
        if before is not None:
            before.join()
        run.predict("dark", stage="classify")
    go_on.set()
    thread.join()  # type: ignore[union-attr]


def test_outputs_of_a_thread_that_runs_behind_are_saved_under_their_own_sample(
    tmp_path: Path, dataset: GoldenDataset
) -> None:
    stems = {sample.id: Path(sample.path).stem for sample in dataset}
    for modes, samples in (("all", "abcd"), ("sample:2", "ab")):
        out = tmp_path / modes.replace(":", "")
        result = finished(out, dataset, modes, prefetch)
        files = sorted((out / "runs").glob("*/stages/decode/*"))
        assert [(path.stem, path.read_text()) for path in files] == [(sample, stems[sample]) for sample in samples]
        told = {line["sample"] for line in lines(out, "artifact saved")}
        assert told == set(samples)
        assert not [note for note in result.info.notes if "artifacts" in note]


@pytest.mark.parametrize("modes", ["failures", "final"])
def test_what_comes_when_its_sample_is_done_is_dropped_with_a_note(
    tmp_path: Path, dataset: GoldenDataset, modes: str
) -> None:
    result = finished(tmp_path, dataset, modes, prefetch)
    assert saved(tmp_path) == []
    (note,) = (note for note in result.info.notes if "artifacts" in note)
    assert "stage decode that came when their sample was done" in note


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


def test_saving_never_keeps_the_verdict_from_being_reached(
    tmp_path: Path, dataset: GoldenDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(workflow_artifacts, "used_files", broken)
    with pytest.warns(VizartWarning, match="not all is saved: RuntimeError: planted"):
        assert len(finished(tmp_path, dataset, "none").outcomes) == 4


def test_lines_of_saved_files_say_warmup_and_later_passes(tmp_path: Path, dataset: GoldenDataset) -> None:
    def body(run: Run, dataset: GoldenDataset) -> None:
        for sample in run.samples(dataset):
            run.save("x.txt", sample.id, stage="s")

    finished(tmp_path, dataset, "none", body)
    told = [(line.get("warmup"), line.get("pass")) for line in lines(tmp_path, "artifact saved")]
    assert told == [(True, None), *[(None, None)] * 4, *[(None, 2)] * 4]
