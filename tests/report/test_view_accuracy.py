"""Metrics, errors, changes of objects and details of one stage, as the template gets them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from pytest_vizart.records.outcome import ObjectChanges
from pytest_vizart.records.score import Counts, ErrorCount, MetricInfo, Score
from pytest_vizart.report.view_accuracy import AccuracyView, MetricView, SampleLink, accuracy_view
from pytest_vizart.report.view_cases import CasesView, cases_view

from . import task_builders

TEST = "tests/test_a.py::test_a"


def _score(**changes: Any) -> Score:
    values: dict[str, Any] = {
        "stage": "detect", "task": "boxes", "headline": "map", "metrics": {"map": 0.5}, "counts": Counts(3, 1),
    }  # fmt: skip
    return Score(**(values | changes))


def _view(score: Score, cases: CasesView | None = None) -> AccuracyView:
    return accuracy_view(score, TEST, cases or CasesView(), 0, "0-0")


def test_metrics_say_which_way_is_better_and_in_which_unit() -> None:
    score = _score(
        metrics={"map": 0.5, "chamfer": 0.0004, "psnr_db": 31.25, "best_f1_threshold": 0.62, "map_small": None},
        info={"chamfer": MetricInfo("lower", "m"), "psnr_db": MetricInfo("higher", "dB")},
    )
    view = _view(score)
    assert view.headline == MetricView("map", "↑", "higher is better", "0.500")
    assert view.metrics == (
        MetricView("chamfer", "↓", "lower is better", "0.0004\u00a0m"),
        MetricView("psnr_db", "↑", "higher is better", "31.2\u00a0dB"),
        MetricView("best_f1_threshold", "", "", "0.620"),
        MetricView("map_small", "↑", "higher is better", "–"),
    )


def test_errors_stand_dearest_first_and_lead_to_their_cases() -> None:
    errors = (ErrorCount("Cls", 8, 3, 0.011), ErrorCount("Miss", 4, 2, 0.21), ErrorCount("label-suspect", 2, 1))
    cases = CasesView(kinds=frozenset({(TEST, "detect", "Miss")}))
    miss, cls, suspect = _view(_score(errors=errors), cases).errors
    assert (miss.kind, miss.count, miss.samples, miss.width) == ("Miss", "4", "2 samples", "50.0")
    assert (miss.cost, cls.cost, suspect.cost) == ("+0.210 AP if mended", "+0.011 AP if mended", "")
    assert parse_qs(miss.link.removeprefix("#")) == {
        "test": [TEST], "stage": ["detect"], "type": ["Miss"], "sort": ["severity"],
    }  # fmt: skip
    assert cls.link == ""
    assert "no label explains" in suspect.meaning


@pytest.mark.parametrize("task, said", [("panoptic", "PQ"), ("classes", "accuracy"), ("keypoints", "AP")])
def test_a_cost_says_what_it_is_counted_in(task: str, said: str) -> None:
    view = _view(_score(task=task, errors=(ErrorCount("Cls", 1, 1, 0.1),)))
    assert view.errors[0].cost == f"+0.100 {said} if mended"


def test_the_convention_of_the_costs_is_stated() -> None:
    tide = {"tf": 0.5, "tb": 0.1, "score_threshold": 0.3, "base_ap": 0.4567}
    view = _view(_score(task="instances", errors=(ErrorCount("Cls", 1, 1, 0.1),), details={"tide": tide}))
    for said in ("score of 0.3 or more", "mask IoU 0.5 on", "under 0.1", "101 points", "now 0.457"):
        assert said in view.error_facts, said
    assert _view(_score(details={"tide": tide | {"base_ap": None}})).error_facts == ""


def test_changes_of_objects_are_counted_and_named_by_sample() -> None:
    objects = {
        "a": ObjectChanges(("cat 1 2 3 4",) * 6, ("dog 5 6 7 8",)),
        "b": ObjectChanges(),
        "c": ObjectChanges((), (), ("cat 9 9 9 9",)),
    }
    cases = CasesView(numbers={(TEST, "detect", "a"): 7})
    changes = _view(_score(objects=objects), cases).changes
    assert changes is not None
    assert changes.facts == "6 newly missed, 1 newly found, 1 new false positive in 2 samples"
    assert changes.rows[0] == (SampleLink("a", 7), ", ".join(["cat 1 2 3 4"] * 4) + " and 2 more", "dog 5 6 7 8", "")
    assert changes.rows[1][0] == SampleLink("c", None)
    assert _view(_score(objects={"b": ObjectChanges()})).changes is None


def test_details_without_a_chart_of_their_own_are_shown_as_they_are() -> None:
    view = _view(_score(details={"mine": {"rows": [1, 2]}, "confusion": {}, "long": "x" * 5000}))
    assert view.details[0] == ("mine", '{\n "rows": [\n  1,\n  2\n ]\n}')
    assert view.details[1][1].endswith("… and 1,002 more characters")


def test_what_became_wrong_is_told_as_a_share() -> None:
    assert _view(_score(newly_wrong=("a",), negative_flip_rate=0.25)).flip_rate == "25 %"
    assert _view(_score(negative_flip_rate=0.0)).flip_rate == ""


@pytest.mark.parametrize("task", task_builders.MAKERS)
def test_every_task_has_what_its_metrics_tell(tmp_path: Path, task: Any) -> None:
    run = task_builders.task_run(tmp_path, task)
    cases = cases_view([run])
    view = accuracy_view(run.scores[0], run.info.test_id, cases, 0, "0-0")
    assert all(error.link and error.meaning for error in view.errors)
    titles = [table.title for table in view.tables]
    assert "Per tag" in titles
    assert ("Per class" in titles) == (task not in ("cloud", "image", "text", "array"))
    assert ("Per array" in titles) == (task == "array")
    assert ("Per keypoint" in titles) == (task == "keypoints")
    assert (view.curves is not None) == (
        task in ("classes", "boxes", "oriented_boxes", "instances", "keypoints", "boxes_3d")
    )
    assert (view.confusion is not None) == (task in ("classes", "semantic", "points"))
    assert (view.reliability is not None) == (task == "classes")
    assert view.details == ()


def test_later_runs_of_a_page_show_fewer_classes() -> None:
    per_class = {f"c{number}": {"ap": number / 1000} for number in range(900)}
    score = _score(per_class=per_class)
    (first,) = accuracy_view(score, TEST, CasesView(), 0, "0-0").tables
    (later,) = accuracy_view(replace(score), TEST, CasesView(), 2, "2-0").tables
    assert (len(first.rows), first.note) == (900, "")
    assert (len(later.rows), later.note) == (500, "The worst 500 of 900; the JSON report has all.")
