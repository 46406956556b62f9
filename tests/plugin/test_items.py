"""One pytest item for each sample: the items of a function share a run, judged when all have run."""

from __future__ import annotations

import json

import pytest

from pytest_vizart import History

ITEM_TEST = """
import pytest
from pipeline import classify, decode

{markers}
def test_one(vizart_run, golden_sample):
    with vizart_run.stage("decode"):
        image = decode(golden_sample.path)
    with vizart_run.stage("classify"):
        label = classify(image)
    vizart_run.predict(label)
    assert golden_sample.id != {bad!r}, "planted"
"""


@pytest.fixture
def items(project: pytest.Pytester) -> pytest.Pytester:
    project.makepyfile(test_items=ITEM_TEST.format(markers="@pytest.mark.vizart_accuracy(accuracy=0.9)", bad=""))
    return project


def mislabel(project: pytest.Pytester) -> None:
    labels = project.path / "golden" / "shades" / "classes.csv"
    labels.write_text(labels.read_text().replace("b.png,dark", "b.png,light"))


def test_every_sample_is_an_item_and_the_function_is_a_test_of_its_own(items: pytest.Pytester) -> None:
    result = items.runpytest("-v")
    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(["*test_one?a? PASSED*", "*test_one?d? PASSED*", "test_items.py::test_one PASSED*"])
    (run,) = History(items.path / ".vizart").runs().to_pylist()
    assert (run["test_id"], run["samples"], run["status"], run["accepted"]) == (
        "test_items.py::test_one",
        4,
        "passed",
        True,
    )


def test_the_shared_run_fails_under_the_bare_node_id(items: pytest.Pytester) -> None:
    mislabel(items)
    result = items.runpytest("--junit-xml=junit.xml", "--vizart-json=result.json")
    result.assert_outcomes(passed=4, failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["FAILED test_items.py::test_one - *accuracy*"])
    assert 'failures="1"' in (items.path / "junit.xml").read_text()
    counts = json.loads((items.path / "result.json").read_text())["runs"][0]["accuracy"][0]["counts"]
    assert counts == {"correct": 3, "wrong": 1, "invalid": 0, "unlabeled": 0}


def test_a_subset_is_inconclusive(items: pytest.Pytester) -> None:
    mislabel(items)
    result = items.runpytest("test_items.py::test_one[a]", "test_items.py::test_one[b]", "-rs")
    result.assert_outcomes(passed=2, skipped=1)
    result.stdout.fnmatch_lines(["*inconclusive: 2 of 4 samples ran*"])
    (run,) = History(items.path / ".vizart").runs().to_pylist()
    assert (run["partial"], run["accepted"]) == (True, False)


def test_a_sample_that_raises_fails_its_item_and_the_run_is_inconclusive(project: pytest.Pytester) -> None:
    project.makepyfile(test_items=ITEM_TEST.format(markers="", bad="c"))
    result = project.runpytest("-rs")
    result.assert_outcomes(passed=3, failed=1, skipped=1)
    result.stdout.fnmatch_lines(["*inconclusive*planted*"])


def test_stopping_at_the_first_failure_still_ends_the_run(project: pytest.Pytester) -> None:
    project.makepyfile(test_items=ITEM_TEST.format(markers="", bad="b"))
    result = project.runpytest("-x")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    (run,) = History(project.path / ".vizart").runs().to_pylist()
    assert (run["status"], run["samples"]) == ("error", 2)


def test_newly_wrong_samples_are_named_across_sessions(project: pytest.Pytester) -> None:
    project.makepyfile(test_items=ITEM_TEST.format(markers="", bad=""))
    project.runpytest().assert_outcomes(passed=5)
    mislabel(project)
    result = project.runpytest()
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(["*classify*accuracy*b*"])


def test_other_parameters_keep_their_runs_apart(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest
        from pipeline import classify, decode

        @pytest.mark.vizart_accuracy(accuracy=0.9)
        @pytest.mark.parametrize("blind", [True, False])
        def test_one(vizart_run, golden_sample, blind):
            with vizart_run.stage("classify"):
                label = "dark" if blind else classify(decode(golden_sample.path))
            vizart_run.predict(label)
        """
    )
    result = project.runpytest("-v")
    result.assert_outcomes(passed=9, failed=1)
    result.stdout.fnmatch_lines(["*::test_one?True? FAILED*"])
    result.stdout.fnmatch_lines(["*::test_one?False? PASSED*"])


def test_an_output_folder_that_cannot_be_made_still_leaves_the_gate(items: pytest.Pytester) -> None:
    (items.path / "blocked").write_text("a file where the folder should be")
    mislabel(items)
    result = items.runpytest("--vizart-output=blocked/out")
    result.assert_outcomes(passed=4, failed=1, warnings=1)


def test_a_missing_dataset_is_told_once_for_the_test(items: pytest.Pytester) -> None:
    result = items.runpytest("--vizart-golden=nowhere")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*nowhere*hint*"])
    result.stdout.no_fnmatch_line("*During handling*")


def test_off(items: pytest.Pytester) -> None:
    items.runpytest("--vizart-off").assert_outcomes(passed=4)
    assert not (items.path / ".vizart").exists()


def test_the_last_attempt_counts_and_the_pieces_of_a_killed_session_are_kept(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_items=ITEM_TEST.format(markers="", bad=""),
        test_zz_dies="import os, signal\ndef test_dies(): os.kill(os.getpid(), signal.SIGKILL)\n",
    )
    assert project.runpytest_subprocess().ret == -9
    project.runpytest("test_items.py").assert_outcomes(passed=5)
    history = History(project.path / ".vizart")
    runs = history.runs().to_pylist()
    assert [(run["status"], run["samples"], run["accepted"]) for run in runs] == [
        ("error", 4, False),
        ("passed", 4, True),
    ]
    assert history.spans(run_ids=[runs[0]["run_id"]], stage="decode").num_rows == 4


def test_audit_and_artifacts_bear_the_id_of_the_shared_run(project: pytest.Pytester) -> None:
    saving = 'vizart_run.predict(label); vizart_run.save("image", image)'
    code = ITEM_TEST.format(markers="", bad="").replace("vizart_run.predict(label)", saving)
    project.makepyfile(test_items=code)
    project.runpytest().assert_outcomes(passed=5)
    (run,) = History(project.path / ".vizart").runs().to_pylist()
    assert [folder.name for folder in (project.path / ".vizart" / "runs").iterdir()] == [run["run_id"]]
    (log,) = (project.path / ".vizart" / "logs").glob("*.jsonl")
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert {event["run_id"] for event in events} == {run["run_id"]}
    assert events[-1]["event"] == "run finished"
