"""Boxes and masks: a pipeline written out stage by stage. Two of its four stages have ground truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from coins_pipeline import decode, find_boxes, preprocess, segment

if TYPE_CHECKING:
    from pytest_vizart import GoldenDataset, Run


@pytest.mark.vizart_golden("coins")
@pytest.mark.vizart_accuracy(stage="segment", mean_iou=0.95, boundary_iou=0.7, max_newly_wrong=0)
@pytest.mark.vizart_accuracy(stage="boxes", map_50=0.95, map=0.90, f1=0.95, max_newly_wrong=0, max_newly_missed=0)
@pytest.mark.vizart_accuracy(stage="boxes", per_tag={"dim": {"map_50": 0.9}}, per_class={"coin": {"ap_75": 0.9}})
@pytest.mark.vizart_latency(stage="segment", p95_ms=50, max_slowdown=0.05)
@pytest.mark.vizart_memory(stage="segment", max_rss_mb=1500)
def test_coins(vizart_run: Run, golden_dataset: GoldenDataset) -> None:
    for sample in vizart_run.samples(golden_dataset):
        with vizart_run.stage("decode"):
            image = decode(sample.path)
        with vizart_run.stage("preprocess"):
            smooth = preprocess(image)
        with vizart_run.stage("segment") as stage:
            mask = stage.output(segment(smooth))
        vizart_run.predict(mask)  # against the labels of the stage just closed
        with vizart_run.stage("boxes") as stage:
            boxes = stage.output(find_boxes(mask))
        vizart_run.predict(boxes)
