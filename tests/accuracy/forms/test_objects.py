"""Forms of instances, keypoints, oriented boxes and cuboids: one value, score and class for each object."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_vizart.accuracy.geometry.masks import decode, encode
from pytest_vizart.accuracy.geometry.rotated_iou import rectangle_corners
from pytest_vizart.accuracy.predicted import (
    Box3DPredictions,
    InstancePredictions,
    KeypointPredictions,
    OrientedBoxPredictions,
)
from pytest_vizart.accuracy.predictions import read_prediction
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import ClassMap, LabelSpec, Task
from tests.accuracy.forms.tensors import Tensor
from tests.accuracy.problems import spec

SIZE = (6, 8)
MASK = np.zeros((1, *SIZE), dtype=bool)
MASK[0, 1:4, 2:6] = True
RLE = {"size": list(SIZE), "counts": encode(MASK)[0]}
RING = [2.0, 1.0, 6.0, 1.0, 6.0, 4.0, 2.0, 4.0]
AROUND = [2.0, 1.0, 6.0, 4.0]
POINTS = np.array([[[1.0, 2.0, 0.5], [3.0, 5.0, 1.0]]])
TURNED = [10.0, 20.0, 6.0, 2.0, 0.5]
CORNERS = rectangle_corners(np.array([TURNED]))
CUBOID = [1.0, 2.0, 3.0, 4.0, 2.0, 1.5, 0.5]

CORNER_BOXES = SimpleNamespace(xyxy=Tensor([AROUND]), conf=Tensor([0.5]), cls=Tensor([1.0]))


def instances(value: Any, **options: Any) -> InstancePredictions:
    prediction = read_prediction(value, spec("instances"), **options)
    assert isinstance(prediction, InstancePredictions)
    return prediction


def masks_result(data: Any, **rest: Any) -> SimpleNamespace:
    """As ultralytics returns it."""
    return SimpleNamespace(boxes=CORNER_BOXES, masks=SimpleNamespace(data=Tensor(data), **rest), orig_shape=SIZE)


INSTANCE_FORMS = {
    "torchvision": {"masks": Tensor(MASK[:, None] * 0.7), "scores": Tensor([0.5]), "labels": Tensor([1])},
    "a list of one": [{"masks": MASK, "boxes": [AROUND], "scores": [0.5], "labels": [1]}],
    "bytes of 255": {"masks": MASK.astype(np.uint8) * 255, "scores": [0.5], "labels": ["key"]},
    "nested lists": {"masks": MASK.astype(int).tolist(), "scores": [0.5], "labels": [1]},
    "run lengths": {"masks": [RLE], "scores": [0.5], "labels": [1]},
    "text of run lengths": {
        "segmentations": [RLE | {"counts": RLE["counts"].decode()}],
        "scores": [0.5],
        "labels": [1],
    },
    "polygons": {"masks": [[RING]], "scores": [0.5], "labels": [1]},
    "rows of masks": [{"mask": MASK[0], "score": 0.5, "label": "key"}],
    "COCO's results": [{"segmentation": RLE, "score": 0.5, "category_id": 1, "image_id": 7}],
    "COCO's polygons": [{"segmentation": [RING], "score": 0.5, "label": 1}],
    "supervision": SimpleNamespace(xyxy=[AROUND], mask=MASK, confidence=[0.5], class_id=[1]),
    "ultralytics, retina masks": masks_result(MASK * 1.0),
    "ultralytics": [masks_result(np.ones((1, 3, 4)), xy=[np.array(RING).reshape(-1, 2)])],
}


@pytest.mark.parametrize("name", INSTANCE_FORMS)
def test_instance_forms(name: str) -> None:
    prediction = instances(INSTANCE_FORMS[name], image_size=SIZE)
    assert prediction.size == SIZE
    assert np.array_equal(decode(prediction.masks[0], SIZE), MASK[0])
    assert prediction.objects.boxes.tolist() == [AROUND]
    assert prediction.objects.scores.tolist() == [0.5]
    assert prediction.objects.class_index.tolist() == [1]


def test_masks_alone_where_there_is_one_class() -> None:
    for value in (MASK, MASK.astype(int).tolist(), [MASK[0]], [RLE], {"masks": MASK}):
        prediction = read_prediction(value, spec("instances", ["coin"]))
        assert isinstance(prediction, InstancePredictions)
        assert (len(prediction), prediction.objects.scores.tolist(), prediction.size) == (1, [1.0], SIZE)


NO_INSTANCES = [
    [],
    np.empty((0, *SIZE)),
    {"masks": [], "scores": [], "labels": []},
    {"masks": np.empty((0, 1, *SIZE)), "boxes": np.empty((0, 4)), "labels": np.empty(0), "scores": np.empty(0)},
    SimpleNamespace(xyxy=np.empty((0, 4)), mask=None, confidence=None, class_id=None),
    SimpleNamespace(boxes=SimpleNamespace(xyxy=np.empty((0, 4)), conf=[], cls=[]), masks=None, orig_shape=SIZE),
]


@pytest.mark.parametrize("value", NO_INSTANCES)
def test_no_instances(value: Any) -> None:
    prediction = instances(value, image_size=SIZE)
    assert (len(prediction), len(prediction.objects), prediction.size) == (0, 0, SIZE)
    assert instances([]).size == (0, 0)


def test_probabilities_count_from_a_half_on() -> None:
    prediction = instances({"masks": [np.array([[0.49, 0.5, 1.0]])], "labels": [0]})
    assert decode(prediction.masks[0], (1, 3)).tolist() == [[False, True, True]]


def test_a_mask_of_nothing_is_a_prediction() -> None:
    value = {"masks": np.zeros((1, *SIZE)), "labels": [0]}
    assert instances(value).objects.boxes.tolist() == [[0, 0, 0, 0]]
    outlineless = masks_result(np.ones((1, 3, 4)), xy=[np.empty((0, 2))])
    assert not decode(instances(outlineless).masks[0], SIZE).any()


@pytest.mark.parametrize("box_format, box", [("xyxy", [0, 0, 4, 5]), ("xywh", [0, 0, 4, 5])])
def test_boxes_beside_the_masks_are_kept(box_format: str, box: list[float]) -> None:
    prediction = instances({"masks": MASK, "boxes": [box], "labels": [0]}, box_format=box_format)
    assert prediction.objects.boxes.tolist() == [[0, 0, 4, 5]]
    corners = instances(INSTANCE_FORMS["supervision"], box_format="cxcywh")
    assert corners.objects.boxes.tolist() == [AROUND]


def labelled(masks: Any, **rest: Any) -> dict[str, Any]:
    return {"masks": masks, "labels": [0]} | rest


@pytest.mark.parametrize(
    "value, place, problem",
    [
        (labelled(np.zeros((1, 5, 8))), "masks[0]", "another size"),
        (labelled([MASK[0], np.zeros((5, 8))]), "masks[1]", "another size"),
        (labelled([{"size": [8, 6], "counts": RLE["counts"]}]), "masks[0]", "another size"),
        (labelled([{"size": [6, 8], "counts": "abc"}]), "masks[0].counts", "do not cover"),
        (labelled([{"size": [6, 8]}]), "masks[0].counts", "do not cover"),
        (labelled([{"counts": "abc"}]), "masks[0].size", "without a size"),
        (labelled([{"size": [10**6, 10**6], "counts": [10**12]}]), "masks[0].size", "without a size"),
        (labelled([{"size": ["a", "b"], "counts": []}]), "masks[0].size", "without a size"),
        (labelled([{"size": 3, "counts": []}]), "masks[0].size", "without a size"),
        (labelled(np.full((1, *SIZE), np.nan)), "masks[0]", "not a mask of one object"),
        (labelled(MASK * 1.5), "masks[0]", "not a mask of one object.*sigmoid"),
        (labelled(MASK * 2), "masks[0]", "not a mask of one object.*object numbers"),
        (labelled(np.full((1, *SIZE), "a")), "masks[0]", "not a mask of one object"),
        (labelled(MASK[0]), "shape", "wrong shape.*one mask for each"),
        (labelled(np.zeros((1, 2, *SIZE))), "shape", "wrong shape"),
        (labelled([[[1.0, 2, 3, 4]]]), "masks[0][0]", "not a polygon"),
        (labelled([[[1.0, 2, 3, 4, np.nan, 6]]]), "masks[0][0][4]", "not a finite number"),
        (labelled([[[1.0, 2, 3, 4, 1e9, 6]]]), "masks[0][0]", "far outside"),
        (labelled([None]), "masks[0]", "not an array"),
        (labelled(["text"]), "masks[0]", "not a mask"),
        (labelled(MASK, scores=[0.5, 0.5]), "scores", "as many masks"),
        (labelled(MASK, labels=[0, 1]), "labels", "as many masks"),
        (labelled(MASK, labels=[7]), "labels[0]", "unknown class"),
        (labelled(MASK, labels=None), "labels", "masks without classes"),
        (labelled(MASK, boxes=[AROUND] * 2), "boxes", "as many masks"),
        (labelled(MASK, boxes=[[6, 1, 2, 4]]), "boxes[0]", "negative size"),
        (labelled(MASK, scores=[np.inf]), "scores[0]", "not a finite number"),
        ({"boxes": [AROUND]}, "masks", "no masks in it"),
        ([{"score": 0.5}], "masks[0]", "no mask in it"),
        ([{"mask": MASK[0], "label": 0}, {"mask": MASK[0]}], "masks[1].label", "without a label"),
        (SimpleNamespace(xyxy=[AROUND], mask=None, confidence=[0.5], class_id=[1]), "masks", "boxes without masks"),
        ("text", "masks", "not an array|wrong shape"),
        (object(), "masks", "not an array"),
        (3, "masks", "wrong shape"),
    ],
)
def test_instances_that_are_refused(value: Any, place: str, problem: str) -> None:
    with pytest.raises(PredictionError, match=problem) as caught:
        instances(value, image_size=SIZE)
    assert caught.value.place in (place, "shape")
    assert caught.value.hint


def test_polygons_need_the_size_of_the_image() -> None:
    with pytest.raises(PredictionError, match="no size of the image"):
        instances({"masks": [[RING]], "labels": [0]})
    assert instances({"masks": [[RING], MASK[0]], "labels": [0, 0]}).size == SIZE


def keypoints(value: Any, of: LabelSpec | None = None, **options: Any) -> KeypointPredictions:
    prediction = read_prediction(value, of or spec("keypoints"), **options)
    assert isinstance(prediction, KeypointPredictions)
    return prediction


KEYPOINT_FORMS = {
    "torchvision": {"keypoints": Tensor(POINTS), "scores": Tensor([0.5]), "labels": Tensor([1])},
    "a list of one": [{"keypoints": POINTS, "scores": [0.5], "labels": [1]}],
    "COCO's results": [{"keypoints": POINTS.reshape(-1).tolist(), "score": 0.5, "category_id": 1}],
    "rows": [{"keypoints": POINTS[0], "score": 0.5, "label": "key"}],
    "ultralytics": [
        SimpleNamespace(
            keypoints=SimpleNamespace(data=Tensor(POINTS)),
            boxes=SimpleNamespace(xyxy=Tensor([[1.0, 2, 3, 5]]), conf=Tensor([0.5]), cls=Tensor([1.0])),
        )
    ],
    "supervision": SimpleNamespace(
        xy=POINTS[:, :, :2], confidence=POINTS[:, :, 2], detection_confidence=[0.5], class_id=[1]
    ),
}


@pytest.mark.parametrize("name", KEYPOINT_FORMS)
def test_keypoint_forms(name: str) -> None:
    prediction = keypoints(KEYPOINT_FORMS[name])
    assert prediction.keypoints.tolist() == POINTS.tolist()
    assert prediction.objects.boxes.tolist() == [[1, 2, 3, 5]]
    assert prediction.objects.scores.tolist() == [0.5]
    assert prediction.objects.class_index.tolist() == [1]


def test_keypoints_alone_where_there_is_one_class() -> None:
    one = spec("keypoints", ["person"])
    for value in (POINTS[:, :, :2], POINTS[:, :, :2].tolist(), Tensor(POINTS[:, :, :2])):
        prediction = keypoints(value, one)
        assert prediction.keypoints[:, :, 2].tolist() == [[1.0, 1.0]]
        assert prediction.objects.scores.tolist() == [1.0]
    with_box = keypoints({"keypoints": POINTS, "boxes": [[0, 0, 9, 9]]}, one, box_format="xywh")
    assert with_box.objects.boxes.tolist() == [[0, 0, 9, 9]]


@pytest.mark.parametrize(
    "value",
    [
        [],
        np.empty((0, 2, 3)),
        {"keypoints": [], "scores": []},
        SimpleNamespace(xy=np.empty((0, 0, 2)), confidence=None, class_id=None),
    ],
)
def test_no_keypoints(value: Any) -> None:
    prediction = keypoints(value)
    assert len(prediction) == len(prediction.objects) == 0
    assert prediction.keypoints.ndim == 3


def pointed(points: Any, **rest: Any) -> dict[str, Any]:
    return {"keypoints": points, "labels": [0]} | rest


@pytest.mark.parametrize(
    "value, place, problem",
    [
        (pointed(POINTS[0, :, :2]), "shape", "wrong shape"),
        (pointed(POINTS[0]), "shape", "wrong shape.*into a list"),
        (pointed(np.zeros((1, 2, 4))), "shape", "wrong shape"),
        (pointed(np.zeros((1, 3, 3))), "shape", "wrong number of keypoints"),
        (pointed(POINTS * np.nan), "keypoints[0, 0, 0]", "not a finite number"),
        (pointed(POINTS * 1e12), "keypoints", "too large"),
        (pointed(POINTS, scores=[1.0, 1.0]), "scores", "as many keypoints"),
        (pointed(POINTS, boxes=[[0, 0, 1, 1]] * 2), "boxes", "as many keypoints"),
        (pointed(POINTS, labels=None), "labels", "keypoints without classes"),
        ({"boxes": [AROUND]}, "keypoints", "no keypoints in it"),
        ([{"box": AROUND}], "keypoints[0]", "no keypoints in it"),
        ([{"keypoints": [[1, 2]]}, {"keypoints": [[1, 2], [3, 4]]}], "keypoints", "not an array"),
        ("text", "keypoints", "not numbers"),
    ],
)
def test_keypoints_that_are_refused(value: Any, place: str, problem: str) -> None:
    named = LabelSpec("pose", "keypoints", ClassMap(("a", "b"), (0, 1)), keypoint_names=("left", "right"))
    with pytest.raises(PredictionError, match=problem) as caught:
        keypoints(value, named)
    assert caught.value.place == place
    assert caught.value.hint


def oriented(value: Any, **options: Any) -> OrientedBoxPredictions:
    prediction = read_prediction(value, spec("oriented_boxes"), **options)
    assert isinstance(prediction, OrientedBoxPredictions)
    return prediction


OBB = SimpleNamespace(xywhr=Tensor([TURNED]), xyxyxyxy=Tensor(CORNERS), conf=Tensor([0.5]), cls=Tensor([1.0]))
ORIENTED_FORMS = {
    "seven columns": np.array([[*TURNED, 0.5, 1]]),
    "lists": [[*TURNED, 0.5, 1]],
    "corners, score, class": np.array([[*CORNERS.reshape(-1), 0.5, 1]]),
    "columns": {"boxes": [TURNED], "scores": [0.5], "labels": ["key"]},
    "corners": {"boxes": Tensor(CORNERS), "scores": [0.5], "labels": [1]},
    "flat corners": {"boxes": CORNERS.reshape(-1, 8), "scores": [0.5], "labels": [1]},
    "rows": [{"box": TURNED, "score": 0.5, "label": "key"}],
    "rows of corners": [{"bbox": CORNERS[0], "score": 0.5, "category_id": 1}],
    "ultralytics": SimpleNamespace(obb=OBB, boxes=None),
    "ultralytics, a list of one": [SimpleNamespace(obb=OBB, boxes=None)],
    "ultralytics' boxes": OBB,
    "supervision": SimpleNamespace(
        xyxy=np.zeros((1, 4)), data={"xyxyxyxy": CORNERS}, confidence=np.array([0.5]), class_id=np.array([1])
    ),
    "another half turn": np.array([[*TURNED[:4], TURNED[4] - np.pi, 0.5, 1]]),
}


@pytest.mark.parametrize("name", ORIENTED_FORMS)
def test_oriented_forms(name: str) -> None:
    prediction = oriented(ORIENTED_FORMS[name])
    assert prediction.boxes == pytest.approx(np.array([TURNED]))
    assert prediction.scores.tolist() == [0.5]
    assert prediction.class_index.tolist() == [1]


def test_no_oriented_boxes() -> None:
    for value in ([], np.empty((0, 7)), np.empty((0, 4, 2)), {"boxes": []}):
        assert oriented(value).boxes.shape == (0, 5)


@pytest.mark.parametrize(
    "value, place, problem",
    [
        ([[10.0, 20, 6, 2, 30, 0.5, 1]], "boxes[0]", "beyond a full turn.*radians"),
        ([[10.0, 20, -6, 2, 0, 0.5, 1]], "boxes[0]", "negative size"),
        ([[1e12, 20, 6, 2, 0, 0.5, 1]], "boxes", "too large"),
        ([[10.0, 20, 6, 2, np.nan, 0.5, 1]], "boxes[0, 4]", "not a finite number"),
        ([TURNED], "labels", "boxes without classes"),
        ([TURNED[:4]], "shape", "wrong shape"),
        (TURNED, "shape", "wrong shape.*into a list"),
        ({"boxes": [TURNED[:4]], "labels": [0]}, "shape", "wrong shape"),
        ({"boxes": CORNERS * 1e12, "labels": [0]}, "boxes", "too large"),
        ({"boxes": [TURNED], "labels": [0], "scores": []}, "scores", "as many boxes"),
        ({"rboxes": [TURNED]}, "boxes", "no boxes in it"),
        ([{"box": TURNED}, {"box": TURNED[:4]}], "boxes", "not an array"),
        (np.zeros((1, 3, 2)), "shape", "wrong shape"),
    ],
)
def test_oriented_boxes_that_are_refused(value: Any, place: str, problem: str) -> None:
    with pytest.raises(PredictionError, match=problem) as caught:
        oriented(value)
    assert caught.value.place == place
    assert caught.value.hint


def cuboids(value: Any) -> Box3DPredictions:
    prediction = read_prediction(value, spec("boxes_3d"))
    assert isinstance(prediction, Box3DPredictions)
    return prediction


CUBOID_FORMS = {
    "nine columns": np.array([[*CUBOID, 0.5, 1]]),
    "columns": {"boxes": Tensor([CUBOID]), "scores": Tensor([0.5]), "labels": Tensor([1])},
    "a list of one": [{"boxes": [CUBOID], "scores": [0.5], "labels": ["key"]}],
    "rows": [{"box": CUBOID, "score": 0.5, "label": "key"}],
    "another turn": np.array([[*CUBOID[:6], CUBOID[6] - 2 * np.pi, 0.5, 1]]),
}


@pytest.mark.parametrize("name", CUBOID_FORMS)
def test_cuboid_forms(name: str) -> None:
    prediction = cuboids(CUBOID_FORMS[name])
    assert prediction.boxes == pytest.approx(np.array([CUBOID]))
    assert prediction.scores.tolist() == [0.5]
    assert prediction.class_index.tolist() == [1]


def test_no_cuboids() -> None:
    for value in ([], np.empty((0, 9)), {"boxes": []}):
        assert cuboids(value).boxes.shape == (0, 7)


@pytest.mark.parametrize(
    "value, place, problem",
    [
        ([[*CUBOID[:6], 90.0, 0.5, 1]], "boxes[0]", "beyond a full turn"),
        ([[*CUBOID[:5], -1.0, 0.5, 0.5, 1]], "boxes[0]", "negative size"),
        ([[1e9, *CUBOID[1:], 0.5, 1]], "boxes", "too large"),
        ([[*CUBOID, np.inf, 1]], "boxes[0, 7]", "not a finite number"),
        ([[*CUBOID, 1, 1, 1]], "shape", "wrong shape.*velocities"),
        (CUBOID, "shape", "wrong shape"),
        ({"boxes": [CUBOID[:6]], "labels": [0]}, "shape", "wrong shape"),
        ({"pred_boxes": [CUBOID]}, "boxes", "no boxes in it"),
        ([CUBOID], "labels", "boxes without classes"),
    ],
)
def test_cuboids_that_are_refused(value: Any, place: str, problem: str) -> None:
    with pytest.raises(PredictionError, match=problem) as caught:
        cuboids(value)
    assert caught.value.place == place
    assert caught.value.hint


def test_ids_of_cocos_results_are_ids_whatever_numbers_the_model_has() -> None:
    sparse = spec("keypoints", ["person", "dog"], [1, 18])
    row = {"keypoints": POINTS.reshape(-1), "category_id": 18}
    assert keypoints([row], sparse).objects.class_index.tolist() == [1]
    assert keypoints([row], sparse, labels="index").objects.class_index.tolist() == [1]
    with pytest.raises(PredictionError, match="IDs or indices"):
        keypoints([{"keypoints": POINTS[0], "label": 18}], sparse)


@pytest.mark.parametrize("beside", [{}, {"label": "dog"}, {"score": 0.5, "image_id": 7}])
@pytest.mark.parametrize("options", [{}, {"labels": "index"}, {"box_format": "cxcywh"}])
@pytest.mark.parametrize("task, own", [
    ("boxes", {}), ("instances", {"segmentation": RLE}), ("keypoints", {"keypoints": POINTS.reshape(-1)})
])  # fmt: skip
def test_a_row_of_cocos_results_means_the_same_for_every_task(
    task: Task, own: dict[str, Any], beside: dict[str, Any], options: dict[str, Any]
) -> None:
    row = own | {"category_id": 18, "bbox": [1, 2, 3, 4]} | beside
    prediction: Any = read_prediction([row], spec(task, ["person", "dog"], [18, 1]), **options)
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
        assert keypoints([{"keypoints": POINTS[0]} | row]).objects.boxes.tolist() == [[1, 2, 3, 4]]


def test_the_models_own_names_say_what_its_numbers_mean() -> None:
    sparse = spec("oriented_boxes", ["car", "key"], [3, 44])
    named = SimpleNamespace(obb=OBB, names={0: "car", 1: "key"})
    assert read_prediction(named, sparse).class_index.tolist() == [1]  # type: ignore[union-attr]
    with pytest.raises(PredictionError, match="IDs or indices"):
        read_prediction(SimpleNamespace(obb=OBB), sparse)
    with pytest.raises(PredictionError, match="unknown class"):
        read_prediction(SimpleNamespace(obb=OBB, names={1: "boat"}), sparse)
    detections = SimpleNamespace(
        xyxy=[AROUND], mask=MASK, confidence=[0.5], class_id=[7], data={"class_name": np.array(["key"])}
    )
    prediction = read_prediction(detections, spec("instances", ["car", "key"], [3, 44]))
    assert prediction.objects.class_index.tolist() == [1]  # type: ignore[union-attr]
