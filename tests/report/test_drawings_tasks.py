"""What the browser gets of each task's pictures."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_vizart.records.labels import TASKS
from pytest_vizart.records.outcome import Case
from pytest_vizart.report.drawings import Drawing, drawing

from . import task_builders


def _case(task: str, truth: dict[str, Any], predicted: dict[str, Any]) -> Case:
    return Case("s", "stage", task, None, None, None, truth, predicted)


def _drawn(task: str, truth: dict[str, Any], predicted: dict[str, Any]) -> Drawing:
    found = drawing(_case(task, truth, predicted))
    assert found is not None
    return found


def _first(folder: Path, task: Any) -> Case:
    return task_builders.task_run(folder, task).cases[-1]


@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_drawn_and_so_is_a_sample_without_a_prediction(tmp_path: Path, task: Any) -> None:
    case = _first(tmp_path, task)
    assert drawing(case) is not None
    assert drawing(replace(case, predicted={})) is not None


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("broken", [{}, {"boxes": [[1]], "xyz_mm": "AAA", "width": "x", "spans": [1], "rows": 3}])
def test_nonsense_is_not_drawn_and_raises_nothing(task: Any, broken: dict[str, Any]) -> None:
    drawing(_case(task, broken, broken))


def test_objects_carry_their_errors_and_large_numbers_of_them_are_cut() -> None:
    boxes = [[0, 0, 1, 1]] * 600
    drawn = _drawn("boxes", {"boxes": boxes, "labels": ["a"] * 600}, {"boxes": boxes[:2], "errors": ["Cls", None]})
    assert (len(drawn["truth"]["boxes"]), drawn["truth"]["left_out"]) == (500, 100)
    assert drawn["truth"]["errors"] == [None] * 500
    assert drawn["predicted"]["errors"] == ["Cls", None]


def test_outlines_are_whole_pixels_and_stop_where_they_are_too_many() -> None:
    ring = [0.4, 0.0, 9.6, 0.0, 9.6, 9.6]
    side = {"boxes": [[0, 0, 9, 9]] * 3, "polygons": [[ring], [ring * 4000], [ring]]}
    drawn = _drawn("instances", side, side)
    assert drawn["truth"]["polygons"] == [[[0, 0, 10, 0, 10, 10]], [], []]


def test_keypoints_keep_their_visibility_and_one_skeleton() -> None:
    side = {"boxes": [[0, 0, 9, 9]], "keypoints": [[[1.26, 2, 2], [3, 4, 0.0]]], "skeleton": [[0, 1]]}
    drawn = _drawn("keypoints", side, side | {"skeleton": []})
    assert drawn["skeleton"] == [[0, 1]]
    assert drawn["truth"]["keypoints"] == [[[1.3, 2.0, 2], [3.0, 4.0, 0]]]


def test_cuboids_have_their_cloud_where_the_case_has_points() -> None:
    xyz = base64.b64encode(np.array([[0, 0, 1000], [2000, 0, 0]], "<i4").tobytes()).decode()
    drawn = _drawn("boxes_3d", {"boxes": [[0, 0, 0, 4, 2, 1.5, 0.1234]], "xyz_mm": xyz}, {})
    assert drawn["truth"]["boxes"] == [[0.0, 0.0, 0.0, 4.0, 2.0, 1.5, 0.123]]
    assert (drawn["cloud"]["count"], drawn["cloud"]["span_m"], drawn["cloud"]["low_m"]) == (2, 2.0, [0.0, 0.0, 0.0])
    assert _drawn("boxes_3d", {"boxes": []}, {})["cloud"] is None


def test_a_cloud_is_drawn_nearest_first_on_one_grid_with_the_truth() -> None:
    def packed(values: Any, kind: str) -> str:
        return base64.b64encode(np.array(values, kind).tobytes()).decode()

    predicted = {
        "xyz_mm": packed([[0, 0, 0], [1000, 0, 0], [500, 0, 0]], "<i4"),
        "distance_mm": packed([9, 5, 7], "<u2"),
    }
    drawn = _drawn("cloud", {"xyz_mm": packed([[-1000, 0, 0]], "<i4")}, predicted)
    assert np.frombuffer(base64.b64decode(drawn["distance_mm"]), "<u2").tolist() == [5, 7, 9]
    assert np.frombuffer(base64.b64decode(drawn["others"]), "<u2").reshape(-1, 3)[:, 0].tolist() == [
        65535,
        49151,
        32768,
    ]
    assert np.frombuffer(base64.b64decode(drawn["xyz"]), "<u2").tolist() == [0, 0, 0]
    assert (drawn["farthest_mm"], drawn["low_m"]) == (9, [-1.0, 0.0, 0.0])


def test_segments_meet_by_class_and_overlap() -> None:
    shape = {"width": 4, "height": 2}
    truth = shape | {"classes": ["car 1", "car 2", "road 3"], "rle": [[0, 2], [1, 2], [2, 3], [-1, 1]]}
    predicted = shape | {"classes": ["car 1", "road 2", "road 3"], "rle": [[0, 2], [1, 2], [2, 3], [0, 1]]}
    drawn = _drawn("panoptic", truth, predicted)
    assert drawn["met"] == [0, -1, 2]  # the second lies where a car is
    assert drawn["truth_class"] == [0, 0, 1]
    assert drawn["predicted_class"] == [0, 1, 1]


def test_a_mask_says_how_large_it_was_when_that_is_told() -> None:
    mask = {"width": 2, "height": 1, "classes": ["a"], "rle": [[0, 2]]}
    assert _drawn("semantic", mask, {})["full"] is None
    assert _drawn("semantic", mask | {"step": 3}, {})["full"] == [6, 3]
    assert drawing(_case("semantic", mask | {"width": 10**6, "height": 10**6}, {})) is None


def test_a_difference_map_is_made_smaller_without_losing_a_difference() -> None:
    levels = np.zeros((300, 600), np.uint8)
    levels[299, 599], levels[0, 0] = 100, 1
    predicted = {"width": 600, "height": 300, "difference": base64.b64encode(levels.tobytes()).decode()}
    drawn = _drawn("image", {"width": 600, "height": 300}, predicted)
    shown = np.frombuffer(base64.b64decode(drawn["difference"]), np.uint8)
    shown = shown.reshape(drawn["difference_height"], drawn["difference_width"])
    assert shown.shape == (100, 200)
    assert (shown[-1, -1], shown[0, 0], np.count_nonzero(shown)) == (63, 1, 2)
    assert drawn["most"] == 100 / 255


@pytest.mark.parametrize(
    "preview, shown",
    [("/9j/4AAQ", "data:image/jpeg;base64,/9j/4AAQ"), ("PHN2Zz4=", None), (7, None), ("/9j/" + "é", None)],
)
def test_only_pictures_become_pictures(preview: Any, shown: str | None) -> None:
    drawn = _drawn("image", {"width": 4, "height": 4, "preview": preview}, {})
    assert drawn["truth"] == shown


def test_replaced_text_stands_beside_what_replaced_it() -> None:
    truth = {"text": "abcd", "spans": [["equal", "a"], ["replace", "b"], ["delete", "c"], ["equal", "d"]]}
    predicted = {"text": "axdy", "spans": [["equal", "a"], ["replace", "x"], ["delete", "c"], ["equal", "d"],
                 ["insert", "y"]]}  # fmt: skip
    assert _drawn("text", truth, predicted)["spans"] == [
        ["equal", "a", "a"], ["replace", "b", "x"], ["delete", "c", ""], ["equal", "d", "d"], ["insert", "", "y"],
    ]  # fmt: skip


def test_values_are_text_with_their_difference_where_there_is_one() -> None:
    rows = [["a", [1, 2], 0.5, 1.0], ["", [], 1, 3], ["b", "shape", None, "(3,)"], ["c", [0], 1.0, "nan"]]
    drawn = _drawn("array", {"arrays": [["a", "float64", [8, 16]], ["", "int64", []]]}, {"rows": rows})
    assert drawn["rows"] == [
        ["a", "[1, 2]", "0.5", "1", "+0.5"], ["", "", "1", "3", "+2"], ["b", "shape", "nothing", "(3,)", ""],
        ["c", "[0]", "1", "nan", ""],
    ]  # fmt: skip
    assert drawn["arrays"] == [["a", "float64", "8 × 16"], ["", "int64", "one value"]]
