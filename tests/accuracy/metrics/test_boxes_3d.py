"""Cuboids: nuScenes' figures against its rules written out as loops, and what is said of one sample."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_vizart.accuracy.geometry.cuboids import iou_3d
from pytest_vizart.accuracy.metrics import task_metric
from pytest_vizart.accuracy.metrics.nuscenes import DISTANCES_M
from pytest_vizart.accuracy.predicted import Box3DPredictions
from pytest_vizart.records.labels import Box3DLabels, LabelSpec
from tests.accuracy.problems import spec
from tests.golden.datasets import shared

Floats = NDArray[np.float64]
SPEC = spec("boxes_3d", ["car", "tram"])


def truth(boxes: Any, classes: Sequence[int] | None = None, ignored: Sequence[bool] | None = None) -> Box3DLabels:
    array = np.array(boxes, dtype=np.float64).reshape(-1, 7)
    return Box3DLabels(
        array,
        np.array([0] * len(array) if classes is None else classes, dtype=np.int64),
        np.array([False] * len(array) if ignored is None else ignored, dtype=bool),
    )


def predicted(
    boxes: Any, scores: Sequence[float] | None = None, classes: Sequence[int] | None = None
) -> Box3DPredictions:
    array = np.array(boxes, dtype=np.float64).reshape(-1, 7)
    return Box3DPredictions(
        array,
        np.array([1.0] * len(array) if scores is None else scores, dtype=np.float64),
        np.array([0] * len(array) if classes is None else classes, dtype=np.int64),
    )


def summary(pairs: Sequence[tuple[Box3DLabels, Box3DPredictions | None]], of: LabelSpec = SPEC) -> dict[str, Any]:
    metric = task_metric("boxes_3d")
    return metric.summarise([metric.tally(*pair, of) for pair in pairs], of).metrics


def cuboid(x: float, y: float = 0.0, yaw: float = 0.0) -> list[float]:
    return [x, y, 1.0, 4.0, 2.0, 1.5, yaw]


def random_problem(seed: int) -> list[tuple[Box3DLabels, Box3DPredictions]]:
    generator = np.random.default_rng(seed)
    pairs = []
    for _ in range(6):
        count = int(generator.integers(0, 9))
        boxes = np.concatenate(
            [
                generator.uniform(0, 25, (count, 3)),
                generator.uniform(1, 5, (count, 3)),
                generator.uniform(-3, 3, (count, 1)),
            ],
            axis=1,
        )
        classes = generator.integers(0, 2, count)
        chosen = generator.integers(0, count, 12) if count else np.empty(0, dtype=int)
        found = boxes[chosen] + generator.normal(0, 1, (len(chosen), 7)) * [1.2, 1.2, 0.3, 0.2, 0.2, 0.2, 0.8]
        found[:, 3:6] = np.abs(found[:, 3:6])
        wrong = generator.random(len(chosen)) < 0.15
        labels = np.where(wrong, 1 - classes[chosen], classes[chosen]) if count else np.empty(0, dtype=int)
        pairs.append(
            (truth(boxes, classes.tolist()), predicted(found, generator.random(len(found)).tolist(), labels.tolist()))
        )
    return pairs


def by_the_rules(pairs: Sequence[tuple[Box3DLabels, Box3DPredictions]], index: int) -> dict[str, float]:
    """Figures of one class as the paper and its evaluation describe them, one prediction after the other."""
    objects = sum(int((labels.class_index == index).sum()) for labels, _ in pairs)
    order = sorted(
        (
            (-float(score), sample, row)
            for sample, (_, prediction) in enumerate(pairs)
            for row, score in enumerate(prediction.scores)
            if prediction.class_index[row] == index
        ),
    )
    figures = {}
    for distance in DISTANCES_M:
        taken: set[tuple[int, int]] = set()
        hits, errors, scores = [], [], []
        for negative, sample, row in order:
            labels, prediction = pairs[sample]
            ours = prediction.boxes[row]
            nearest, best = None, np.inf
            for number, theirs in enumerate(labels.boxes):
                apart = float(np.hypot(ours[0] - theirs[0], ours[1] - theirs[1]))
                if labels.class_index[number] == index and (sample, number) not in taken and apart < best:
                    nearest, best = number, apart
            hit = nearest is not None and best < distance
            hits.append(hit)
            scores.append(-negative)
            if hit:
                theirs = labels.boxes[nearest]
                taken.add((sample, nearest))
                aligned = ours.copy()
                aligned[[0, 1, 2, 6]] = theirs[[0, 1, 2, 6]]
                turned = (ours[6] - theirs[6]) % (2 * np.pi)
                scale = 1 - iou_3d(aligned[None], theirs[None])[0, 0]
                errors.append((best, scale, min(turned, 2 * np.pi - turned), -negative))
        grid = np.linspace(0, 1, 101)
        if not errors:
            figures[f"ap_{distance:g}"] = 0.0
            figures |= {"ate": 1.0, "ase": 1.0, "aoe": 1.0} if distance == 2 else {}
            continue
        found = np.cumsum(hits)
        recall, precision = found / objects, found / np.arange(1, len(hits) + 1)
        at_grid = np.interp(grid, recall, precision, right=0)
        figures[f"ap_{distance:g}"] = float(np.mean([max(0.0, value - 0.1) for value in at_grid[11:]]) / 0.9)
        if distance != 2:
            continue
        score_grid = np.interp(grid, recall, scores, right=0)
        last = int(np.flatnonzero(score_grid)[-1])
        for column, name in enumerate(("ate", "ase", "aoe")):
            means = [float(np.mean([error[column] for error in errors[: n + 1]])) for n in range(len(errors))]
            at = np.interp(score_grid[::-1], [error[3] for error in errors][::-1], means[::-1])[::-1]
            figures[name] = float(np.mean(at[11 : last + 1])) if last >= 11 else 1.0
    return figures


def coarse_problem(seed: int) -> list[tuple[Box3DLabels, Box3DPredictions]]:
    """Centres on a grid of half a metre: many equal distances, many of just .5, 1, 2 and 4 metres."""
    generator = np.random.default_rng(seed)
    step = (0.5, 1.0, 2.0)[seed % 3]
    pairs = []
    for _ in range(2):
        objects, found = (int(generator.integers(0, most)) for most in (6, 8))
        sides = []
        for count in (objects, found):
            boxes = np.tile([0, 0, 1.0, 4.0, 2.0, 1.5, 0.5], (count, 1))
            boxes[:, :2] = generator.integers(0, 4, (count, 2)) * step
            sides.append((boxes, generator.integers(0, 2, count).tolist()))
        scores = generator.permutation(found) / 10 + 0.05 + generator.random() / 100
        pairs.append((truth(*sides[0]), predicted(sides[1][0], scores.tolist(), sides[1][1])))
    return pairs


@pytest.mark.parametrize("seed", range(12))
def test_equal_to_the_rules_written_out(seed: int) -> None:
    pairs = random_problem(seed)
    metrics = equal_to_the_rules(pairs)
    assert 0 < metrics["map_distance"] < 1


def test_equal_to_the_rules_where_distances_are_equal_or_just_the_threshold() -> None:
    for seed in range(300):
        equal_to_the_rules(coarse_problem(seed))


def equal_to_the_rules(pairs: Sequence[tuple[Box3DLabels, Box3DPredictions]]) -> dict[str, Any]:
    metrics = summary(pairs)
    present = sorted({index for labels, _ in pairs for index in labels.class_index.tolist()})
    if not present:
        assert metrics["map_distance"] is None
        return metrics
    each = [by_the_rules(pairs, index) for index in present]
    mean = {name: float(np.mean([figures[name] for figures in each])) for name in each[0]}
    names = ("map_distance_0_5m", "map_distance_1m", "map_distance_2m", "map_distance_4m")
    for name, distance in zip(names, DISTANCES_M, strict=True):
        assert metrics[name] == pytest.approx(mean[f"ap_{distance:g}"], abs=1e-12)
    assert metrics["map_distance"] == pytest.approx(np.mean([mean[f"ap_{one:g}"] for one in DISTANCES_M]), abs=1e-12)
    for name in ("ate", "ase", "aoe"):
        assert metrics[f"m{name}"] == pytest.approx(mean[name], abs=1e-9)
    return metrics


@pytest.mark.parametrize(("places", "at_2m"), [((0, 2), 0.438), ((2, 0), 1.0)])
def test_of_objects_equally_near_the_first_is_met(places: tuple[float, float], at_2m: float) -> None:
    labels = truth([cuboid(x) for x in places])
    prediction = predicted([cuboid(1), cuboid(-1.5)], [0.9, 0.8])
    metrics = equal_to_the_rules([(labels, prediction)])
    assert metrics["map_distance_2m"] == pytest.approx(at_2m, abs=5e-4)
    found = judged(labels, prediction)
    assert (found.status, found.measures["found"]) == (("wrong", 1), ("correct", 2))[at_2m == 1]


@pytest.mark.parametrize("limit", [0.1, 0.3, 0.7, *DISTANCES_M])
def test_distances_are_compared_to_the_last_bit(limit: float) -> None:
    under, over = float(np.nextafter(limit, 0)), float(np.nextafter(limit, 9))
    of = spec("boxes_3d", ["car", "tram"], distance_threshold_m=limit)
    told = [judged(truth([cuboid(0)]), predicted([cuboid(x)]), of).status for x in (under, limit, over)]
    assert told == ["correct", "correct", "wrong"]
    if limit in DISTANCES_M:
        name = f"map_distance_{limit:g}m".replace(".", "_")
        assert [summary([(truth([cuboid(0)]), predicted([cuboid(x)]))])[name] for x in (under, limit)] == [1, 0]
    # The nearer one by a bit is met, wherever it stands; the other is left for the next.
    for order in ((0, 1), (1, 0)):
        labels = truth([[cuboid(under), cuboid(-limit)][one] for one in order])
        metric = task_metric("boxes_3d")
        assert metric.tally(labels, predicted([cuboid(0)]), of).match.partner[0] == order.index(0)


def test_a_perfect_prediction() -> None:
    boxes = [cuboid(0), cuboid(10, yaw=3.1), cuboid(20)]
    metrics = summary([(truth(boxes, [0, 1, 0]), predicted(boxes, [0.9, 0.8, 0.7], [0, 1, 0]))])
    assert [metrics[name] for name in ("map_distance", "map_3d_50", "map_3d_70", "map_bev_50", "map_bev_70")] == [1] * 5
    assert [metrics[name] for name in ("mate", "mase", "maoe")] == pytest.approx([0, 0, 0], abs=1e-12)
    assert (metrics["precision"], metrics["recall"], metrics["f1"]) == (1, 1, 1)


def test_nothing_labelled_and_nothing_predicted() -> None:
    nothing = summary([(truth([]), predicted([]))])
    assert nothing["map_distance"] is None
    assert nothing["mate"] is None
    missed = summary([(truth([cuboid(0)]), None)])
    assert (missed["map_distance"], missed["map_3d_50"], missed["mate"]) == (0, 0, 1)


def test_a_distance_of_just_the_threshold_is_too_far_for_nuscenes() -> None:
    metrics = summary([(truth([cuboid(0)]), predicted([cuboid(2)]))])
    assert (metrics["map_distance_2m"], metrics["map_distance_4m"]) == (0, 1)


def test_overlap_wants_the_height_too() -> None:
    above = cuboid(0)
    above[2] += 1.0  # of a height of 1.5: a fifth is shared
    metrics = summary([(truth([cuboid(0)]), predicted([above]))])
    assert (metrics["map_bev_70"], metrics["map_3d_50"]) == (1, 0)


def test_ignored_cuboids_count_neither_way() -> None:
    labels = truth([cuboid(0), cuboid(20)], ignored=[False, True])
    metrics = summary([(labels, predicted([cuboid(20), cuboid(0)], [0.9, 0.8]))])
    assert (metrics["map_distance"], metrics["map_3d_70"], metrics["recall"]) == (1, 1, 1)


def judged(labels: Box3DLabels, prediction: Box3DPredictions | None, of: LabelSpec = SPEC) -> Any:
    metric = task_metric("boxes_3d")
    return metric.judge(metric.tally(labels, prediction, of), of)


def test_a_cloud_is_judged_at_the_distance_of_the_manifest() -> None:
    labels, prediction = truth([cuboid(0)]), predicted([cuboid(1.5)])
    assert judged(labels, prediction).status == "correct"
    assert judged(labels, prediction).measures["mean_distance_m"] == pytest.approx(1.5)
    strict = spec("boxes_3d", ["car", "tram"], distance_threshold_m=1.0)
    wrong = judged(labels, prediction, strict)
    assert (wrong.status, wrong.error_type) == ("wrong", "Loc")
    assert wrong.missed == ("car 0 0 10",)
    assert wrong.false_positives == ("car 15 0 10",)
    assert wrong.errors[0].note == "1.50 m off on the ground, turned by 0 degrees"
    assert wrong.errors[0].box == pytest.approx((-0.5, -1, 0.25, 3.5, 1, 1.75))
    assert wrong.measures["mean_distance_m"] == 1.0
    far = judged(truth([cuboid(0), cuboid(50)], [0, 1]), predicted([cuboid(0)], classes=[1]))
    assert [error.kind for error in far.errors] == ["Miss", "Cls"] or [error.kind for error in far.errors] == [
        "Cls",
        "Miss",
    ]


def test_the_picture_names_errors() -> None:
    left, right = task_metric("boxes_3d").picture(truth([cuboid(0)]), predicted([cuboid(30)], [0.6]), SPEC)
    assert left["boxes"] == [cuboid(0)]
    assert (left["matched"], left["errors"], left["labels"]) == ([False], ["Miss"], ["car"])
    assert right["boxes"] == [cuboid(30)]
    assert (right["matched"], right["errors"], right["scores"]) == ([False], ["Bkg"], [0.6])
    assert json.loads(json.dumps([left, right])) == [left, right]


def test_running_counts() -> None:
    metric = task_metric("boxes_3d")
    running = metric.running(SPEC)
    for labels, prediction in [(truth([cuboid(0)]), predicted([cuboid(0)])), (truth([cuboid(0)]), None)]:
        tally = metric.tally(labels, prediction, SPEC)
        running.add(tally, metric.judge(tally, SPEC))
    assert running.values()["recall"] == 0.5


def test_lower_is_better_for_errors() -> None:
    info = task_metric("boxes_3d").info
    assert {name: (each.direction, each.unit) for name, each in info.items()} == {
        "mate": ("lower", "m"),
        "mase": ("lower", ""),
        "maoe": ("lower", "rad"),
    }


def argoverse(folder: str, timestamp: int) -> tuple[Floats, list[float]]:
    """Cuboids of an Argoverse sweep; the yaw of a quaternion about z."""
    path = shared(f"argoverse_custom_json/test_data/detection/{folder}per_sweep_annotations_amodal")
    rows = json.loads((path / f"tracked_object_labels_{timestamp}.json").read_text())
    boxes = []
    for row in rows:
        w, x, y, z = (row["rotation"][name] for name in "wxyz")
        yaw = np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
        centre = [row["center"][name] for name in "xyz"]
        boxes.append([*centre, row["length"], row["width"], row["height"], yaw])
    return np.array(boxes, dtype=np.float64), [row.get("score", 1.0) for row in rows]


def test_argoverse_identity() -> None:
    pairs = []
    for timestamp in range(3):
        boxes, scores = argoverse("detections_identity/1/", timestamp)
        pairs.append((truth(argoverse("1/", timestamp)[0]), predicted(boxes, scores)))
    metrics = summary(pairs)
    assert metrics["map_distance"] == metrics["map_3d_70"] == metrics["map_bev_70"] == 1.0
    assert (metrics["mate"], metrics["mase"]) == pytest.approx((0, 0), abs=1e-12)
