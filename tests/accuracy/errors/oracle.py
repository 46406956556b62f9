"""A problem with every kind of error, and TIDE's own library as the oracle where it is installed."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_vizart.accuracy.predicted import BoxPredictions
from pytest_vizart.records.labels import BoxLabels
from tests.accuracy.problems import predicted_boxes, sides_of, truth_boxes

TideNumbers = tuple[float, dict[str, int], dict[str, float]]
"""Average precision, and by kind counts and costs, 0 to 1."""


def every_kind() -> tuple[list[BoxLabels], list[BoxPredictions]]:
    truths = [
        truth_boxes([[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10], [60, 0, 70, 10]], [0, 0, 1, 1]),
        truth_boxes([[0, 0, 20, 20], [100, 100, 140, 140]], [0, 1]),
        truth_boxes([[5, 5, 15, 15], [50, 50, 90, 90], [200, 0, 230, 30]], [1, 0, 0]),
        truth_boxes([[0, 0, 40, 40]], [0]),
    ]
    predictions = [
        predicted_boxes(
            [[0, 0, 10, 9], [0, 0, 10, 8], [22, 0, 35, 10], [40, 0, 50, 9], [64, 0, 76, 10], [80, 80, 90, 90]],
            [0.95, 0.7, 0.65, 0.9, 0.93, 0.87],
            [0, 0, 0, 0, 0, 1],
        ),
        predicted_boxes(
            [[0, 0, 20, 19], [100, 100, 140, 135], [101, 101, 140, 140], [300, 300, 310, 310]],
            [0.92, 0.85, 0.55, 0.45],
            [0, 1, 0, 0],
        ),
        predicted_boxes([[5, 5, 15, 14], [52, 50, 92, 90], [60, 60, 100, 100]], [0.3, 0.88, 0.58], [1, 0, 0]),
        predicted_boxes([[0, 0, 40, 15]], [0.75], [0]),
    ]
    return truths, predictions


def tidecv_numbers(
    truths: Sequence[BoxLabels], predictions: Sequence[BoxPredictions], score_threshold: float
) -> TideNumbers:
    """Run TIDE's library; only for problems in which every class has objects and no two scores are equal."""
    from tidecv import TIDE, Data

    ground, detected = Data("truth", 10_000), Data("predictions", 10_000)
    for image, (truth, prediction) in enumerate(zip(truths, predictions, strict=True)):
        ground.add_image(image, str(image))
        for box, index in zip(sides_of(truth).tolist(), truth.class_index.tolist(), strict=True):
            ground.add_ground_truth(image, index, box)
        rows = zip(sides_of(prediction).tolist(), prediction.class_index.tolist(), prediction.scores, strict=True)
        for box, index, score in rows:
            if score >= score_threshold:
                detected.add_detection(image, index, float(score), box)
    run = TIDE().evaluate(ground, detected, mode=TIDE.BOX)
    counts = {kind.short_name: count for kind, count in run.count_errors().items()}
    costs = {kind.short_name: cost / 100 for kind, cost in run.fix_main_errors().items()}
    return run.ap / 100, counts, costs
