"""Every form that docs/predictions.md accepts is read, and every one that it refuses is refused for that reason."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as codec

from pytest_vizart.accuracy.geometry.rotated_iou import rectangle_corners
from pytest_vizart.accuracy.predictions import read_prediction
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import TASKS, ClassMap, LabelSpec, Task

PAGE = Path(__file__).parents[3] / "docs" / "predictions.md"
SIZE = (4, 6)


def rows(heading: str) -> list[tuple[Task, str, str]]:
    """The rows of the table under a heading: task, form, text."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \| `(.+?)` \| ?(.*?) ?\|$", section, re.MULTILINE)  # type: ignore[return-value]


def names() -> dict[str, Any]:
    """What the forms' names stand for: one object of the class "key" with the score .9."""
    masks = np.zeros((1, *SIZE), dtype=bool)
    masks[0, 1:3, 2:5] = True
    turned = np.array([[30.0, 40.0, 20.0, 10.0, 0.0]])
    corners = rectangle_corners(turned)
    box, scores, labels = np.array([[10.0, 20.0, 50.0, 60.0]]), np.array([0.9]), np.array([1])
    keypoints = np.array([[[1.0, 2.0, 0.5], [3.0, 5.0, 1.0]]])
    xyz = np.array([[1.0, 2.0, 3.0]])
    return {
        "boxes": box,
        "turned": turned,
        "corners": corners,
        "cuboids": np.array([[1.0, 2.0, 3.0, 4.0, 2.0, 1.5, 0.5]]),
        "masks": masks,
        "rle": {"size": list(SIZE), "counts": codec.encode(np.asfortranarray(masks[0].astype(np.uint8)))["counts"]},
        "polygon": [2, 1, 5, 1, 5, 3, 2, 3],
        "keypoints": keypoints,
        "scores": scores,
        "labels": labels,
        "detections": SimpleNamespace(
            xyxy=box, mask=masks, confidence=scores, class_id=labels, data={"xyxyxyxy": corners}
        ),
        "result": [
            SimpleNamespace(
                boxes=SimpleNamespace(xyxy=box, conf=scores, cls=labels),
                masks=SimpleNamespace(data=np.ones((1, 2, 3)), xy=[np.array([[2, 1], [5, 1], [5, 3], [2, 3]])]),
                keypoints=SimpleNamespace(data=keypoints),
                obb=SimpleNamespace(xywhr=turned, xyxyxyxy=corners, conf=scores, cls=labels),
                names={0: "coin", 1: "key"},
                orig_shape=SIZE,
            )
        ],
        "key_points": SimpleNamespace(
            xy=keypoints[:, :, :2], confidence=keypoints[:, :, 2], detection_confidence=scores, class_id=labels
        ),
        "segments": np.array([[1, 1], [2, 0]]),
        "xyz": xyz,
        "point_cloud": SimpleNamespace(points=xyz),
        "image": np.full((2, 2, 3), 200, dtype=np.uint8),
        "picture": Image.new("RGB", (2, 2)),
    }


def read(task: Task, form: str) -> Any:
    of = LabelSpec("stage", task, ClassMap(("coin", "key"), (0, 1)))
    value = eval(form, names())
    return read_prediction(value, of, image_size=SIZE if task == "instances" else None)


@pytest.mark.parametrize("task, form, _text", rows("Accepted forms"))
def test_accepted(task: Task, form: str, _text: str) -> None:
    prediction = read(task, form)
    objects = getattr(prediction, "objects", prediction)
    if hasattr(objects, "scores"):
        assert objects.scores.tolist() == [0.9]
        assert objects.class_index.tolist() == [1]
    if task == "classes":
        assert prediction.class_index == 1


@pytest.mark.parametrize("task, form, why", rows("What is refused"))
def test_refused(task: Task, form: str, why: str) -> None:
    with pytest.raises(PredictionError) as caught:
        read(task, form)
    assert caught.value.problem == why
    assert caught.value.place
    assert caught.value.hint


def test_every_task_is_on_the_page() -> None:
    assert {task for task, _, _ in rows("Accepted forms")} == set(TASKS)
    assert len(rows("Accepted forms")) > 45


@pytest.mark.parametrize("task", ["boxes", "oriented_boxes", "instances", "keypoints", "boxes_3d"])
def test_an_empty_list_is_no_object(task: Task) -> None:
    assert len(read(task, "[]")) == 0


@pytest.mark.parametrize("task", TASKS)
def test_none_is_no_prediction(task: Task) -> None:
    with pytest.raises(PredictionError, match="nothing was predicted"):
        read(task, "None")
