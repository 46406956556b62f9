"""Object keypoint similarity, with COCOeval.computeOks as the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from pycocotools.cocoeval import COCOeval

from pytest_vizart.accuracy.geometry.oks import COCO_SIGMAS, keypoint_distances, keypoint_sigmas, oks

Floats = NDArray[np.float64]


def computed_by_coco(predicted: Floats, truth: Floats, boxes: Floats, area: Floats, sigmas: Floats) -> Floats:
    evaluation = COCOeval(iouType="keypoints")
    evaluation.params.kpt_oks_sigmas = sigmas
    evaluation._gts[0, 0] = [
        {
            "keypoints": points.reshape(-1).tolist(),
            "area": float(size),
            "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
        }
        for points, size, box in zip(truth, area, boxes, strict=True)
    ]
    evaluation._dts[0, 0] = [{"keypoints": points.reshape(-1).tolist(), "score": 1.0} for points in predicted]
    return np.asarray(evaluation.computeOks(0, 0))


@pytest.mark.parametrize("keypoints", [1, 3, 7, 8, 9, 17, 23])
def test_equal_to_coco_to_the_last_bit(keypoints: int) -> None:
    generator = np.random.default_rng(keypoints)
    for _ in range(20):
        objects = 4
        xy = generator.uniform(0, 200, (objects, keypoints, 2))
        truth = np.concatenate([xy, generator.integers(0, 3, (objects, keypoints, 1))], axis=2)
        truth[0, :, 2] = 0  # nothing labelled: the box serves
        predicted = truth + generator.normal(0, 8, truth.shape)
        predicted = np.concatenate([predicted, truth[:2]])
        # Whole pixels, so that the box's sides are exact.
        boxes = np.round(np.concatenate([xy.min(axis=1), xy.max(axis=1) + 1], axis=1))
        area = generator.uniform(0, 9000, objects)
        sigmas = keypoint_sigmas((), keypoints)
        ours = oks(predicted, truth, boxes, area, sigmas)
        assert np.array_equal(ours, computed_by_coco(predicted, truth, boxes, area, sigmas))


def test_no_objects_and_no_area() -> None:
    points, sigmas = np.ones((1, 2, 3)), keypoint_sigmas((), 2)
    assert oks(np.empty((0, 2, 3)), points, np.ones((1, 4)), np.ones(1), sigmas).shape == (0, 1)
    assert oks(points, np.empty((0, 2, 3)), np.ones((0, 4)), np.ones(0), sigmas).shape == (1, 0)
    assert oks(points, points, np.ones((1, 4)), np.zeros(1), sigmas).tolist() == [[1.0]]


def test_sigmas() -> None:
    assert keypoint_sigmas((), 17).tolist() == list(COCO_SIGMAS)
    assert tuple(COCOeval(iouType="keypoints").params.kpt_oks_sigmas) == COCO_SIGMAS
    assert keypoint_sigmas((), 4).tolist() == [0.25] * 4
    assert keypoint_sigmas((0.1, 0.2), 2).tolist() == [0.1, 0.2]


def test_distances_of_labelled_keypoints() -> None:
    truth = np.array([[[0.0, 0, 2], [5, 5, 0]]])
    predicted = np.array([[[3.0, 4, 1], [9, 9, 1]]])
    assert keypoint_distances(predicted, truth)[0, 0] == 5.0
    assert np.isnan(keypoint_distances(predicted, truth)[0, 1])
