"""Forms of panoptic, cloud, image, text and array predictions, and class probabilities."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_vizart.accuracy.predicted import (
    ArrayPrediction,
    ClassPrediction,
    CloudPrediction,
    ImagePrediction,
    PanopticPrediction,
    TextPrediction,
)
from pytest_vizart.accuracy.predictions import read_prediction
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import IGNORE, NO_CLASSES, LabelSpec, Task
from tests.accuracy.problems import spec

THREE = spec("classes", ["coin", "key", "label"])
PANOPTIC = spec("panoptic", ["car", "road"])
SPARSE = spec("panoptic", ["car", "road"], [3, 7])


def plain(task: Task) -> LabelSpec:
    return LabelSpec("stage", task, NO_CLASSES)


def classified(value: Any, of: LabelSpec = THREE) -> ClassPrediction:
    prediction = read_prediction(value, of)
    assert isinstance(prediction, ClassPrediction)
    return prediction


@pytest.mark.parametrize(
    "value",
    [
        {"probabilities": [0.2, 0.5, 0.3]},
        {"probabilities": np.array([[0.2, 0.5, 0.3]], dtype=np.float64)},
        {"logits": np.log([0.2, 0.5, 0.3]) + 800},
        {"key": 0.5, "coin": 0.2, "label": 0.3},
        {0: 0.2, 2: 0.3, 1: 0.5},
    ],
)
def test_probabilities_of_all_classes_are_kept(value: Any) -> None:
    prediction = classified(value)
    assert prediction.class_index == 1
    assert prediction.score == pytest.approx(0.5)
    assert prediction.probabilities is not None
    assert prediction.probabilities == pytest.approx([0.2, 0.5, 0.3])


def test_scores_that_are_no_probabilities_are_scores_only() -> None:
    assert classified({"key": 3.5, "coin": -2, "label": 1}) == ClassPrediction(1, 3.5)
    assert classified({"key": 0.5, "coin": 0.25}) == ClassPrediction(1, 0.5)
    independent = classified({"key": 0.9, "coin": 0.8, "label": 0.1})
    assert independent.probabilities is not None
    even = classified({"probabilities": [0.4, 0.4, 0.2]})
    assert even.class_index == 0


def test_a_class_called_logits_is_a_class() -> None:
    named = spec("classes", ["logits", "probabilities"])
    assert classified({"logits": 0.2, "probabilities": 0.8}, named).class_index == 1


@pytest.mark.parametrize(
    "value, problem",
    [
        ({"probabilities": [0.5, 0.5]}, "wrong shape"),
        ({"probabilities": [[0.2], [0.5], [0.3]]}, None),
        ({"probabilities": [[0.2, 0.5, 0.3], [0.2, 0.5, 0.3]]}, "wrong shape"),
        ({"probabilities": [0.9, 0.9, 0.1]}, "not probabilities"),
        ({"probabilities": [-0.5, 1.2, 0.3]}, "not probabilities"),
        ({"probabilities": [0.2, np.nan, 0.3]}, "not a finite number"),
        ({"probabilities": "high"}, "not numbers"),
        ({"logits": [1.0, np.inf, 0.0]}, "not a finite number"),
        ({"logits": []}, "wrong shape"),
        ([0.2, 0.5, 0.3], "not a class prediction"),
    ],
)
def test_what_is_no_probability_is_refused(value: Any, problem: str | None) -> None:
    if problem is None:
        assert classified(value).class_index == 1
        return
    with pytest.raises(PredictionError, match=problem) as caught:
        read_prediction(value, THREE)
    assert caught.value.place
    assert caught.value.hint


SEGMENTS = np.array([[10, 10, 0], [4, 4, -1]])
INFO = [{"id": 10, "category_id": 1}, {"id": 99, "category_id": 0}, {"id": 4, "category_id": 0, "isthing": True}]


@pytest.mark.parametrize(
    "value",
    [
        (SEGMENTS, {10: "road", 99: "car", 4: "car"}),
        [SEGMENTS.tolist(), INFO],
        {"segments": SEGMENTS, "classes": {10: 1, 99: 0, 4: 0}},
        {"panoptic_seg": (SEGMENTS, INFO)},
        {"panoptic_seg": SEGMENTS.astype(np.int16), "segments_info": INFO},
        {"segmentation": SEGMENTS, "segments_info": [{"id": 10, "label_id": 1}, {"id": 4, "label_id": 0}]},
        {"segments": SEGMENTS, "segments_info": [{"id": np.int64(10), "label": "road"}, {"id": 4, "label": "car"}]},
    ],
)  # fmt: skip
def test_panoptic_forms(value: Any) -> None:
    prediction = read_prediction(value, PANOPTIC)
    assert isinstance(prediction, PanopticPrediction)
    assert prediction.segments.tolist() == [[0, 0, IGNORE], [1, 1, IGNORE]]
    assert prediction.segments.dtype == np.int32
    assert prediction.class_index.tolist() == [1, 0]


def test_zero_is_a_segment_where_the_classes_name_it() -> None:
    prediction = read_prediction((np.array([[0, 1]]), {0: "car", 1: "car"}), PANOPTIC)
    assert isinstance(prediction, PanopticPrediction)
    assert prediction.segments.tolist() == [[0, 1]]
    nothing = read_prediction((np.zeros((2, 2), int), {}), PANOPTIC)
    assert isinstance(nothing, PanopticPrediction)
    assert nothing.segments.tolist() == [[IGNORE] * 2] * 2
    wide = read_prediction((np.array([[2**40, 5]], np.uint64), {2**40: "car", 5: "road"}), PANOPTIC)
    assert isinstance(wide, PanopticPrediction)
    assert wide.class_index.tolist() == [0, 1]


@pytest.mark.parametrize(
    "value, problem",
    [
        (SEGMENTS, "not a panoptic prediction"),
        ("road", "not a panoptic prediction"),
        ({"segments": SEGMENTS}, "not a panoptic prediction"),
        ((SEGMENTS, ["road", "car"]), "not a panoptic prediction"),
        ((SEGMENTS, 3), "not a panoptic prediction"),
        ((SEGMENTS, {10: "road"}), "segment ID without a class"),
        ((SEGMENTS, {10: "road", 4: "cat"}), "unknown class"),
        ((SEGMENTS, {10: "road", 4.5: "car"}), "not a segment ID"),
        ((SEGMENTS, {10: "road", "4": "car"}), "not a segment ID"),
        ((SEGMENTS, [{"id": 4, "label": "car"}, {"id": 4, "label": "car"}]), "segment ID twice"),
        ((SEGMENTS, [{"id": 4}]), "segment without a class"),
        ((SEGMENTS.astype(float), {10: "road", 4: "car"}), "not segment IDs"),
        ((np.zeros((2, 3, 3), int), {}), "wrong shape"),
    ],
)
def test_panoptic_forms_that_are_refused(value: Any, problem: str) -> None:
    with pytest.raises(PredictionError, match=problem) as caught:
        read_prediction(value, PANOPTIC)
    assert caught.value.place
    assert caught.value.hint


def test_panoptic_classes_are_resolved_or_refused() -> None:
    with pytest.raises(PredictionError, match="IDs or indices"):
        read_prediction((SEGMENTS, {10: 7, 4: 3}), SPARSE)
    prediction = read_prediction((SEGMENTS, {10: 7, 4: 3}), SPARSE, labels="id")
    assert isinstance(prediction, PanopticPrediction)
    assert prediction.class_index.tolist() == [1, 0]
    with pytest.raises(PredictionError, match="wrong shape"):
        read_prediction((SEGMENTS, {10: 7, 4: 3}), SPARSE, labels="id", image_size=(3, 3))


XYZ = [[0.0, 1.0, 2.0], [3.0, 4.0, np.nan]]
FIELDS = np.array([(0, 1, 2, 9), (3, 4, np.nan, 9)], dtype=[("x", "f4"), ("y", "f4"), ("z", "f4"), ("i", "u1")])


@pytest.mark.parametrize(
    "value",
    [
        XYZ,
        np.array(XYZ, np.float32),
        np.array([XYZ]),
        FIELDS,
        {"xyz": XYZ},
        {"points": XYZ},
        SimpleNamespace(points=XYZ),
    ],
)
def test_cloud_forms(value: Any) -> None:
    prediction = read_prediction(value, plain("cloud"))
    assert isinstance(prediction, CloudPrediction)
    np.testing.assert_array_equal(prediction.xyz, np.array(XYZ))
    assert prediction.xyz.dtype == np.float64


def test_no_points_are_a_cloud() -> None:
    for value in ([], np.empty((0, 3)), np.empty((0, 3), np.float32)):
        prediction = read_prediction(value, plain("cloud"))
        assert isinstance(prediction, CloudPrediction)
        assert prediction.xyz.shape == (0, 3)


GRAY = np.array([[0, 255], [7, 8]], np.uint8)


@pytest.mark.parametrize(
    "value, expected",
    [
        (GRAY, GRAY),
        (GRAY[:, :, np.newaxis], GRAY),
        (GRAY.tolist(), None),
        (GRAY > 7, np.array([[0, 255], [0, 255]], np.uint8)),
        (GRAY.astype(np.uint16), GRAY.astype(np.uint16)),
        (np.array([[0.5, 1.05]], np.float16), np.array([[0.5, np.float16(1.05)]], np.float32)),
    ],
)
def test_image_forms(value: Any, expected: Any) -> None:
    if expected is None:
        with pytest.raises(PredictionError, match="not an image"):
            read_prediction(value, plain("image"))
        return
    prediction = read_prediction(value, plain("image"))
    assert isinstance(prediction, ImagePrediction)
    np.testing.assert_array_equal(prediction.image, expected)
    assert prediction.image.dtype == expected.dtype


def test_pillow_images_are_read_but_not_their_palettes() -> None:
    from PIL import Image

    prediction = read_prediction(Image.fromarray(GRAY), plain("image"))
    assert isinstance(prediction, ImagePrediction)
    np.testing.assert_array_equal(prediction.image, GRAY)
    with pytest.raises(PredictionError, match="palette"):
        read_prediction(Image.fromarray(GRAY).convert("P"), plain("image"))


@pytest.mark.parametrize(
    "task, value, problem",
    [
        ("cloud", np.zeros((5, 4)), "wrong shape"),
        ("cloud", np.zeros((5, 2)), "wrong shape"),
        ("cloud", [["a", "b", "c"]], "not coordinates"),
        ("cloud", object(), "not an array"),
        ("cloud", None, "nothing was predicted"),
        ("image", np.zeros((1, 2, 2, 3), np.uint8), "wrong shape"),
        ("image", np.zeros((0, 4), np.uint8), "wrong shape"),
        ("image", np.array([[0.0, 255.0]]), "out of range"),
        ("image", np.array([[0.0, np.nan]]), "out of range"),
        ("image", np.array([[-1.0, 1.0]]), "out of range"),
        ("image", "cat.png", "wrong shape"),
        ("text", b"abc", "not text"),
        ("text", ["a", "b"], "not text"),
        ("text", 5, "not text"),
        ("text", {"text": 5}, "not text"),
        ("array", [[1], [1, 2]], "not an array"),
        ("array", {"a": object()}, "not an array"),
        ("array", {1: [2]}, "name is no text"),
    ],
)
def test_forms_that_are_refused(task: Task, value: Any, problem: str) -> None:
    with pytest.raises(PredictionError, match=problem) as caught:
        read_prediction(value, plain(task))
    assert caught.value.expected
    assert caught.value.hint


def test_text_and_arrays_stay_as_they_are() -> None:
    for value in (" Ab\n", {"text": " Ab\n"}, np.str_(" Ab\n")):
        assert read_prediction(value, plain("text")) == TextPrediction(" Ab\n")
    single = read_prediction([1, 2], plain("array"))
    assert isinstance(single, ArrayPrediction)
    assert single.arrays[""].tolist() == [1, 2]
    given = np.array([1.0, np.nan])
    named = read_prediction({"a": given, "b": True, "c": "x"}, plain("array"))
    assert isinstance(named, ArrayPrediction)
    given[:] = 0
    assert named.arrays["a"][0] == 1.0
    assert (named.arrays["b"].shape, named.arrays["c"].item()) == ((), "x")
