"""`vizart_run.golden()` and `--vizart-update`, through sessions."""

from __future__ import annotations

import json
import sys

import pytest

TEST = """
import pytest
import pipeline

def test_shades(vizart_run, golden_dataset):
    for sample in vizart_run.samples(golden_dataset):
        with vizart_run.stage("decode"):
            image = pipeline.decode(sample.path)
        vizart_run.golden(image, name="pixels")
        with vizart_run.stage("summary"):
            numbers = {"mean": image.mean() * pipeline.FACTOR, "text": f"{image.shape}"}
        vizart_run.golden(numbers, rtol=1e-6)
"""

ITEMS = """
import pipeline

def test_shade(vizart_run, golden_sample):
    with vizart_run.stage("decode"):
        image = pipeline.decode(golden_sample.path)
    vizart_run.golden(image.mean() * pipeline.FACTOR, name="mean", rtol=1e-6)
"""


@pytest.fixture
def recorded(project):
    project.makepyfile(test_it=TEST)
    set_factor(project, 1.0)
    return project


def set_factor(project, factor):
    path = project.path / "pipeline.py"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("FACTOR")]
    path.write_text("\n".join([*lines, f"FACTOR = {factor}", ""]))


def run(project, *options):
    return project.runpytest("--vizart-golden=golden", "--vizart-json=out.json", *options)


def vizart(project, *arguments):
    return project.run(sys.executable, "-m", "pytest_vizart", *arguments)


def files(project):
    folder = project.path / "golden" / "shades" / "recorded"
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


ALL = [f"pixels/{sample}.png" for sample in "abcd"] + [f"summary/{sample}.json" for sample in "abcd"]


def test_nothing_recorded_fails_and_says_how_to_record(recorded):
    result = run(recorded)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*summary is not as recorded on 4 of 4 samples; a: no output is recorded*"])
    result.stdout.fnmatch_lines(["*--vizart-update*"])
    assert files(recorded) == []


def test_recorded_then_compared(recorded):
    run(recorded, "--vizart-update").assert_outcomes(passed=1)
    assert files(recorded) == ALL
    run(recorded).assert_outcomes(passed=1)
    set_factor(recorded, 1 + 1e-9)
    run(recorded).assert_outcomes(passed=1)
    set_factor(recorded, 1.01)
    result = run(recorded)
    result.assert_outcomes(failed=1)
    document = json.loads((recorded.path / "out.json").read_text())
    (verdict,) = [each for each in document["verdicts"] if each["status"] == "fail"]
    assert (verdict["stage"], verdict["metric"], verdict["value"]) == ("summary", "recorded", 4.0)
    assert sorted(verdict["samples"]) == list("abcd")
    failure = document["runs"][0]["failures"][0]
    assert failure["errors"][0]["kind"] == "difference"


def test_a_missing_one_among_recorded_ones(recorded):
    run(recorded, "--vizart-update=missing").assert_outcomes(passed=1)
    (recorded.path / "golden/shades/recorded/summary/b.json").unlink()
    set_factor(recorded, 1.01)
    run(recorded, "--vizart-update=missing").assert_outcomes(failed=1)  # b is recorded, the other three differ
    assert files(recorded) == ALL
    document = json.loads((recorded.path / "out.json").read_text())
    assert sorted(each["sample_id"] for each in document["runs"][0]["failures"]) == ["a", "c", "d"]


def test_failed_ones_are_recorded_anew_and_the_others_left_alone(recorded):
    run(recorded, "--vizart-update").assert_outcomes(passed=1)
    pixels = recorded.path / "golden/shades/recorded/pixels/a.png"
    before = pixels.stat().st_mtime_ns
    set_factor(recorded, 1.01)
    run(recorded, "--vizart-update=failed").assert_outcomes(passed=1)
    run(recorded).assert_outcomes(passed=1)
    assert pixels.stat().st_mtime_ns == before


def test_in_ci_an_ini_file_is_not_asked(recorded, monkeypatch):
    recorded.makeini("[pytest]\nvizart_update = all\n")
    monkeypatch.setenv("CI", "true")
    run(recorded).assert_outcomes(failed=1)
    assert files(recorded) == []
    run(recorded, "--vizart-update").assert_outcomes(passed=1)
    monkeypatch.delenv("CI")
    set_factor(recorded, 1.01)
    run(recorded).assert_outcomes(passed=1)


def test_accepting_a_run(recorded):
    run(recorded, "--vizart-update").assert_outcomes(passed=1)
    set_factor(recorded, 1.01)
    run(recorded).assert_outcomes(failed=1)
    accepted = vizart(recorded, "golden", "accept", "last", "--sample", "b", "--golden", str(recorded.path / "golden"))
    assert accepted.ret == 0
    accepted.stdout.fnmatch_lines(["*recorded: 1 recorded output accepted", "  summary: b"])
    run(recorded).assert_outcomes(failed=1)
    document = json.loads((recorded.path / "out.json").read_text())
    assert sorted(each["sample_id"] for each in document["runs"][0]["failures"]) == ["a", "c", "d"]
    assert vizart(recorded, "golden", "accept", "last").ret == 0
    run(recorded).assert_outcomes(passed=1)
    wrong = vizart(recorded, "golden", "accept", "last", "--sample", "b")
    assert wrong.ret == 2
    wrong.stderr.fnmatch_lines(["*has no output of sample 'b' that differs*"])


def test_a_damaged_one_is_recorded_anew(recorded):
    run(recorded, "--vizart-update").assert_outcomes(passed=1)
    damaged = recorded.path / "golden/shades/recorded/summary/b.json"
    before = damaged.read_bytes()
    damaged.write_bytes(b"<<<<<<< HEAD\n" + before)
    for option in ([], ["--vizart-update=missing"]):
        result = run(recorded, *option)
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["*summary/b.json: not a recorded output*merge conflict*"])
    assert damaged.read_bytes().startswith(b"<<<")
    run(recorded, "--vizart-update").assert_outcomes(passed=1)
    assert damaged.read_bytes() == before


def test_a_damaged_one_is_replaced_by_accepting_a_run(recorded):
    run(recorded, "--vizart-update").assert_outcomes(passed=1)
    damaged = recorded.path / "golden/shades/recorded/summary/b.json"
    before = damaged.read_bytes()
    damaged.write_bytes(b"<<<<<<< HEAD\n" + before)
    run(recorded).assert_outcomes(failed=1)
    assert vizart(recorded, "golden", "accept", "last").ret == 0
    assert damaged.read_bytes() == before


def test_accepting_as_json(recorded):
    run(recorded).assert_outcomes(failed=1)
    accepted = vizart(recorded, "golden", "accept", "last", "--sample", "b", "--json")
    document = json.loads(accepted.stdout.str())
    assert document.pop("folder").endswith("shades/recorded")
    outputs = [{"name": name, "sample_id": "b"} for name in ("pixels", "summary")]
    assert document == {"schema_version": 1, "accepted": outputs}


@pytest.mark.parametrize("option", ["missing", "failed", "all"])
def test_what_cannot_be_written_fails_its_samples_and_nothing_else(recorded, option):
    (recorded.path / "golden/shades/recorded").write_text("")
    result = run(recorded, f"--vizart-update={option}")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*recorded/summary/a.json: recorded output cannot be written*"])
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
    document = json.loads((recorded.path / "out.json").read_text())
    assert document["runs"][0]["status"] == "failed"
    assert {each["counts"]["invalid"] for each in document["runs"][0]["accuracy"]} == {4}


def test_nothing_is_recorded_outside_of_the_dataset(recorded):
    outside = recorded.path / "outside"
    outside.mkdir()
    (recorded.path / "golden/shades/recorded").symlink_to(outside)
    result = run(recorded, "--vizart-update")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*a symbolic link leads out of the dataset*"])
    assert not list(outside.iterdir())


def test_where_the_own_output_cannot_be_kept_the_run_is_judged(recorded):
    (recorded.path / ".vizart").mkdir()
    (recorded.path / ".vizart" / "runs").write_text("")
    result = run(recorded)
    result.assert_outcomes(failed=1, warnings=9)  # eight outputs, and run.json
    result.stdout.fnmatch_lines(["*summary is not as recorded on 4 of 4 samples; a: no output is recorded*"])


def test_one_item_for_each_sample(project):
    project.makepyfile(test_it=ITEMS)
    set_factor(project, 1.0)
    run(project, "--vizart-update").assert_outcomes(passed=5)
    assert files(project) == [f"mean/{sample}.json" for sample in "abcd"]
    run(project).assert_outcomes(passed=5)
    set_factor(project, 1.01)
    run(project).assert_outcomes(passed=4, failed=1)


@pytest.mark.parametrize(
    "call, message",
    [
        ('vizart_run.golden(1, name="../x")', "*not a name for a recorded output*"),
        ('vizart_run.golden(1, name="classify")', "*a stage with labels is not recorded as well*"),
        ('vizart_run.golden(1, name="x", rtol=-1)', "*not a tolerance*"),
        ('vizart_run.golden(object(), name="x")', "*not an array*"),
        ('vizart_run.golden({}, name="x")', "*there is nothing to compare*"),
        ('vizart_run.golden(__import__("numpy").ma.array([1], mask=True), name="x")', "*masked values cannot*"),
        ('vizart_run.golden("a" if sample.id == "a" else 1, name="x")', "*outputs of one name are of two kinds*"),
    ],
)
def test_what_cannot_be_meant(project, call, message):
    project.makepyfile(
        test_it="def test_it(vizart_run, golden_dataset):\n"
        f"    for sample in vizart_run.samples(golden_dataset):\n        {call}\n"
    )
    result = run(project, "--vizart-update", "--vizart-warmup=0")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([message])


def test_a_stage_that_the_manifest_declares_is_held_to_its_recorded_output(project):
    manifest = project.path / "golden" / "shades" / "golden.yaml"
    manifest.write_text(manifest.read_text() + "recorded:\n  - {stage: mean, task: array, tolerances: {rtol: 0.1}}\n")
    project.makepyfile(
        test_it="""
        import pipeline

        def test_shades(vizart_run, golden_dataset):
            stages = [("decode", pipeline.decode), ("mean", lambda image: image.mean() * pipeline.FACTOR)]
            vizart_run.check(stages, golden_dataset)
        """
    )
    set_factor(project, 1.0)
    assert run(project).parseoutcomes() == {"failed": 1}
    run(project, "--vizart-update").assert_outcomes(passed=1)
    assert files(project) == [f"mean/{sample}.json" for sample in "abcd"]
    set_factor(project, 1.05)
    run(project).assert_outcomes(passed=1)
    set_factor(project, 1.2)
    run(project).assert_outcomes(failed=1)
