from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from make_street import POINT, write_ply
from numpy.typing import NDArray
from street_pipeline import GROUND, OBJECT, Scene, cluster, decode, remove_ground


def sloping_ground(count: int = 2000) -> NDArray[np.float64]:
    random = np.random.default_rng(5)
    flat = random.uniform(-20, 20, (count, 2))
    return np.column_stack([flat, 0.02 * flat[:, 0] - 1.8 + random.normal(0, 0.02, count)])


def unlabelled(points: NDArray[np.float64]) -> Scene:
    return Scene(points, np.zeros(len(points), dtype=np.int64))


def test_a_cloud_is_read_as_it_was_written(tmp_path: Path) -> None:
    cloud = np.zeros(3, dtype=POINT)
    cloud["x"], cloud["z"] = (1.5, 2.5, -3.5), (0.25, 0.5, 0.75)
    write_ply(tmp_path / "cloud.ply", cloud)
    assert decode(tmp_path / "cloud.ply").points.tolist() == [[1.5, 0, 0.25], [2.5, 0, 0.5], [-3.5, 0, 0.75]]


def test_the_pipeline_does_not_see_the_labels_in_the_file(tmp_path: Path) -> None:
    cloud = np.zeros(2000, dtype=POINT)
    cloud["x"], cloud["y"], cloud["z"] = sloping_ground().T
    results = []
    for label in (GROUND, OBJECT):
        cloud["label"] = label
        write_ply(tmp_path / "cloud.ply", cloud)
        results.append(cluster(remove_ground(decode(tmp_path / "cloud.ply"))).labels)
    assert np.array_equal(results[0], results[1])


def test_a_box_on_sloping_ground_is_an_object_and_the_ground_is_not() -> None:
    ground = sloping_ground()
    box = np.random.default_rng(6).uniform((4, 4, -1.2), (8, 6, 0.0), (300, 3))
    labels = remove_ground(unlabelled(np.concatenate([ground, box]))).labels
    assert (labels[: len(ground)] == GROUND).all()
    assert (labels[len(ground) :] == OBJECT).all()


def test_a_wall_with_more_points_than_the_ground_is_not_taken_for_the_ground() -> None:
    ground = sloping_ground()
    wall = np.random.default_rng(7).uniform((-20, 9.0, -1.0), (20, 9.1, 4.0), (4000, 3))
    labels = remove_ground(unlabelled(np.concatenate([ground, wall]))).labels
    assert (labels[len(ground) :] == OBJECT).all()
    assert np.mean(labels[: len(ground)] == GROUND) == pytest.approx(1.0, abs=0.01)


def test_a_lonely_point_goes_back_to_the_ground_and_a_group_stays() -> None:
    lonely, group = [[10.0, 10.0, 0.0]], [[0.1 * step, 0.0, 0.0] for step in range(4)]
    scene = Scene(np.array(lonely + group), np.full(5, OBJECT))
    assert cluster(scene).labels.tolist() == [GROUND, OBJECT, OBJECT, OBJECT, OBJECT]


def test_a_scene_without_objects_passes_through() -> None:
    scene = unlabelled(sloping_ground(10))
    assert cluster(scene).labels.tolist() == [GROUND] * 10


def test_a_cloud_gives_the_same_labels_twice(golden_folder: Path) -> None:
    scene = decode(golden_folder / "street" / "clouds" / "street_00.ply")
    assert np.array_equal(remove_ground(scene).labels, remove_ground(scene).labels)
