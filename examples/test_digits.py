"""Classes: only the last stage has ground truth; the other two are measured all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from digits_pipeline import classify, decode, features

if TYPE_CHECKING:
    from pytest_vizart import GoldenDataset, Run


@pytest.mark.vizart_golden("digits")
@pytest.mark.vizart_accuracy(stage="classify", accuracy=0.95, f1=0.95, top_3=0.99, ece=0.35, max_newly_wrong=0)
@pytest.mark.vizart_accuracy(stage="classify", per_class={"*": {"recall": 0.65}})
@pytest.mark.vizart_latency(stage="classify", p95_ms=20, max_slowdown=0.05)
def test_digits(vizart_run: Run, golden_dataset: GoldenDataset) -> None:
    for sample in vizart_run.samples(golden_dataset):
        with vizart_run.stage("decode"):
            ink = decode(sample.path)
        with vizart_run.stage("features"):
            vector = features(ink)
        with vizart_run.stage("classify") as stage:
            reading = stage.output(classify(vector))
        vizart_run.predict(reading)
