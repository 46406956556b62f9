"""What a stage's specification takes from its label sources."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_vizart.golden.manifest import LabelEntry
from pytest_vizart.golden.specs import make_spec, resolve_tolerances
from pytest_vizart.records.labels import NO_CLASSES


def entry(**keys: Any) -> LabelEntry:
    return LabelEntry.model_validate({"stage": "s", "task": "array", "path": "a.npy", **keys})


TOLERANCES = entry(
    tolerances={"rtol": 1e-6, "atol": 0.0},
    device_tolerances={
        "cuda": {"rtol": 1e-3},
        "H200": {"atol": 1e-2},
        "NVIDIA H200": {"rtol": 1e-4},
        "cpu": {"atol": 1.0},
    },
)


@pytest.mark.parametrize(
    "device, expected",
    [
        (None, {"rtol": 1e-6, "atol": 1.0}),
        ("cpu", {"rtol": 1e-6, "atol": 1.0}),
        ("mps", {"rtol": 1e-6, "atol": 0.0}),
        ("cuda", {"rtol": 1e-3, "atol": 0.0}),
        ("NVIDIA A100", {"rtol": 1e-3, "atol": 0.0}),
        ("NVIDIA H200", {"rtol": 1e-4, "atol": 1e-2}),
    ],
)
def test_tolerances_of_a_device_go_from_the_general_to_the_close(
    device: str | None, expected: dict[str, float]
) -> None:
    assert resolve_tolerances(TOLERANCES, device) == expected


def test_a_key_counts_where_one_of_the_sources_gives_it() -> None:
    first = entry(task="keypoints", keypoints=["nose", "tail"])
    second = entry(task="keypoints", path="b", iou_threshold=0.7, skeleton=[[0, 1]], tolerances={"rtol": 0.5})
    spec = make_spec([first, second], NO_CLASSES)
    assert spec.keypoint_names == ("nose", "tail")
    assert (spec.iou_threshold, spec.score_threshold) == (0.7, 0.5)
    assert spec.skeleton == ((0, 1),)
    assert spec.tolerances == {"rtol": 0.5}
