"""`vizart golden prune`: what it removes, and what it leaves alone."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from pytest_vizart.cli import main
from pytest_vizart.errors import VizartWarning
from tests.plugin.conftest import make_shades

A = """
def test_a(vizart_run, golden_dataset):
    for sample in vizart_run.samples(golden_dataset):
        vizart_run.golden(1, name="first")
"""

B = """
import os

def test_b(vizart_run, golden_dataset):
    for sample in vizart_run.samples(golden_dataset):
        if "CRASH" in os.environ:
            raise RuntimeError
        vizart_run.golden(2, name=os.environ.get("SECOND", "second"))
"""


@pytest.fixture
def recorded(project):
    """Two tests with an output each, recorded; and no history."""
    project.makepyfile(test_a=A, test_b=B)
    pytest_on(project, "--vizart-update", "--vizart-output=elsewhere").assert_outcomes(passed=2)
    return project


def pytest_on(project, *options):
    return project.runpytest("--vizart-golden=golden", "--vizart-warmup=0", "--vizart-passes=1", *options)


def prune(project, *options):
    found = command(*options, "--json")
    assert found.exit_code == 0
    return json.loads(found.output)


def command(*options):
    return CliRunner().invoke(main, ["golden", "prune", *options])


def pruned(project, *options):
    (dataset,) = prune(project, *options)["datasets"]
    return [(each["name"], each["sample_id"], each["because"]) for each in dataset["outputs"]], dataset["notes"]


def store(project):
    return project.path / "golden" / "shades" / "recorded"


SECOND = [("second", sample, "no run looked at it") for sample in "abcd"]


def test_samples_that_the_dataset_does_not_have(recorded):
    for name in ("first/gone.json", "second/sub/gone.json"):
        (store(recorded) / name).parent.mkdir(exist_ok=True)
        (store(recorded) / name).write_text("<<<<<<< HEAD")
    expected = [("first", "gone", "no such sample"), ("second", "sub/gone", "no such sample")]
    assert pruned(recorded) == (expected, [])
    assert (store(recorded) / "first/gone.json").exists()
    assert pruned(recorded, "--yes") == (expected, [])
    assert sorted(path.name for path in (store(recorded) / "second").iterdir()) == [f"{each}.json" for each in "abcd"]
    assert pruned(recorded) == ([], [])


def test_in_words(recorded):
    (store(recorded) / "first/gone.json").write_text("")
    told = f"{store(recorded)}: 1 recorded output {{}}\n  first: gone (no such sample)\n"
    assert command().output == told.format("not used")
    assert command("--yes").output == told.format("removed")


@pytest.mark.parametrize("options", [["test_a.py"], ["test_a.py", "--vizart-update=all"]])
def test_what_a_test_uses_that_has_not_run_is_no_samples_fault(recorded, options):
    pytest_on(recorded, *options).assert_outcomes(passed=1)
    assert pruned(recorded, "--yes") == ([], [])


def test_by_name_where_every_test_ran_whole(recorded, monkeypatch):
    assert pruned(recorded, "--unused")[0] == []
    pytest_on(recorded).assert_outcomes(passed=2)
    assert pruned(recorded, "--unused") == ([], [])
    monkeypatch.setenv("SECOND", "other")
    pytest_on(recorded, "--vizart-update", "--vizart-output=new").assert_outcomes(passed=2)
    assert pruned(recorded, "--unused", "--output=new") == (SECOND, [])
    # Another history knows a run that looked at it.
    pytest_on(recorded).assert_outcomes(passed=2)
    assert pruned(recorded, "--unused") == ([], [])
    assert pruned(recorded, "--unused", "--yes", "--output=new") == (SECOND, [])
    assert sorted(path.name for path in store(recorded).iterdir()) == ["first", "other"]


def test_a_name_that_the_manifest_declares_is_used(recorded):
    manifest = recorded.path / "golden/shades/golden.yaml"
    manifest.write_text(manifest.read_text() + "recorded: [{stage: second, task: array}]\n")
    pytest_on(recorded, "test_a.py").assert_outcomes(passed=1)
    assert pruned(recorded, "--unused") == ([], [])


@pytest.mark.parametrize(
    "options, crash, told",
    [
        (None, False, "no run of this dataset is in the history"),
        (["test_b.py", "--vizart-limit=2"], False, "the last run of test_b.py::test_b raised, or was over a part"),
        (["test_b.py"], True, "the last run of test_b.py::test_b raised, or was over a part"),
    ],
)
def test_where_names_in_use_are_not_known_none_is_dropped(recorded, monkeypatch, options, crash, told):
    if options is not None:
        pytest_on(recorded, "test_a.py").assert_outcomes(passed=1)
        if crash:
            monkeypatch.setenv("CRASH", "1")
        pytest_on(recorded, *options)
    stale, (note,) = pruned(recorded, "--unused", "--yes")
    assert stale == []
    assert note.startswith(f"which names are in use is not known: {told}")
    assert len(list((store(recorded) / "second").iterdir())) == 4


def test_a_damaged_history_knows_nothing(recorded):
    pytest_on(recorded, "test_a.py").assert_outcomes(passed=1)
    (recorded.path / ".vizart/metrics/runs/1-x.parquet").write_text("")
    with pytest.warns(VizartWarning, match="1-x.parquet"):
        stale, (note,) = pruned(recorded, "--unused")
    assert stale == []
    assert note.endswith("a file of the history cannot be read")


def test_what_nobody_recorded_is_left(recorded):
    for name in ("notes/README.txt", "first/README.txt", "first/plan.md", ".git/a.txt", "notes.txt"):
        (store(recorded) / name).parent.mkdir(exist_ok=True)
        (store(recorded) / name).write_text("mine")
    pytest_on(recorded).assert_outcomes(passed=2)
    stale, (first, notes) = pruned(recorded, "--unused", "--yes")
    assert stale == []
    assert "recorded/first/README.txt" in first
    assert "recorded/notes/README.txt" in notes
    for name in ("notes/README.txt", "first/README.txt", "first/plan.md", ".git/a.txt", "notes.txt"):
        assert (store(recorded) / name).read_text() == "mine"


def test_where_every_sample_is_gone_a_known_name_tells_what_was_recorded(recorded):
    pytest_on(recorded).assert_outcomes(passed=2)
    for path in [*store(recorded).rglob("*.json")]:
        path.rename(path.with_name(f"old-{path.name}"))
    assert [name for name, _, _ in pruned(recorded)[0]] == ["first"] * 4 + ["second"] * 4
    stale, notes = pruned(recorded, "--output=none")
    assert stale == []
    assert len(notes) == 2


def test_what_killed_writers_left_is_removed(recorded):
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    left = store(recorded) / "first" / f".a.json.{dead.stdout.decode().strip()}"
    left.write_text("")
    (dataset,) = prune(recorded, "--yes")["datasets"]
    assert dataset["leftovers"] == [str(left)]
    assert not left.exists()


def test_two_datasets_are_one_document_and_one_that_is_wrong_leaves_both_alone(recorded):
    make_shades(recorded.path / "golden", "zebras")
    gone = store(recorded) / "first/gone.json"
    gone.write_text("{}")
    found = prune(recorded)
    assert (found["schema_version"], found["removed"]) == (1, False)
    assert [(each["dataset"], len(each["outputs"])) for each in found["datasets"]] == [("shades", 1), ("zebras", 0)]
    (recorded.path / "golden/zebras/golden.yaml").write_text("samples: 3")
    assert command("--yes").exit_code == 1
    assert gone.exists()
