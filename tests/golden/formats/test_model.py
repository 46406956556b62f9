"""JSON of the user's own form, through the user's own Pydantic model."""

from __future__ import annotations

import json
import shutil
import sys
from math import atan2, pi
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from pydantic import BaseModel, Field, RootModel

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.records.labels import (
    ClassLabel,
    Task,
)
from tests.golden.datasets import shared, write_images
from tests.golden.formats.reading import Labels, read_or_refuse
from tests.golden.mutations import damaged

CLASSES = {3: "cat", 8: "dog"}
HERE = __name__


class Thing(BaseModel):
    kind: str
    corners: tuple[float, float, float, float]


class Scene(BaseModel):
    things: list[Thing]
    night: bool = False

    def to_label(self) -> dict[str, Any] | None:
        if self.night:
            return None
        return {"boxes": [one.corners for one in self.things], "labels": [one.kind for one in self.things]}


class Plain:
    """Not of Pydantic, with the same methods."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    @classmethod
    def model_validate(cls, value: Any) -> Plain:
        return cls(value["kind"])

    def to_label(self) -> dict[str, Any]:
        return {"label": self.kind}


class NoLabels(BaseModel):
    labels_: list[str] = []


class Raises(BaseModel):
    def to_label(self) -> None:
        raise KeyError("nothing here")


def scenes(root: Path, content: Any, task: Task = "boxes", model: str | None = f"{HERE}:Scene", **entry: Any) -> Labels:
    if not (root / "images").exists():
        write_images(root, ["images/a.png", "images/b.png"])
    (root / "l").mkdir(exist_ok=True)
    (root / "l" / "a.json").write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    classes = None if task in ("cloud", "image", "text", "array") else CLASSES
    return Labels(root, "l/{id}.json", task, format="model", model=model, classes=classes, **entry)


THINGS = {"things": [{"kind": "dog", "corners": [1, 2, 4, 6]}]}


def test_one_file_for_each_sample(tmp_path: Path) -> None:
    labels = scenes(tmp_path, THINGS)
    assert labels["a"].boxes.tolist() == [[1, 2, 4, 6]]
    assert labels["a"].class_index.tolist() == [1]
    assert labels["b"] is None
    assert scenes(tmp_path, {**THINGS, "night": True})["a"] is None


def test_one_file_for_all_maps_samples_to_what_the_model_reads(tmp_path: Path) -> None:
    scenes(tmp_path, {})
    bad = {"things": [{"kind": "dog"}]}
    content = {"images/a.png": THINGS, "b": bad, "other": 3}
    (tmp_path / "all.json").write_text(json.dumps(content), encoding="utf-8")
    labels = Labels(tmp_path, "all.json", "boxes", format="model", model=f"{HERE}:Scene", classes=CLASSES)
    assert labels["a"].boxes.tolist() == [[1, 2, 4, 6]]
    with pytest.raises(GoldenFormatError, match="does not fit the model; expected Field required") as caught:
        labels["b"]
    assert caught.value.place == "['b'].things[0].corners"


@pytest.mark.parametrize(
    "content, place, problem",
    [
        (b"[]", None, "not an object"),
        (b'{"a": ', "line 1, column", "not JSON"),
        (b'{"a": {}, "images/a.png": {}}', "['images/a.png']", "sample appears twice.*also at .'a'."),
        (b'{"a": ' + b"[" * 900 + b"]" * 900 + b"}", "['a']", "nested too deeply"),
    ],
)
def test_a_file_for_all_that_is_none_is_refused(
    tmp_path: Path, content: bytes, place: str | None, problem: str
) -> None:
    write_images(tmp_path, ["images/a.png"])
    (tmp_path / "all.json").write_bytes(content)
    labels = Labels(tmp_path, "all.json", "boxes", format="model", model=f"{HERE}:Scene", classes=CLASSES)
    for _ in range(2):
        with pytest.raises(GoldenFormatError, match=problem) as caught:
            labels["a"]
        assert str(caught.value.place).startswith(str(place))


@pytest.mark.parametrize(
    "content, place, problem",
    [
        ({"things": [{"kind": "dog", "corners": [1, 2, "x", 6]}]}, "things[0].corners[2]", "valid number.*found 'x'"),
        ({"things": 3}, "things", "valid array"),
        ({}, "things", "Field required"),
        (b"{", None, "Invalid JSON"),
        (b"\xff", None, "does not fit the model"),
        ({"things": [{"kind": "bird", "corners": [1, 2, 3, 4]}]}, "labels[0]", "unknown class; expected one of cat"),
        ({"things": [{"kind": "dog", "corners": [4, 2, 3, 4]}]}, "boxes[0]", "x2 >= x1"),
    ],
)
def test_what_does_not_fit_the_model_says_where(tmp_path: Path, content: Any, place: str | None, problem: str) -> None:
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        scenes(tmp_path, content)["a"]
    assert caught.value.place == place
    assert caught.value.file == str(tmp_path / "l" / "a.json")
    assert caught.value.hint


def test_what_the_model_raises_is_told(tmp_path: Path) -> None:
    with pytest.raises(GoldenFormatError, match=r"the model raised.*KeyError: 'nothing here'"):
        scenes(tmp_path, {}, model=f"{HERE}:Raises")["a"]
    with pytest.raises(GoldenFormatError, match=r"the model raised.*KeyError: 'kind'"):
        scenes(tmp_path, {}, "classes", model=f"{HERE}:Plain")["a"]
    assert scenes(tmp_path, {"kind": "dog"}, "classes", model=f"{HERE}:Plain")["a"] == ClassLabel(1)


@pytest.mark.parametrize(
    "model, problem",
    [
        (None, "key is missing"),
        ("Scene", "not the place of a class"),
        ("a b:Scene", "not the place of a class"),
        ("../x:Scene", "not the place of a class"),
        ("nowhere_at_all:Scene", "cannot be imported.*ModuleNotFoundError"),
        (f"{HERE}:Nothing", "cannot be imported.*AttributeError"),
        (f"{HERE}:NoLabels", "not a model of labels"),
        (f"{HERE}:scenes", "not a model of labels"),
        ("exits_at_once:Scene", "cannot be imported.*SystemExit"),
    ],
)
def test_models_that_cannot_be_used_are_the_manifests_mistake(
    tmp_path: Path, model: str | None, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "exits_at_once.py").write_text("raise SystemExit(1)\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        scenes(tmp_path, THINGS, model=model)
    assert caught.value.place == "labels[0].model"
    assert caught.value.file == str(tmp_path / "golden.yaml")


def test_models_are_found_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (
        "from pydantic import BaseModel\nclass Scene(BaseModel):\n    def to_label(self): return {'label': 'cat'}\n"
    )
    (tmp_path / "only_here_for_the_test.py").write_text(source, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one])
    before = list(sys.path)
    assert scenes(tmp_path, {}, "classes", "only_here_for_the_test:Scene")["a"] == ClassLabel(0)
    assert sys.path == before
    monkeypatch.delitem(sys.modules, "only_here_for_the_test")


# A real form of its own: Argoverse's cuboids


class Axes(BaseModel):
    x: float
    y: float
    z: float


class Rotation(Axes):
    w: float


class Cuboid(BaseModel):
    center: Axes
    rotation: Rotation
    length: float = Field(ge=0)
    width: float = Field(ge=0)
    height: float = Field(ge=0)
    label_class: Literal["VEHICLE", "PEDESTRIAN"]

    @property
    def yaw(self) -> float:
        """Rotation about z of a quaternion (w, x, y, z)."""
        one = self.rotation
        return atan2(2 * (one.w * one.z + one.x * one.y), 1 - 2 * (one.y**2 + one.z**2))

    @property
    def box(self) -> list[float]:
        one = self.center
        return [one.x, one.y, one.z, self.length, self.width, self.height, self.yaw]


class Sweep(RootModel[list[Cuboid]]):
    def to_label(self) -> dict[str, Any]:
        return {"boxes": [one.box for one in self.root], "labels": [one.label_class for one in self.root]}


def sweeps(root: Path, folder: Path) -> Labels:
    shutil.copytree(folder / "per_sweep_annotations_amodal", root / "labels")
    write_images(root, [f"images/{path.stem}.png" for path in (root / "labels").iterdir()], (1, 1))
    classes = ["VEHICLE", "PEDESTRIAN"]
    return Labels(root, "labels/{id}.json", "boxes_3d", format="model", model=f"{HERE}:Sweep", classes=classes)


def test_real_cuboids_load_through_a_model(tmp_path: Path) -> None:
    labels = sweeps(tmp_path, shared("argoverse_custom_json", "test_data", "detection", "1"))
    assert len(labels.keys) == 3
    label = labels["tracked_object_labels_0"]
    np.testing.assert_allclose(label.boxes, [[0, 0, 0, 2, 2, 2, 0], [2, 2, 0, 2, 2, 2, -pi]], atol=1e-12)
    assert label.class_index.tolist() == [0, 0]


@pytest.mark.parametrize("name", ["detections", "detections_assignment", "detections_identity"])
def test_real_detections_have_the_same_form(tmp_path: Path, name: str) -> None:
    labels = sweeps(tmp_path, shared("argoverse_custom_json", "test_data", "detection", name, "1"))
    assert all(len(labels[sample_id].boxes) > 0 for sample_id in labels.keys)


def test_a_real_file_of_another_form_is_refused(tmp_path: Path) -> None:
    content = shared("argoverse_custom_json", "test_data", "a_Sim2_b___invalid.json").read_bytes()
    with pytest.raises(GoldenFormatError, match="does not fit the model"):
        scenes(tmp_path, content, "boxes_3d", f"{HERE}:Sweep")["a"]


@given(content=damaged([json.dumps(THINGS).encode()]))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    read_or_refuse(scenes(tmp_path, content), "a")
