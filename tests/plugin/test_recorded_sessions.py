"""What a session says of the outputs that it recorded, and two of its tests that record under one name."""

from __future__ import annotations

import json
from importlib.util import find_spec

import pytest

TWO = """
import pytest

@pytest.mark.parametrize("factor", [1, 2])
def test_it(vizart_run, golden_dataset, factor):
    for sample in vizart_run.samples(golden_dataset):
        vizart_run.golden({first} * 1.0, name="x")
"""

ITEMS = """
def test_item(vizart_run, golden_sample):
    vizart_run.golden(1.0, name="x")
"""

LOOP = """
def test_loop(vizart_run, golden_dataset):
    for sample in vizart_run.samples(golden_dataset):
        vizart_run.golden({value}, name="n")
"""

WORKERS = ("-n", "2")
NEEDS_XDIST = pytest.mark.skipif(find_spec("xdist") is None, reason="pytest-xdist is not installed")


def run(project, *options):
    project.makeini("[pytest]\nvizart_golden = golden\nvizart_warmup = 0\nvizart_passes = 1\n")
    start = project.runpytest_subprocess if "-n" in options else project.runpytest
    return start("--vizart-json=out.json", *options)


def notes(project):
    document = json.loads((project.path / "out.json").read_text())
    return [note for each in document["runs"] for note in each["notes"] if note.startswith("recorded:")]


def value(project, sample):
    text = (project.path / "golden/shades/recorded/x" / f"{sample}.json").read_text()
    return json.loads(text)[""]["rows"][0]


@pytest.mark.parametrize("test", [ITEMS, LOOP.format(value=1).replace('"n"', '"x"')], ids=["items", "loop"])
def test_the_end_says_what_was_recorded(project, test):
    project.makepyfile(test_it=test)
    result = run(project, "--vizart-update")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*note: recorded: 4 outputs of x (golden/shades/recorded)"])
    assert notes(project) == ["recorded: 4 outputs of x (golden/shades/recorded)"]
    run(project, "--vizart-update")
    assert notes(project) == []
    (project.path / "golden/shades/recorded/x/b.json").unlink()
    run(project, "--vizart-update")
    assert notes(project) == ["recorded: 1 output of x (golden/shades/recorded)"]


@NEEDS_XDIST
def test_workers_say_it_too(project):
    project.makepyfile(test_it=ITEMS, test_loop=LOOP.format(value=1))
    assert run(project, "--vizart-update", *WORKERS).ret == 0
    assert sorted(notes(project)) == [f"recorded: 4 outputs of {name} (golden/shades/recorded)" for name in "nx"]


@pytest.mark.parametrize(
    ("option", "workers"), [("failed", ()), ("all", ()), pytest.param("all", WORKERS, marks=NEEDS_XDIST)]
)
def test_two_tests_that_record_different_outputs_under_one_name(project, option, workers):
    project.makepyfile(test_it=TWO.format(first="factor"))
    result = run(project, f"--vizart-update={option}", *workers)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*two tests of one session record different outputs as 'x'*"])
    (note,) = notes(project)
    assert note.startswith("recorded: 4 outputs")
    if not workers:
        assert [value(project, sample) for sample in "abcd"] == [1.0] * 4


def test_two_tests_that_record_equal_outputs_may_share_a_name(project):
    project.makepyfile(test_it=TWO.format(first="1"))
    run(project, "--vizart-update=all").assert_outcomes(passed=2)
    assert notes(project) == ["recorded: 4 outputs of x (golden/shades/recorded)"]


def test_two_tests_of_single_samples_are_told_too(project):
    project.makepyfile(test_one=ITEMS, test_two=ITEMS.replace("1.0", "2.0"))
    result = run(project, "--vizart-update=all")
    result.assert_outcomes(passed=9, failed=1)
    result.stdout.fnmatch_lines(["*two tests of one session record different outputs as 'x'*"])
    assert [value(project, sample) for sample in "abcd"] == [1.0] * 4


def test_what_an_item_could_not_record_is_the_reason_of_the_shared_run(project):
    (project.path / "golden/shades/recorded").write_text("")
    project.makepyfile(test_it=ITEMS)
    result = run(project, "--vizart-update")
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(["*recorded output cannot be written*"])


@pytest.mark.parametrize("before, after, outcome", [
    ("5", "5.00001", "failed"), ("True", "1.000001", "failed"), ("5", "5.0", "passed"), ("5.0", "5.00001", "passed"),
])  # fmt: skip
def test_whole_numbers_must_be_met_exactly_whatever_comes(project, before, after, outcome):
    project.makepyfile(test_it=LOOP.format(value=before))
    run(project, "--vizart-update").assert_outcomes(passed=1)
    project.makepyfile(test_it=LOOP.format(value=after))
    run(project).assert_outcomes(**{outcome: 1})
