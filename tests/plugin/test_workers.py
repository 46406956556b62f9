"""Distributed sessions: the workers' runs are gathered by the controller."""

from __future__ import annotations

import json

import pytest

from pytest_vizart import History
from tests.plugin.conftest import LOOP_TEST
from tests.plugin.test_items import ITEM_TEST, mislabel

pytest.importorskip("xdist", reason="pytest-xdist is not installed")


@pytest.fixture
def both(project: pytest.Pytester) -> pytest.Pytester:
    project.makepyfile(
        test_items=ITEM_TEST.format(markers="@pytest.mark.vizart_accuracy(accuracy=0.9)", bad=""),
        test_shades=LOOP_TEST.format(markers="@pytest.mark.vizart_accuracy(accuracy=0.9)"),
    )
    return project


def test_all_runs_reach_history_and_json_exactly_once(both: pytest.Pytester) -> None:
    both.runpytest_subprocess("-n", "2", "--vizart-json=result.json").assert_outcomes(passed=6)
    runs = History(both.path / ".vizart").runs().to_pylist()
    assert sorted((run["test_id"], run["samples"], run["contended"]) for run in runs) == [
        ("test_items.py::test_one", 4, True), ("test_shades.py::test_shades", 4, True),
    ]  # fmt: skip
    document = json.loads((both.path / "result.json").read_text())
    assert len({run["run_id"] for run in document["runs"]}) == 2
    assert not list((both.path / ".vizart" / "journal").iterdir())


def test_latency_beside_other_workers_is_recorded_and_not_judged(both: pytest.Pytester) -> None:
    both.runpytest_subprocess("-n", "2", "--vizart-json=result.json")
    verdicts = json.loads((both.path / "result.json").read_text())["verdicts"]
    assert {verdict["status"] for verdict in verdicts if verdict["kind"] == "latency"} == {"inconclusive"}
    assert not any(run["accepted_latency"] for run in History(both.path / ".vizart").runs().to_pylist())


def test_accuracy_is_judged_as_ever(both: pytest.Pytester) -> None:
    mislabel(both)
    result = both.runpytest_subprocess("-n", "2", "--junit-xml=junit.xml")
    result.assert_outcomes(passed=4, failed=2)
    assert 'failures="2"' in (both.path / "junit.xml").read_text()


def test_a_worker_that_dies_loses_nothing_that_was_finished(both: pytest.Pytester) -> None:
    both.makepyfile(test_zz_dies="import os\ndef test_dies(): os._exit(1)\n")
    both.runpytest_subprocess("-n", "1", "--max-worker-restart=0", "--dist=loadfile")
    assert {run["test_id"] for run in History(both.path / ".vizart").runs().to_pylist()} == {
        "test_items.py::test_one", "test_shades.py::test_shades",
    }  # fmt: skip


def test_an_output_folder_that_cannot_be_made_costs_neither_gate_nor_report(both: pytest.Pytester) -> None:
    (both.path / "blocked").write_text("a file where the folder should be")
    mislabel(both)
    result = both.runpytest_subprocess("-n", "2", "--vizart-output=blocked/out", "--vizart-json=result.json")
    result.assert_outcomes(passed=4, failed=2, warnings=result.parseoutcomes()["warnings"])
    assert len(json.loads((both.path / "result.json").read_text())["runs"]) == 2
