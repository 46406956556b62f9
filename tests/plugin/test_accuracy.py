"""Accuracy through sessions: rules, classes and tags, committed baselines, and what is known while samples pass."""

from __future__ import annotations

import json
import sys

import pytest

LOOP = """
import pytest
from pipeline import classify, decode

{markers}
def test_shades(vizart_run, golden_dataset):
    for sample in vizart_run.samples(golden_dataset):
        with vizart_run.stage("classify"):
            label = classify(decode(sample.path))
        {predict}
"""


def write(project, *markers, predict="vizart_run.predict(label)"):
    lines = "\n".join(f"@pytest.mark.{marker}" for marker in markers)
    project.makepyfile(test_it=LOOP.format(markers=lines, predict=predict))


def run(project, *options):
    return project.runpytest("--vizart-golden=golden", "--vizart-json=out.json", "-p", "no:randomly", *options)


def document(project):
    return json.loads((project.path / "out.json").read_text())


def break_pipeline(project):
    path = project.path / "pipeline.py"
    path.write_text(path.read_text().replace("> 128", "> 30"))  # b, of brightness 40, is light now


def vizart(project, *arguments):
    return project.run(sys.executable, "-m", "pytest_vizart", *arguments)


def test_a_wrong_sample_has_its_error_in_json_and_terminal(project):
    write(project)
    break_pipeline(project)
    result = run(project)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*classify: errors: 1 confused*"])
    (failure,) = document(project)["runs"][0]["failures"]
    assert (failure["sample_id"], failure["error_type"]) == ("b", "confused")
    (error,) = failure["errors"]
    assert (error["kind"], error["truth"], error["predicted"]) == ("confused", "dark", "light")
    (accuracy,) = document(project)["runs"][0]["accuracy"]
    assert [(each["kind"], each["count"], each["samples"]) for each in accuracy["errors"]] == [("confused", 1, 1)]
    assert accuracy["per_class"]["dark"]["recall"] == 0.5
    assert accuracy["per_tag"]["night"]["accuracy"] == 0.5


@pytest.mark.parametrize(
    "marker, failed",
    [
        ('vizart_accuracy(per_class={"dark": {"recall": 0.5}})', False),
        ('vizart_accuracy(per_class={"dark": {"recall": 0.51}})', True),
        ('vizart_accuracy(per_tag={"night": {"accuracy": 0.5}})', False),
        ('vizart_accuracy(per_tag={"night": {"accuracy": 0.6}})', True),
    ],
)
def test_limits_of_classes_and_tags_at_both_sides(project, marker, failed):
    write(project, marker)
    break_pipeline(project)
    run(project).assert_outcomes(failed=int(failed), passed=int(not failed))


def test_a_rule_in_the_marker_decides_what_is_correct(project):
    rule = 'vizart_accuracy(stage="classify", correct_when="true_probability >= 0.3", max_newly_wrong=0)'
    write(project, rule, predict='vizart_run.predict({"dark": 0.6, "light": 0.4})')
    run(project).assert_outcomes(passed=1)
    assert document(project)["runs"][0]["accuracy"][0]["counts"]["correct"] == 4
    write(project, rule.replace("0.3", "0.5"), predict='vizart_run.predict({"dark": 0.6, "light": 0.4})')
    result = run(project)
    result.assert_outcomes(failed=1)
    reasons = {each["sample_id"]: each["reason"] for each in document(project)["runs"][0]["failures"]}
    assert set(reasons) == {"c", "d"}
    assert reasons["c"].startswith("true_probability 0.4, not >= 0.5")


def test_a_rule_over_no_such_measure_is_the_error_of_its_test(project):
    write(project, 'vizart_accuracy(correct_when="iou >= 0.3")')
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*unknown measure in a rule; expected one of correct; found iou*"])


def test_the_first_failing_sample_is_known_before_the_second_is_processed(project):
    write(project, predict="OUTCOMES.append((sample.id, vizart_run.predict(label), lines(), vizart_run.progress))")
    path = project.path / "test_it.py"
    path.write_text(
        path.read_text().replace(
            "import pytest\n",
            "import json, pathlib, pytest\n"
            "OUTCOMES = []\n"
            "def lines():\n"
            "    found = [json.loads(each) for log in pathlib.Path('.vizart/logs').glob('*.jsonl')\n"
            "             for each in log.read_text().splitlines()]\n"
            "    return [each for each in found if each['event'] == 'sample wrong']\n",
        )
        + "\n    sample, outcome, told, progress = OUTCOMES[0]\n"
        "    assert (sample, outcome.status, outcome.error_type) == ('a', 'wrong', 'confused')\n"
        "    assert [each['sample'] for each in told] == ['a']\n"
        "    counts, metrics = progress['classify']\n"
        "    assert (counts.correct, counts.wrong, metrics['accuracy']) == (0, 1, 0.0)\n"
        "    counts, metrics = OUTCOMES[3][3]['classify']\n"
        "    assert (counts.correct, counts.wrong, metrics['accuracy']) == (2, 2, 0.5)\n"
        "    assert [each['sample'] for each in lines()] == ['a', 'b']\n"
    )
    pipeline = project.path / "pipeline.py"
    pipeline.write_text(pipeline.read_text().replace("> 128", "> 5"))
    run(project, "--vizart-warmup=0", "--vizart-passes=1").assert_outcomes(passed=1)


def test_a_committed_baseline_gates_a_ci_without_memory(project, monkeypatch):
    write(project)
    run(project).assert_outcomes(passed=1)
    written = vizart(project, "baseline", "write")
    assert written.ret == 0
    written.stdout.fnmatch_lines(["*shades/baseline.json: test_it.py::test_shades"])
    run(project, "--vizart-output=elsewhere").assert_outcomes(passed=1)
    break_pipeline(project)
    monkeypatch.setenv("CI", "true")
    result = run(project, "--vizart-output=a-machine-without-memory")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*classify accuracy 0.75, 0.25 below 1 of shades/baseline.json*"])
    verdicts = {each["metric"]: each for each in document(project)["verdicts"] if each["kind"] == "accuracy"}
    assert verdicts["newly_wrong"]["samples"] == ["b"]
    assert document(project)["runs"][0]["accuracy"][0]["negative_flip_rate"] == 0.25


def test_a_damaged_committed_baseline_fails_and_says_so(project):
    write(project)
    (project.path / "golden" / "shades" / "baseline.json").write_text("<<<<<<< HEAD\n{}")
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*baseline.json: not a committed baseline*"])


def test_a_run_that_raised_is_not_committed(project):
    write(project, predict="raise ValueError(label)")
    run(project).assert_outcomes(failed=1)
    refused = vizart(project, "baseline", "write", "last")
    assert refused.ret == 2
    refused.stderr.fnmatch_lines(["*is not whole*"])
    assert not (project.path / "golden" / "shades" / "baseline.json").exists()


def test_a_metric_of_ones_own(project):
    project.makeconftest(
        """
        from pytest_vizart import register_metric

        @register_metric("darkness", task="classes", direction="lower", unit="points", add_up="sum")
        def darkness(truth, prediction):
            return 1 - prediction.class_index
        """
    )
    write(project, 'vizart_accuracy(stage="classify", darkness=2)')
    run(project).assert_outcomes(passed=1)
    assert document(project)["runs"][0]["accuracy"][0]["metrics"]["darkness"] == 2.0
    assert document(project)["runs"][0]["accuracy"][0]["info"]["darkness"] == {"direction": "lower", "unit": "points"}
    write(project, 'vizart_accuracy(stage="classify", darkness=1)')
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*classify darkness 2 > 1, its ceiling*"])


ITEMS = """
import pytest
from pipeline import classify, decode
from pytest_vizart import register_metric

@register_metric("darkness", task="classes", direction="lower", unit="points", add_up="sum")
def darkness(truth, prediction):
    return 1 - prediction.class_index

{markers}
def test_shade(vizart_run, golden_sample):
    with vizart_run.stage("classify"):
        label = classify(decode(golden_sample.path))
    vizart_run.predict(label)
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
@pytest.mark.parametrize("limit, failed", [(2, 0), (1, 1)])
def test_a_metric_that_only_the_test_module_registers_is_judged_for_items(project, workers, limit, failed):
    if workers:
        pytest.importorskip("xdist")
    marker = f'@pytest.mark.vizart_accuracy(stage="classify", darkness={limit}, correct_when="darkness <= 1")'
    project.makepyfile(test_it=ITEMS.format(markers=marker))
    result = project.runpytest_subprocess("--vizart-golden=golden", *workers)
    result.assert_outcomes(passed=5 - failed, failed=failed)
    if failed:
        result.stdout.fnmatch_lines(["*classify darkness 2 > 1, its ceiling*"])


def test_the_worst_outcome_of_a_batch_is_returned(project):
    (project.path / "golden" / "shades" / "classes.csv").write_text(
        "file,label\na.png,light\nb.png,dark\nc.png,light\n"
    )
    project.makepyfile(
        test_it="""
        def test_shades(vizart_run, golden_dataset):
            found = []
            for batch in vizart_run.batches(golden_dataset, 2):
                with vizart_run.stage("classify"):
                    labels = ["light"] * len(batch)
                found.append(vizart_run.predict(labels))
            first, second = [outcome for outcome in found if outcome is not None]
            assert (first.sample_id, first.status) == ("b", "wrong")
            assert (second.sample_id, second.status) == ("d", "unlabeled")
        """
    )
    run(project, "--vizart-warmup=0").assert_outcomes(passed=1)


def test_a_rule_for_every_stage_where_several_have_labels_is_refused(project):
    manifest = project.path / "golden" / "shades" / "golden.yaml"
    text = manifest.read_text()
    line = next(line for line in text.splitlines() if "stage: classify" in line)
    manifest.write_text(text.replace(line, line + "\n" + line.replace("classify", "again")))
    write(project, 'vizart_accuracy(correct_when="correct >= 1")')
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*a rule without a stage; expected stage= one of classify, again*"])
