"""The gate, through pytest: what fails a test, what is a baseline, and what is told."""

from __future__ import annotations

import re
import sys

import pytest

from pytest_vizart import History
from tests.plugin.conftest import LOOP_TEST, make_shades
from tests.plugin.test_run import session_json


def test_a_floor_that_is_missed_fails_the_test_without_a_traceback(project: pytest.Pytester) -> None:
    make_shades(project.path / "golden", "moved", {"a": "light"})
    markers = '@pytest.mark.vizart_golden("moved")\n@pytest.mark.vizart_accuracy(stage="classify", accuracy=0.9)'
    project.makepyfile(test_shades=LOOP_TEST.format(markers=markers))
    result = project.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*classify*accuracy*0.75*0.9*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*hooks.py*")


def test_a_test_that_ends_where_its_working_directory_is_gone_is_judged(project: pytest.Pytester) -> None:
    make_shades(project.path / "golden", "moved", {"a": "light"})
    markers = '@pytest.mark.vizart_golden("moved")\n@pytest.mark.vizart_accuracy(stage="classify", accuracy=0.9)'
    gone = """
    import os, tempfile
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
"""
    project.makepyfile(test_shades=LOOP_TEST.format(markers=markers) + gone)
    result = project.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*classify*accuracy*0.75*0.9*"])


def test_a_sample_that_turns_wrong_fails_against_the_last_accepted_run(shades: pytest.Pytester) -> None:
    shades.runpytest().assert_outcomes(passed=1)
    labels = shades.path / "golden" / "shades" / "classes.csv"
    labels.write_text(labels.read_text().replace("b.png,dark", "b.png,light"))
    result = shades.runpytest("--vizart-json=result.json")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*classify*accuracy*b*", "    b: *light*"])
    (accuracy,) = session_json(shades)["runs"][0]["accuracy"]
    assert accuracy["newly_wrong"] == ["b"]
    failed = [verdict for verdict in session_json(shades)["verdicts"] if verdict["status"] == "fail"]
    assert {(verdict["stage"], verdict["kind"]) for verdict in failed} == {("classify", "accuracy")}


def test_a_failed_run_is_no_baseline_until_it_is_accepted(shades: pytest.Pytester) -> None:
    shades.runpytest()
    labels = shades.path / "golden" / "shades" / "classes.csv"
    labels.write_text(labels.read_text().replace("b.png,dark", "b.png,light"))
    shades.runpytest().assert_outcomes(failed=1)
    shades.runpytest().assert_outcomes(failed=1)
    accepted = shades.run(sys.executable, "-m", "pytest_vizart", "baseline", "accept")
    assert accepted.ret == 0
    shades.runpytest().assert_outcomes(passed=1)


def test_the_gate_can_warn_or_be_off(shades: pytest.Pytester) -> None:
    shades.runpytest()
    labels = shades.path / "golden" / "shades" / "classes.csv"
    labels.write_text(labels.read_text().replace("b.png,dark", "b.png,light"))
    warned = shades.runpytest("--vizart-gate=warn")
    warned.assert_outcomes(passed=1)
    warned.stdout.fnmatch_lines(["*classify*accuracy*b*"])
    off = shades.runpytest("--vizart-gate=off", "--vizart-json=result.json")
    off.assert_outcomes(passed=1)
    assert session_json(shades)["verdicts"] == []
    accepted = History(shades.path / ".vizart").runs()["accepted"].to_pylist()
    assert accepted == [True, False, False]  # what was not judged is no baseline


def test_the_second_session_finds_the_first_as_history(shades: pytest.Pytester) -> None:
    shades.runpytest()
    shades.runpytest("--vizart-report=report.html")
    assert History(shades.path / ".vizart").runs().num_rows == 2
    report = (shades.path / "report.html").read_text()
    assert re.search(r"test_shades\.py::test_shades</\w+>[^<]*(<[^>]*>)*[^<]*2 runs", report)


def test_an_expected_failure_stays_expected(project: pytest.Pytester) -> None:
    make_shades(project.path / "golden", "moved", {"a": "light"})
    markers = '@pytest.mark.xfail\n@pytest.mark.vizart_golden("moved")\n@pytest.mark.vizart_accuracy(accuracy=0.9)'
    project.makepyfile(test_shades=LOOP_TEST.format(markers=markers))
    project.runpytest().assert_outcomes(xfailed=1)


def test_last_failed_and_junit_know_the_failure(project: pytest.Pytester) -> None:
    make_shades(project.path / "golden", "moved", {"a": "light"})
    markers = '@pytest.mark.vizart_golden("moved")\n@pytest.mark.vizart_accuracy(accuracy=0.9)'
    project.makepyfile(test_shades=LOOP_TEST.format(markers=markers) + "\ndef test_other(): pass\n")
    project.runpytest("--junit-xml=junit.xml").assert_outcomes(failed=1, passed=1)
    assert 'failures="1"' in (project.path / "junit.xml").read_text()
    project.runpytest("--lf").assert_outcomes(failed=1)


def test_a_part_of_the_data_is_never_a_baseline(shades: pytest.Pytester) -> None:
    shades.runpytest("--vizart-limit=2").assert_outcomes(passed=1)
    shades.runpytest("--vizart-tags=night").assert_outcomes(passed=1)
    runs = History(shades.path / ".vizart").runs().to_pylist()
    assert [(run["samples"], run["partial"], run["accepted"]) for run in runs] == [(2, True, False)] * 2


def test_predictions_that_differ_between_passes_are_told(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_shades=LOOP_TEST.format(markers="").replace(
            "stage.output(classify(image))", 'stage.output("dark" if vizart_run.passes == 2 else classify(image))'
        )
    )
    result = project.runpytest()
    result.stdout.fnmatch_lines(["*not deterministic*"])


def test_a_session_that_is_killed_loses_no_finished_run(shades: pytest.Pytester) -> None:
    shades.makepyfile(test_zz_dies="import os, signal\ndef test_dies(): os.kill(os.getpid(), signal.SIGKILL)\n")
    assert shades.runpytest_subprocess().ret == -9
    assert History(shades.path / ".vizart").runs().num_rows == 0
    shades.runpytest("test_shades.py").assert_outcomes(passed=1)
    runs = History(shades.path / ".vizart").runs()
    assert runs.num_rows == 2
    assert len(set(runs["session_id"].to_pylist())) == 2


def test_leaving_the_loop_early_is_a_part_of_the_data(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_shades=LOOP_TEST.format(markers="").replace(
            "vizart_run.predict(label)",
            'vizart_run.predict(label)\n        if vizart_run.seen and sample.id == "b": break',
        )
    )
    project.runpytest("--vizart-warmup=0").assert_outcomes(passed=1)
    (run,) = History(project.path / ".vizart").runs().to_pylist()
    assert (run["samples"], run["partial"], run["accepted"]) == (2, True, False)


def test_a_run_that_forgets_to_predict_is_no_baseline(shades: pytest.Pytester) -> None:
    shades.runpytest()
    shades.makepyfile(test_shades=LOOP_TEST.format(markers="").replace("vizart_run.predict(label)", "pass"))
    result = shades.runpytest()
    result.stdout.fnmatch_lines(["*nothing was predicted*"])
    assert History(shades.path / ".vizart").runs()["accepted"].to_pylist() == [True, False]


def test_a_dataset_that_lost_samples_is_no_baseline(shades: pytest.Pytester) -> None:
    shades.runpytest()
    (shades.path / "golden" / "shades" / "images" / "c.png").unlink()
    shades.runpytest().assert_outcomes(passed=1)
    assert History(shades.path / ".vizart").runs()["accepted"].to_pylist() == [True, False]


def test_naming_one_dataset_skips_the_tests_of_others(project: pytest.Pytester) -> None:
    make_shades(project.path / "golden", "others")
    tests = LOOP_TEST.format(markers='@pytest.mark.vizart_golden("others")')
    project.makepyfile(test_shades=LOOP_TEST.format(markers='@pytest.mark.vizart_golden("shades")'), test_others=tests)
    result = project.runpytest("--vizart-golden=golden/others", "-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*names dataset 'others'*uses 'shades'*"])


def test_tags_skip_the_tests_whose_data_has_none_of_them(shades: pytest.Pytester) -> None:
    shades.runpytest("--vizart-tags=winter").assert_outcomes(skipped=1)


def test_markers_of_classes_and_modules_are_checked_too(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest
        pytestmark = pytest.mark.vizart_memory(max_peek_mb=1)

        def test_module(vizart_run): pass

        @pytest.mark.vizart_accuracy(acuracy=0.9)
        class TestAll:
            def test_class(self, vizart_run): pass

        def test_plain(): pass
        """
    )
    result = project.runpytest()
    result.assert_outcomes(errors=2, passed=1)
    result.stdout.fnmatch_lines(["*max_peek_mb*did you mean max_peak_mb*"])
