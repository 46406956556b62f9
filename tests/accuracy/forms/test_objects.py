"""What is the same in the forms of all tasks with objects: rows of COCO's results, names of a model's classes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_vizart.accuracy.predictions import read_prediction
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import LabelSpec, Task
from tests.accuracy.forms.objects import AROUND, MASK, OBB, POINTS, RLE
from tests.accuracy.problems import spec


def read_any(value: Any, of: LabelSpec, **options: Any) -> Any:
    return read_prediction(value, of, **options)


def test_ids_of_cocos_results_are_ids_whatever_numbers_the_model_has() -> None:
    sparse = spec("keypoints", ["person", "dog"], [1, 18])
    row = {"keypoints": POINTS.reshape(-1), "category_id": 18}
    assert read_any([row], sparse).objects.class_index.tolist() == [1]
    assert read_any([row], sparse, labels="index").objects.class_index.tolist() == [1]
    with pytest.raises(PredictionError, match="IDs or indices"):
        read_any([{"keypoints": POINTS[0], "label": 18}], sparse)


@pytest.mark.parametrize("beside", [{}, {"label": "dog"}, {"score": 0.5, "image_id": 7}])
@pytest.mark.parametrize("options", [{}, {"labels": "index"}, {"box_format": "cxcywh"}])
@pytest.mark.parametrize("task, own", [
    ("boxes", {}), ("instances", {"segmentation": RLE}), ("keypoints", {"keypoints": POINTS.reshape(-1)})
])  # fmt: skip
def test_a_row_of_cocos_results_means_the_same_for_every_task(
    task: Task, own: dict[str, Any], beside: dict[str, Any], options: dict[str, Any]
) -> None:
    row = own | {"category_id": 18, "bbox": [1, 2, 3, 4]} | beside
    prediction = read_any([row], spec(task, ["person", "dog"], [18, 1]), **options)
    objects = getattr(prediction, "objects", prediction)
    assert objects.boxes.tolist() == [[1, 2, 4, 6]]
    assert objects.extent.tolist() == [12]
    assert objects.class_index.tolist() == [0]


def test_boxes_in_rows_of_another_kind_are_as_box_format_says() -> None:
    for row in (
        {"label": 1, "box": [1, 2, 3, 4]},
        {"label": 1, "bbox": [1, 2, 3, 4]},
        {"category_id": 1, "box": [1, 2, 3, 4]},
    ):
        assert read_any([{"keypoints": POINTS[0]} | row], spec("keypoints")).objects.boxes.tolist() == [[1, 2, 3, 4]]


def test_the_models_own_names_say_what_its_numbers_mean() -> None:
    sparse = spec("oriented_boxes", ["car", "key"], [3, 44])
    named = SimpleNamespace(obb=OBB, names={0: "car", 1: "key"})
    assert read_any(named, sparse).class_index.tolist() == [1]
    with pytest.raises(PredictionError, match="IDs or indices"):
        read_prediction(SimpleNamespace(obb=OBB), sparse)
    with pytest.raises(PredictionError, match="unknown class"):
        read_prediction(SimpleNamespace(obb=OBB, names={1: "boat"}), sparse)
    detections = SimpleNamespace(
        xyxy=[AROUND], mask=MASK, confidence=[0.5], class_id=[7], data={"class_name": np.array(["key"])}
    )
    prediction = read_any(detections, spec("instances", ["car", "key"], [3, 44]))
    assert prediction.objects.class_index.tolist() == [1]
