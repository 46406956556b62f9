"""Curves and reliability: paths, order of the classes, what is packed."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import orjson

from pytest_vizart.report.charts_accuracy import curve_path
from pytest_vizart.report.view_curves import curves_view, reliability_view


def _data(text: str) -> Any:
    return orjson.loads(gzip.decompress(base64.b64decode(text)))


def test_a_path_goes_from_the_lower_left_and_stays_in_the_square() -> None:
    assert curve_path([(0, 0), (0.5, 0.25), (2, 1)]) == "M0.0 200.0L100.0 150.0L200.0 0.0"
    assert curve_path([]) == ""


def test_the_mean_comes_first_then_the_worst_class() -> None:
    recall = [0.0, 0.5, 1.0]
    curves = {"all": {"recall": recall, "precision": [1, 0.5, 0.2]}, "good": {"recall": recall, "precision": [1, 1, 1]},
              "bad": {"recall": recall, "precision": [0.5, 0, 0]}}  # fmt: skip
    view = curves_view({"pr_curve": curves}, "curves-0", 10)
    assert view is not None
    assert view.names == ("all", "bad", "good")
    paths = _data(view.data)["pr"]
    assert paths == [curve_path(zip(recall, curves[name]["precision"], strict=True)) for name in view.names]
    assert f'class="curve-line" d="{paths[0]}"' in str(view.charts[0].chart)
    fewer = curves_view({"pr_curve": curves}, "curves-0", 2)
    assert fewer is not None
    assert (fewer.names, fewer.note) == (("all", "bad"), "The worst 2 of 3 curves.")


def test_classes_have_two_charts_and_one_without_roc_an_empty_one() -> None:
    curves = {"a": {"pr": [[0, 1], [1, 0.5]], "roc": [[0, 0], [1, 1]]}, "b": {"pr": [[0, 1], [1, 1]]}}
    view = curves_view({"curves": curves}, "x", 10)
    assert view is not None
    assert [(chart.kind, chart.across, chart.up) for chart in view.charts] == [
        ("pr", "recall", "precision"), ("roc", "false positive rate", "true positive rate"),
    ]  # fmt: skip
    assert _data(view.data)["roc"][1] == ""


def test_one_curve_needs_no_choice() -> None:
    view = curves_view({"curves": {"a": {"pr": [[0, 1]]}}}, "x", 10)
    assert view is not None
    assert view.data == ""
    assert curves_view({}, "x", 10) is None


def test_reliability_weighs_its_bins_by_their_samples() -> None:
    bins = [{"to": 0.2, "samples": 1, "score": 0.1, "accuracy": 0.0},
            {"to": 1.0, "samples": 3, "score": 0.9, "accuracy": 2 / 3}]  # fmt: skip
    view = reliability_view({"reliability": bins})
    assert view is not None
    assert view.facts == "mean score 0.700, 50 % correct"
    assert view.rows == (("0.20", "1", "0.100", "0.000"), ("1.00", "3", "0.900", "0.667"))
    assert str(view.chart).count('class="reliable"') == 2
    assert reliability_view({}) is None
