"""Each piece of bad input gives one clear message; monitoring never breaks a test by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_vizart import History
from tests.plugin.conftest import LOOP_TEST, make_shades


def test_missing_golden_folder(shades: pytest.Pytester) -> None:
    result = shades.runpytest("--vizart-golden=nowhere")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*nowhere*hint*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_several_datasets_and_no_marker(shades: pytest.Pytester) -> None:
    make_shades(shades.path / "golden", "others")
    result = shades.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*several golden datasets*others, shades*vizart_golden*"])


def test_a_marker_that_names_no_dataset(project: pytest.Pytester) -> None:
    project.makepyfile(test_shades=LOOP_TEST.format(markers='@pytest.mark.vizart_golden("shade")'))
    result = project.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*no golden dataset 'shade'*expected shades*"])


def test_a_manifest_with_a_wrong_key(shades: pytest.Pytester) -> None:
    manifest = shades.path / "golden" / "shades" / "golden.yaml"
    manifest.write_text(manifest.read_text().replace("classes:", "clases:"))
    result = shades.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*golden.yaml*clases*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_label_file_that_is_not_what_it_says(shades: pytest.Pytester) -> None:
    labels = shades.path / "golden" / "shades" / "classes.csv"
    labels.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n")
    result = shades.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*classes.csv*hint*"])
    assert History(shades.path / ".vizart").runs().num_rows == 0


def test_an_unreadable_label_is_invalid_and_the_others_count(shades: pytest.Pytester) -> None:
    labels = shades.path / "golden" / "shades" / "classes.csv"
    labels.write_text(labels.read_text().replace("b.png,dark", "b.png,mauve"))
    shades.runpytest().assert_outcomes(passed=1)
    outcomes = {row["sample_id"]: row for row in History(shades.path / ".vizart").outcomes().to_pylist()}
    assert {name: row["status"] for name, row in outcomes.items()} == {
        "a": "correct", "b": "invalid", "c": "correct", "d": "correct",
    }  # fmt: skip
    assert "mauve" in outcomes["b"]["reason"]


def test_a_missing_label_is_unlabeled(shades: pytest.Pytester) -> None:
    labels = shades.path / "golden" / "shades" / "classes.csv"
    labels.write_text(labels.read_text().replace("b.png,dark\n", ""))
    shades.runpytest().assert_outcomes(passed=1)
    statuses = [row["status"] for row in History(shades.path / ".vizart").outcomes().to_pylist()]
    assert sorted(statuses) == ["correct", "correct", "correct", "unlabeled"]


def test_an_unreadable_sample(project: pytest.Pytester) -> None:
    (project.path / "golden" / "shades" / "images" / "c.png").write_bytes(b"not a picture")
    project.makepyfile(
        test_shades="""
        from pipeline import classify

        def test_shades(vizart_run, golden_dataset):
            vizart_run.check([("classify", classify)], golden_dataset, input="array")
        """
    )
    result = project.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*raised on 1 of 4 samples: c*"])
    outcomes = {row["sample_id"]: row["status"] for row in History(project.path / ".vizart").outcomes().to_pylist()}
    assert outcomes == {"a": "correct", "b": "correct", "c": "invalid", "d": "correct"}


def test_an_exception_in_a_stage(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_shades=LOOP_TEST.format(markers="").replace(
            "image = decode(sample.path)",
            'image = decode(sample.path)\n            if sample.id == "c": raise ZeroDivisionError("planted")',
        )
    )
    result = project.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*ZeroDivisionError: planted*"])
    history = History(project.path / ".vizart")
    (run,) = history.runs().to_pylist()
    assert (run["status"], run["error"], run["accepted"]) == ("error", "ZeroDivisionError: planted", False)
    failed = [row for row in history.spans(stage="decode").to_pylist() if row["error"]]
    assert [(row["sample_id"], row["error"]) for row in failed] == [("c", "ZeroDivisionError")]
    log = next((project.path / ".vizart" / "logs").glob("*.jsonl")).read_text()
    assert "planted" in log
    assert "c.png" in log


def test_off(shades: pytest.Pytester) -> None:
    shades.runpytest("--vizart-off").assert_outcomes(passed=1)
    assert not (shades.path / ".vizart").exists()


def test_off_by_the_ini_file(shades: pytest.Pytester) -> None:
    shades.makeini("[pytest]\nvizart = off\n")
    result = shades.runpytest("--vizart-report=report.html", "--vizart-json=result.json")
    result.assert_outcomes(passed=1)
    assert not any((shades.path / name).exists() for name in (".vizart", "report.html", "result.json"))


def test_off_still_runs_every_sample_once(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_shades="""
        def test_shades(vizart_run, golden_dataset):
            seen = []
            for sample in vizart_run.samples(golden_dataset):
                with vizart_run.stage("") as stage:
                    assert stage.output(3) == 3
                vizart_run.predict(object())
                seen.append(sample.id)
            assert seen == ["a", "b", "c", "d"]
            assert vizart_run.save("x", object()) is None
        """
    )
    project.runpytest("--vizart-off").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("prediction", "message"),
    [
        ("float('nan')", "*sample 'a', stage 'classify'*"),
        ("'mauve'", "*sample 'a', stage 'classify'*mauve*"),
        ("('dark', float('nan'))", "*sample 'a', stage 'classify'*nan*"),
        ("[[1, 2], [3, 4]]", "*sample 'a', stage 'classify'*"),
        ("None", "*sample 'a', stage 'classify'*"),
    ],
)
def test_a_prediction_that_cannot_be_meant(project: pytest.Pytester, prediction: str, message: str) -> None:
    project.makepyfile(
        test_shades=LOOP_TEST.format(markers="").replace(
            "vizart_run.predict(label)", f"vizart_run.predict({prediction})"
        )
    )
    result = project.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"E *PredictionError: {message}"])
    result.stdout.no_fnmatch_line("*pytest_vizart/accuracy/*")
    result.stdout.no_fnmatch_line("*pytest_vizart/workflow/*")


def test_a_prediction_for_a_stage_whose_name_is_misspelt(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_shades=LOOP_TEST.format(markers="").replace("predict(label)", 'predict(label, stage="clasify")')
    )
    result = project.runpytest()
    hint = "did you mean 'classify'[?] give the stage the name of a labelled one, or predict(value, stage=...)"
    result.stdout.fnmatch_lines([f"E *stage 'clasify' has no labels*hint: {hint}*"])


def test_a_prediction_for_a_stage_without_labels(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_shades=LOOP_TEST.format(markers="").replace("predict(label)", 'predict(label, stage="decode")')
    )
    result = project.runpytest()
    result.stdout.fnmatch_lines(["E *stage 'decode' has no labels*classify*"])


@pytest.mark.parametrize(
    ("markers", "message"),
    [
        ("@pytest.mark.vizart_latency(stage='classify', p95=50)", "*p95*p95_ms*"),
        ("@pytest.mark.vizart_accuracy(stage='classify', acuracy=0.5)", "*acuracy*accuracy*"),
        ("@pytest.mark.vizart_accuracy(accuracy='high')", "*accuracy*high*"),
        ("@pytest.mark.vizart_memory(max_peak_mb=-500)", "*max_peak_mb*above 0*"),
        ("@pytest.mark.vizart_memory(max_peak=5)", "*max_peak*max_peak_mb*"),
        ("@pytest.mark.vizart_golden(name='shades')", "*vizart_golden*"),
        ("@pytest.mark.vizart_acuracy(accuracy=0.5)", "*unknown marker*vizart_acuracy*did you mean vizart_accuracy*"),
        ("@pytest.mark.vizart_stages(3)", "*vizart_stages*"),
    ],
)
def test_a_marker_with_unknown_or_mistyped_arguments(project: pytest.Pytester, markers: str, message: str) -> None:
    project.makepyfile(test_shades=LOOP_TEST.format(markers=markers) + "\ndef test_other(): pass\n")
    result = project.runpytest()
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines([message])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_marker_that_nothing_looks_at(project: pytest.Pytester) -> None:
    project.makepyfile("import pytest\n@pytest.mark.vizart_accuracy(accuracy=0.5)\ndef test_forgotten(): pass\n")
    result = project.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*vizart_run*"])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--vizart-passes=few", "*--vizart-passes*whole number*few*"),
        ("--vizart-warmup=-1", "*--vizart-warmup*-1*"),
        ("--vizart-limit=0", "*--vizart-limit*0*"),
    ],
)
def test_an_option_that_cannot_be_meant(shades: pytest.Pytester, option: str, message: str) -> None:
    result = shades.runpytest(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_an_output_folder_that_cannot_be_made_is_warned_of_and_the_gate_still_judges(project: pytest.Pytester) -> None:
    (project.path / "blocked").write_text("a file where the folder should be")
    markers = "@pytest.mark.vizart_accuracy(accuracy=0.9)"
    project.makepyfile(test_shades=LOOP_TEST.format(markers=markers))
    result = project.runpytest("--vizart-output=blocked/out", "--vizart-json=result.json")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*VizartWarning*blocked*--vizart-output*"])
    assert (project.path / "result.json").exists()


def test_warnings_as_errors_do_not_break_the_test(project: pytest.Pytester) -> None:
    (project.path / "blocked").write_text("a file where the folder should be")
    project.makepyfile(test_shades=LOOP_TEST.format(markers=""))
    project.runpytest("-W", "error", "--vizart-output=blocked/out").assert_outcomes(passed=1)


def test_a_damaged_history_file_is_named_and_the_rest_is_read(shades: pytest.Pytester) -> None:
    shades.runpytest()
    shades.runpytest()
    (first, _) = sorted((shades.path / ".vizart" / "metrics" / "runs").glob("*.parquet"))
    first.write_bytes(first.read_bytes()[:100])
    result = shades.runpytest()
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines([f"*{first.name}*"])


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_a_memory_probe_that_fails_in_mid_run_goes_silent_with_one_warning(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_shades="""
        import os
        from pipeline import classify, decode

        def test_shades(vizart_run, golden_dataset):
            for number, sample in enumerate(vizart_run.samples(golden_dataset)):
                if number == 5:
                    for name in os.listdir("/proc/self/fd"):
                        try:
                            if os.readlink(f"/proc/self/fd/{name}").endswith("/statm"):
                                os.close(int(name))
                        except OSError:
                            pass
                with vizart_run.stage("classify"):
                    label = classify(decode(sample.path))
                vizart_run.predict(label)
        """
    )
    result = project.runpytest()
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*memory is no longer measured*"])
    assert (project.path / ".vizart").exists()
