"""Saving by name and by mode, in runs of every kind."""

from __future__ import annotations

import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_vizart import GoldenDataset, PipelineError, profile
from pytest_vizart.profiling.recording.summaries import summarise
from pytest_vizart.workflow.run import Run
from tests.plugin.conftest import make_shades
from tests.workflow.saving_runs import classify, decode, finished, lines, saved


@pytest.fixture
def dataset(tmp_path: Path) -> GoldenDataset:
    """Samples a and b are dark, c and d light; `classify` gets c wrong."""
    return GoldenDataset.load(make_shades(tmp_path))


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


def test_lines_of_saved_files_say_warmup_and_later_passes(tmp_path: Path, dataset: GoldenDataset) -> None:
    def body(run: Run, dataset: GoldenDataset) -> None:
        for sample in run.samples(dataset):
            run.save("x.txt", sample.id, stage="s")

    finished(tmp_path, dataset, "none", body)
    told = [(line.get("warmup"), line.get("pass")) for line in lines(tmp_path, "artifact saved")]
    assert told == [(True, None), *[(None, None)] * 4, *[(None, 2)] * 4]
