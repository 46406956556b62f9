"""Point labels: the pipeline as a list of named stages, which check() runs over every sample and compares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from numpy.typing import NDArray
from street_pipeline import Scene, cluster, decode, remove_ground

if TYPE_CHECKING:
    from pytest_vizart import GoldenDataset, Run

STAGES = [("decode", decode), ("ground", remove_ground), ("cluster", cluster)]


def labels_of(stage: str, scene: Scene) -> NDArray:
    """Return the prediction that is inside of what a stage returns."""
    return scene.labels


@pytest.mark.vizart_golden("street")
@pytest.mark.vizart_accuracy(stage="ground", mean_iou=0.92)
@pytest.mark.vizart_accuracy(stage="cluster", mean_iou=0.93, max_newly_wrong=0, per_class={"object": {"iou": 0.9}})
@pytest.mark.vizart_latency(stage="ground", p95_ms=50, max_slowdown=0.05)
def test_street(vizart_run: Run, golden_dataset: GoldenDataset) -> None:
    vizart_run.check(STAGES, golden_dataset, input="path", output=labels_of)
