"""The main job, through pytest: a run is measured, scored, kept and judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_vizart import History
from pytest_vizart.workflow.inert import InertRun
from pytest_vizart.workflow.run import Run
from tests.plugin.conftest import make_shades


def session_json(pytester: pytest.Pytester) -> dict:
    return json.loads((pytester.path / "result.json").read_text())


def test_every_stage_of_every_sample_and_pass_is_kept(shades: pytest.Pytester) -> None:
    shades.runpytest("--vizart-warmup=1").assert_outcomes(passed=1)
    spans = History(shades.path / ".vizart").spans().to_pylist()
    counted = [(row["stage"], row["sample_id"], row["pass_index"]) for row in spans if not row["warmup"]]
    expected = [
        (stage, sample, number)
        for stage in ("(calibration)", "decode", "classify")
        for sample in "abcd"
        for number in range(3)
    ]
    assert sorted(counted) == sorted(expected)
    assert [row["sample_id"] for row in spans if row["warmup"] and row["stage"] == "decode"] == ["a"]


def test_json_holds_stages_accuracy_counts_and_verdicts(shades: pytest.Pytester) -> None:
    shades.runpytest("--vizart-json=result.json").assert_outcomes(passed=1)
    (run,) = session_json(shades)["runs"]
    assert (run["dataset"], run["status"], run["samples"]) == ("shades", "passed", 4)
    assert [stage["name"] for stage in run["stages"]] == ["decode", "classify"]
    assert run["stages"][0]["wall_ms"]["median"] > 0
    (accuracy,) = run["accuracy"]
    assert accuracy["metrics"]["accuracy"] == 1.0
    assert accuracy["counts"] == {"correct": 4, "wrong": 0, "invalid": 0, "unlabeled": 0}


def test_batches_are_measured_as_one_span_and_compared_sample_by_sample(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_batches="""
        from pipeline import classify, decode

        def test_batches(vizart_run, golden_dataset):
            for batch in vizart_run.batches(golden_dataset, 3):
                with vizart_run.stage("classify"):
                    labels = [classify(decode(sample.path)) for sample in batch]
                vizart_run.predict(labels)
        """
    )
    project.runpytest("--vizart-json=result.json", "--vizart-warmup=0").assert_outcomes(passed=1)
    spans = History(project.path / ".vizart").spans(stage="classify").to_pylist()
    assert sorted({(row["sample_id"], row["items"]) for row in spans}) == [("a|b|c", 3), ("d", 1)]
    assert session_json(project)["runs"][0]["accuracy"][0]["counts"]["correct"] == 4


def test_check_runs_a_list_of_stages(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_check="""
        from pipeline import classify, decode

        def test_check(vizart_run, golden_dataset):
            vizart_run.check([("decode", decode), ("classify", classify)], golden_dataset)
        """
    )
    project.runpytest("--vizart-json=result.json").assert_outcomes(passed=1)
    (run,) = session_json(project)["runs"]
    assert [stage["name"] for stage in run["stages"]] == ["decode", "classify"]
    assert run["accuracy"][0]["metrics"]["accuracy"] == 1.0


def test_watched_and_decorated_functions_are_stages_and_are_put_back(project: pytest.Pytester) -> None:
    project.makepyfile(
        decorated="""
        from pytest_vizart import profile

        @profile("shrink")
        def shrink(image):
            return image[::2]
        """,
        test_watch="""
        import pytest, pipeline
        from decorated import shrink
        kept = [pipeline.decode]

        @pytest.mark.vizart_stages("pipeline:decode", "pipeline:classify")
        def test_watch(vizart_run, golden_dataset):
            for sample in vizart_run.samples(golden_dataset):
                label = pipeline.classify(shrink(pipeline.decode(sample.path)))
                vizart_run.predict(label)
            assert pipeline.decode is not kept[0]

        def test_after():
            assert pipeline.decode is kept[0]
        """,
    )
    project.runpytest("--vizart-json=result.json").assert_outcomes(passed=2)
    stages = {stage["name"]: stage["spans"] for stage in session_json(project)["runs"][0]["stages"]}
    assert stages == {"decode": 12, "shrink": 12, "classify": 12}


def test_saved_artifacts_lie_with_their_run_and_stage(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_save="""
        from pipeline import decode

        def test_save(vizart_run, golden_dataset):
            for sample in vizart_run.samples(golden_dataset):
                with vizart_run.stage("decode"):
                    image = decode(sample.path)
                path = vizart_run.save("image", image)
                assert path.parent.name == "decode" and path.parent.parent.parent.name == vizart_run.run_id
        """
    )
    project.runpytest().assert_outcomes(passed=1)
    saved = sorted(path.name for path in Path(project.path / ".vizart" / "runs").rglob("*.png"))
    assert saved == ["a-image.png", "b-image.png", "c-image.png", "d-image.png"]


def test_a_function_imported_by_name_is_watched_there_too(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_watch="""
        import pytest
        from pipeline import classify, decode
        kept = [decode]

        @pytest.mark.vizart_stages("pipeline:decode", "pipeline:classify")
        def test_watch(vizart_run, golden_dataset):
            for sample in vizart_run.samples(golden_dataset):
                vizart_run.predict(classify(decode(sample.path)))

        def test_after():
            assert decode is kept[0]
        """
    )
    project.runpytest("--vizart-json=result.json").assert_outcomes(passed=2)
    assert [stage["name"] for stage in session_json(project)["runs"][0]["stages"]] == ["decode", "classify"]


def test_passes_warmup_and_profile_are_obeyed(shades: pytest.Pytester) -> None:
    shades.runpytest("--vizart-passes=2", "--vizart-warmup=0", "--vizart-profile=basic")
    spans = History(shades.path / ".vizart").spans(stage="decode").to_pylist()
    assert sorted({row["pass_index"] for row in spans}) == [0, 1]
    assert {row["warmup"] for row in spans} == {False}
    assert {row["cpu_ns"] for row in spans} == {None}


def test_a_skip_inside_of_the_test_leaves_no_run(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        def test_skip(vizart_run, golden_dataset):
            for sample in vizart_run.samples(golden_dataset):
                pytest.skip("not today")

        def test_xfail(vizart_run, golden_dataset):
            for sample in vizart_run.samples(golden_dataset):
                pytest.xfail("not yet")
        """
    )
    project.runpytest().assert_outcomes(skipped=1, xfailed=1)
    assert History(project.path / ".vizart").runs().num_rows == 0


def test_every_audit_line_carries_the_id_of_a_kept_run(shades: pytest.Pytester) -> None:
    shades.runpytest()
    (log,) = (shades.path / ".vizart" / "logs").glob("*.jsonl")
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert {event["run_id"] for event in events} == set(History(shades.path / ".vizart").runs()["run_id"].to_pylist())
    told = [event["event"] for event in events]
    assert told == ["run started", *["stage finished"] * 2, "stage scored", *["verdict"] * 3, "run finished"]
    assert events[1]["wall_ms"] > 0


def test_a_run_uses_one_dataset_and_its_samples_once(project: pytest.Pytester) -> None:
    make_shades(project.path / "golden", "others")
    project.makepyfile(
        """
        import pytest
        from pathlib import Path
        from pytest_vizart import GoldenDataset, UsageError

        @pytest.mark.vizart_golden("shades")
        def test_two(vizart_run, golden_dataset):
            list(vizart_run.samples(golden_dataset))
            with pytest.raises(UsageError, match="one dataset"):
                list(vizart_run.samples(GoldenDataset.load(Path("golden/others"))))
            with pytest.raises(UsageError, match="used already"):
                list(vizart_run.samples(golden_dataset))
            with pytest.raises(UsageError, match="not a golden dataset"):
                list(vizart_run.samples(["a"]))
        """
    )
    project.runpytest().assert_outcomes(passed=1)


def test_a_sample_without_a_prediction_is_invalid_and_a_second_one_is_refused(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest
        from pytest_vizart import UsageError

        def test_some(vizart_run, golden_dataset):
            for sample in vizart_run.samples(golden_dataset):
                if sample.id != "c":
                    vizart_run.predict("dark", stage="classify")
                if sample.id == "d" and vizart_run.seen:
                    with pytest.raises(UsageError, match="second prediction"):
                        vizart_run.predict("dark", stage="classify")
        """
    )
    project.runpytest("--vizart-warmup=0").assert_outcomes(passed=1)
    outcomes = {row["sample_id"]: row["status"] for row in History(project.path / ".vizart").outcomes().to_pylist()}
    assert outcomes == {"a": "correct", "b": "correct", "c": "invalid", "d": "wrong"}


def test_texts_that_are_no_unicode_cost_neither_the_gate_nor_the_run(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.mark.vizart_accuracy(accuracy=0.9)
        def test_odd(vizart_run, golden_dataset):
            for sample in vizart_run.samples(golden_dataset):
                with vizart_run.stage("caf\\udce9"):
                    pass
                vizart_run.predict("dark", stage="classify")

        def test_raises(vizart_run, golden_dataset):
            for sample in vizart_run.samples(golden_dataset):
                raise ValueError("caf\\udce9.png")
        """
    )
    project.runpytest("--vizart-json=result.json").assert_outcomes(failed=2)
    assert [row["status"] for row in History(project.path / ".vizart").runs().to_pylist()] == ["failed", "error"]
    assert len(session_json(project)["runs"]) == 2


def test_off_leaves_every_public_attribute_of_the_run() -> None:
    public = {name for name in vars(Run) if not name.startswith("_")}
    made = {name for name in vars(Run("x", output=Path())) if not name.startswith("_")}
    of_the_plugin = {
        "use_sample",
        "current_samples",
        "recorder",
        "scorebook",
        "started_us",
        "predictions",
        "functions",
        "told",
    }
    assert (public | made) - of_the_plugin <= set(dir(InertRun("x")))
