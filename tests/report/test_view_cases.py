"""The list of cases: every kind of an outcome's errors, severities, and the errors as the drawing finds them."""

from __future__ import annotations

import base64
import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from pytest_vizart.records.outcome import Case, ErrorItem, Outcome
from pytest_vizart.records.run import RunResult
from pytest_vizart.records.span import SpanTable
from pytest_vizart.report.case_errors import listed_errors
from pytest_vizart.report.view_cases import cases_view

from . import builders, task_builders


def _run(*outcomes: Outcome) -> RunResult:
    return RunResult(builders.run_info(), SpanTable(), outcomes=outcomes)


def _wrong(sample: str, *kinds: Any, **changes: Any) -> Outcome:
    errors = tuple(ErrorItem(kind, 0.5) for kind in kinds)
    return Outcome(sample, "detect", "boxes", "wrong", kinds[0] if kinds else None, errors=errors, **changes)


def test_a_case_is_of_every_kind_that_its_errors_are_of() -> None:
    index = cases_view([_run(_wrong("a", "Miss", "Loc", "Miss"), _wrong("b", "Loc"), _wrong("c"))]).index
    assert index["kinds"]["names"] == ["Miss", "Loc", "other"]
    assert index["kinds"]["of"] == [[0, 1], [1], [2]]
    assert index["kinds"]["meanings"][0] == "an object that nothing found"
    assert index["kinds"]["meanings"][2] == ""


def test_severities_are_columns_and_what_is_no_number_is_none() -> None:
    view = cases_view([_run(_wrong("a", severity=0.456), _wrong("b"), _wrong("c", severity=float("nan")))])
    assert view.index["severity"] == [0.46, None, None]
    assert view.kinds == {(builders.COINS, "detect", "other")}


def test_errors_of_real_predictions_point_at_their_objects(tmp_path: Path) -> None:
    run = task_builders.task_run(tmp_path, "boxes")
    (case,) = [case for case in run.cases if case.sample_id == "boxes-01"]
    (outcome,) = [outcome for outcome in run.outcomes if outcome.sample_id == "boxes-01"]
    errors = listed_errors(outcome.errors, case)
    found = {error["kind"]: error for error in errors if error["kind"] != "Miss"}
    assert set(found) == {"Cls", "Loc", "Both", "Dupe", "Bkg", "label-suspect"}
    for kind, error in found.items():
        assert case.predicted["errors"][error["predicted_at"]] == kind
        assert case.predicted["boxes"][error["predicted_at"]] == error["box"]
    missed = [error for error in errors if error["kind"] == "Miss"]
    assert [case.truth["errors"][error["truth_at"]] for error in missed] == ["Miss", "Miss"]
    assert all("score" not in error and "predicted_at" not in error for error in missed)


def test_of_equal_scores_the_place_decides() -> None:
    case = Case("s", "d", "oriented_boxes", None, None, None, {}, {
        "boxes": [[0, 0, 4, 0, 4, 4, 0, 4], [10, 10, 14, 10, 14, 14, 10, 14]],
        "labels": ["a", "a"], "scores": [1.0, 1.0],
    })  # fmt: skip
    error = ErrorItem("Bkg", 1.0, predicted="a", score=1.0, predicted_position=9, box=(10, 10, 14, 14))
    assert listed_errors([error], case)[0]["predicted_at"] == 1
    assert "predicted_at" not in listed_errors([replace(error, score=0.5)], case)[0]
    assert "predicted_at" not in listed_errors([error], None)[0]


def test_payloads_carry_errors_and_no_missing_image_where_none_is_expected(tmp_path: Path) -> None:
    runs = [task_builders.task_run(tmp_path, task) for task in ("text", "cloud", "boxes")]
    lost = replace(runs[2], cases=tuple(replace(case, input_path="gone.png") for case in runs[2].cases))
    text = replace(runs[0], cases=tuple(replace(case, input_path="gone.png") for case in runs[0].cases))
    view = cases_view([text, runs[1], lost])
    payloads = [item for chunk in view.chunks for item in orjson.loads(gzip.decompress(base64.b64decode(chunk.text)))]
    by_task = {view.entries[view.index["place"].index(place)].task: payload for place, payload in enumerate(payloads)}
    assert "no_image" not in by_task["text"]
    assert "no_image" not in by_task["cloud"]
    assert "cannot be shown" in by_task["boxes"]["no_image"]
    assert by_task["cloud"]["errors"][0]["kind"] == "difference"
