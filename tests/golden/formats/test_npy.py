"""Labels in NPY and NPZ files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.records.labels import IGNORE, ArrayLabel, ImageLabel, SemanticLabels, Task
from tests.golden.datasets import shared
from tests.golden.formats.reading import Labels, read_or_refuse
from tests.golden.mutations import damaged

CLASSES = {0: "road", 7: "sky"}
MASK = np.array([[0, 7], [7, 255]])


def labels(root: Path, task: Task, content: Any, **entry: Any) -> Labels:
    """Labels of a sample whose file holds an array, or the arrays of a dictionary."""
    classes = CLASSES if task in ("semantic", "points") else None
    if isinstance(content, dict):
        np.savez_compressed(root / "a.npz", **content)
        return Labels(root, "{id}.npz", task, format="npy", classes=classes, samples="*.npz", **entry)
    np.save(root / "a.npy", content)
    return Labels(root, "{id}.npy", task, format="npy", classes=classes, samples="*.npy", **entry)


@pytest.mark.parametrize("kind", ["u1", "<u2", ">u2", ">i4", "<i8", "<u8"])
def test_masks_of_every_integer_hold_class_ids(tmp_path: Path, kind: str) -> None:
    label = labels(tmp_path, "semantic", np.asfortranarray(MASK.astype(kind)), ignore=255)["a"]
    assert isinstance(label, SemanticLabels)
    assert label.mask.tolist() == [[0, 1], [1, IGNORE]]
    assert label.mask.dtype == np.int32


def test_masks_may_be_true_and_false(tmp_path: Path) -> None:
    with pytest.raises(GoldenFormatError, match="found 1, 1 times"):
        labels(tmp_path, "semantic", np.array([[True, False]]))["a"]
    label = labels(tmp_path, "semantic", np.array([[True, False]]), ignore=1)["a"]
    assert label.mask.tolist() == [[IGNORE, 0]]


@pytest.mark.parametrize(
    "content, entry",
    [
        ({"anything": MASK}, {}),
        ({"label": MASK, "weights": MASK}, {}),
        ({"label": MASK * 0, "mask": MASK}, {"property": "mask"}),
    ],
)
def test_of_an_archive_the_array_named_or_the_only_one_is_taken(tmp_path: Path, content: Any, entry: Any) -> None:
    assert labels(tmp_path, "semantic", content, ignore=255, **entry)["a"].mask.tolist() == [[0, 1], [1, IGNORE]]


def test_points_have_classes_and_instances(tmp_path: Path) -> None:
    content = {"classes": np.array([0, 7.0, 255]), "objects": np.array([-1, 3, 4], np.int16)}
    label = labels(tmp_path, "points", content, instance_property="objects", ignore=255)["a"]
    assert (label.labels.tolist(), label.instance.tolist()) == ([0, 1, IGNORE], [0, 3, 4])
    assert labels(tmp_path, "points", np.array([0, 7]))["a"].instance is None


def test_rows_of_named_fields_are_a_cloud(tmp_path: Path) -> None:
    table = np.array(
        [(1, 2, 3, 7, 5), (4, 5, np.nan, 0, 6)], [("x", ">f4"), ("y", "f8"), ("z", "f4"), ("c", "u1"), ("i", "<u2")]
    )
    label = labels(tmp_path, "points", table, property="c", instance_property="i")["a"]
    assert (label.labels.tolist(), label.instance.tolist()) == ([1, 0], [5, 6])
    assert labels(tmp_path, "cloud", table)["a"].xyz.tolist() == [[1, 2, 3]]
    arrays = labels(tmp_path, "array", {"table": table[:1], "n": np.float32(2)})["a"].arrays
    assert {name: value.tolist() for name, value in arrays.items()} == {
        "table.x": [1], "table.y": [2], "table.z": [3], "table.c": [7], "table.i": [5], "n": 2,
    }  # fmt: skip


def test_reference_clouds_arrays_and_images(tmp_path: Path) -> None:
    assert labels(tmp_path, "cloud", np.array([[1, 2, 3, 9], [4, 5, 6, 9]]))["a"].xyz.tolist() == [[1, 2, 3], [4, 5, 6]]
    label = labels(tmp_path, "array", np.arange(6.0).reshape(2, 3))["a"]
    assert isinstance(label, ArrayLabel)
    assert {name: array.shape for name, array in label.arrays.items()} == {"": (2, 3)}
    for image in (np.zeros((2, 3), np.uint8), np.zeros((2, 3, 3), np.uint16), np.ones((2, 3, 1), np.float16)):
        loaded = labels(tmp_path, "image", image)["a"]
        assert isinstance(loaded, ImageLabel)
        assert (loaded.image.shape, loaded.image.dtype) == (image.shape, image.dtype)


@pytest.mark.parametrize(
    "task, content, problem",
    [
        ("semantic", MASK.astype(float), r"not one class ID for each pixel.*float64 of shape \(2, 2\)"),
        ("semantic", MASK[0], "not one class ID for each pixel"),
        ("semantic", MASK, "no class ID.*found 255"),
        ("semantic", {"a": MASK, "b": MASK}, "no such array; expected label; found a, b.*`property"),
        ("semantic", {}, "archive is empty"),
        ("points", MASK, "not one number for each point"),
        ("points", np.array([0.5]), "label is no class ID"),
        ("points", {"label": np.array([0]), "inst": np.array([0, 0])}, "instances are not as many as labels"),
        ("points", {"label": np.array([0]), "b": np.array([0])}, "no such array; expected inst.*`instance_property"),
        ("points", {"label": np.array([0]), "inst": np.array([1 << 40])}, "instance is too large"),
        ("cloud", np.zeros((4, 2)), "not the coordinates of points"),
        ("cloud", np.zeros((4, 3), complex), "not the coordinates of points"),
        ("cloud", np.full((1, 3), np.inf), "infinitely far away"),
        ("image", np.zeros((2, 3, 5), np.uint8), "not an image"),
        ("image", np.zeros((2, 3), np.int64), "not an image"),
        ("image", np.full((2, 3), 255.0), "not between 0 and 1.*255 to 255"),
        ("image", np.full((2, 3), np.nan), "not between 0 and 1"),
        ("array", np.array(["text"]), "not an NPY file.*not numbers"),
        ("array", {"a": np.array(["2020-01-01"], "M8[D]")}, "not an NPZ file.*not numbers"),
    ],
)
def test_arrays_of_another_kind_are_refused(tmp_path: Path, task: Task, content: Any, problem: str) -> None:
    entry = {"instance_property": "inst"} if task == "points" and isinstance(content, dict) else {}
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        labels(tmp_path, task, content, **entry)["a"]
    assert caught.value.hint


def saved(save: Any, *arrays: Any, **named: Any) -> bytes:
    stream = io.BytesIO()
    save(stream, *arrays, **named)
    return stream.getvalue()


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    damaged(
        [saved(np.save, MASK), saved(np.savez, label=MASK), saved(np.savez_compressed, a=MASK, b=MASK[0])], near=140
    )
)
def test_damaged_files_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    for name in ("a.npy", "a.npz"):
        (tmp_path / name).write_bytes(content)
        for task in ("semantic", "array"):
            reader = Labels(tmp_path, "{id}" + name[1:], task, format="npy", classes=CLASSES, samples=name)  # type: ignore[arg-type]
            read_or_refuse(reader, "a")


def test_real_arrays() -> None:
    root = shared("coco_small_fce", "dataset")
    label = Labels(root, "{id}.npy", "array", format="npy", samples="*.npy")["2299_1"]
    assert label.arrays[""].shape == (36, 14)
    traces = Labels(shared("gate_traces"), "{id}.npz", "array", format="npy", samples="*.npz")["traces"]
    assert traces.arrays["effect_log"].shape == (4, 4)
    assert len(traces.arrays) == 8
    plane = Labels(shared("ply_pyntcloud"), "{id}.npz", "cloud", format="npy", samples="plane.npz")["plane"]
    assert plane.xyz.shape == (5, 3)
