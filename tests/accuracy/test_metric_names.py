"""The table of metric names, held against what the metrics compute."""

from __future__ import annotations

import numpy as np
import pycocotools.mask
import pytest

from pytest_vizart.accuracy import predicted as of
from pytest_vizart.accuracy.metric_names import CLASS_METRICS, METRICS
from pytest_vizart.accuracy.metrics import task_metric
from pytest_vizart.records import labels as is_
from pytest_vizart.records.score import MetricInfo

CLASSES = is_.ClassMap(("coin", "key"), (0, 1), (True, False))
ONE, NO, SCORES = np.array([0]), np.array([False]), np.array([0.9])
BOXES = is_.BoxLabels(np.array([[0.0, 0, 10, 10]]), ONE, NO, np.array([100.0]))
FOUND = of.BoxPredictions(BOXES.boxes, SCORES, ONE)
RLE = (pycocotools.mask.encode(np.asfortranarray(np.ones((10, 10), np.uint8)))["counts"],)
POINTS = np.array([[[1.0, 1, 2], [5, 5, 2]]])
TURNED, CUBOIDS = np.array([[5.0, 5, 4, 4, 0]]), np.array([[0.0, 0, 0, 4, 2, 1, 0]])
MASK, XYZ, IMAGE = np.zeros((16, 16), np.int32), np.eye(3), np.zeros((16, 16), np.uint8)

SAMPLES = {
    "classes": (is_.ClassLabel(0), of.ClassPrediction(0, 0.9, np.array([0.9, 0.1]))),
    "boxes": (BOXES, FOUND),
    "oriented_boxes": (is_.OrientedBoxLabels(TURNED, ONE, NO), of.OrientedBoxPredictions(TURNED, SCORES, ONE)),
    "instances": (is_.InstanceLabels(BOXES, RLE, (10, 10)), of.InstancePredictions(FOUND, RLE, (10, 10))),
    "keypoints": (is_.KeypointLabels(BOXES, POINTS), of.KeypointPredictions(FOUND, POINTS)),
    "semantic": (is_.SemanticLabels(MASK), of.SemanticPrediction(MASK)),
    "panoptic": (is_.PanopticLabels(MASK, ONE, NO), of.PanopticPrediction(MASK, ONE)),
    "points": (is_.PointLabels(MASK[0]), of.PointPrediction(MASK[0])),
    "boxes_3d": (is_.Box3DLabels(CUBOIDS, ONE, NO), of.Box3DPredictions(CUBOIDS, SCORES, ONE)),
    "cloud": (is_.CloudLabel(XYZ), of.CloudPrediction(XYZ)),
    "image": (is_.ImageLabel(IMAGE), of.ImagePrediction(IMAGE)),
    "text": (is_.TextLabel("coin"), of.TextPrediction("coin")),
    "array": (is_.ArrayLabel({"": XYZ}), of.ArrayPrediction({"": XYZ})),
}


def test_every_task_is_here():
    assert list(SAMPLES) == list(is_.TASKS)


@pytest.mark.parametrize("task", SAMPLES)
def test_names_directions_and_units_are_those_of_the_table(task):
    metric, spec = task_metric(task), is_.LabelSpec("stage", task, CLASSES)
    summary = metric.summarise([metric.tally(*SAMPLES[task], spec)], spec)
    assert metric.headline in summary.metrics
    assert set(summary.metrics) <= set(METRICS)
    assert {name: metric.info.get(name, MetricInfo()) for name in summary.metrics} == {
        name: METRICS[name] for name in summary.metrics
    }
    assert {name for values in summary.per_class.values() for name in values} <= set(CLASS_METRICS)


def test_no_name_is_of_nothing():
    measured: set[str] = set()
    of_classes: set[str] = set()
    for task, sample in SAMPLES.items():
        metric, spec = task_metric(task), is_.LabelSpec("stage", task, CLASSES)
        summary = metric.summarise([metric.tally(*sample, spec)], spec)
        measured |= set(summary.metrics)
        of_classes |= {name for values in summary.per_class.values() for name in values}
    assert (set(METRICS), set(CLASS_METRICS)) == (measured, of_classes)


@pytest.mark.parametrize("task", SAMPLES)
def test_a_sample_that_equals_its_label_is_correct_and_its_metrics_run(task):
    metric, spec = task_metric(task), is_.LabelSpec("stage", task, CLASSES)
    tally, running = metric.tally(*SAMPLES[task], spec), metric.running(spec)
    comparison = metric.judge(tally, spec)
    assert (comparison.status, comparison.errors, comparison.error_type) == ("correct", (), None)
    before = running.values()
    running.add(tally, comparison)
    after = running.values()
    assert before.keys() == after.keys()
    assert before != after
    summary = metric.summarise([tally], spec)
    for name in after.keys() & summary.metrics.keys():
        assert after[name] == pytest.approx(summary.metrics[name]), name
