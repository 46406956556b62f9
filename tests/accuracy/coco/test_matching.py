"""Who met whom: the vectorised matching against COCO's loop, object by object."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_vizart.accuracy.coco.box_numbers import coco_numbers, detection_columns, object_columns
from pytest_vizart.accuracy.coco.columns import Detections, Objects, Pairs
from pytest_vizart.accuracy.coco.edges import Boxes, box_pairs
from pytest_vizart.accuracy.coco.matching import match
from pytest_vizart.accuracy.coco.ranking import order_of_scores, rank_detections
from pytest_vizart.records.labels import BoxLabels
from tests.accuracy.problems import predicted_boxes, random_problem, truth_boxes


def columns(count: int, **rest: object) -> dict[str, np.ndarray]:
    given = {"image": np.zeros(count, dtype=np.int64), "class_index": np.zeros(count, dtype=np.int64)}
    return {**given, "area": np.ones(count), **{name: np.array(value) for name, value in rest.items()}}


def objects(count: int, crowd: list[bool] | None = None, **rest: object) -> Objects:
    return Objects(**columns(count, crowd=[False] * count if crowd is None else crowd, **rest))


def detections(scores: list[float], **rest: object) -> Detections:
    return Detections(**columns(len(scores), scores=scores, **rest))


def pairs(*rows: tuple[int, int, float]) -> Pairs:
    own, other, similarity = (np.array(column) for column in zip(*rows, strict=True))
    return Pairs(own, other, similarity)


def by_loop(own: Detections, other: Objects, met: Pairs, threshold: float) -> list[tuple[int, bool] | None]:
    """COCO's rule, read plainly: for each detection the object it meets, and whether that one counts."""
    partners: list[tuple[int, bool] | None] = [None] * len(own)
    similarity = {(int(a), int(b)): s for a, b, s in zip(met.detection, met.object, met.similarity, strict=True)}
    taken: set[int] = set()
    for detection in np.argsort(-own.scores, kind="stable").tolist():
        for counts in (True, False):
            best, best_object = min(threshold, 1 - 1e-10), None
            for one in np.flatnonzero(other.counting == counts).tolist():
                if (one in taken and not other.crowd[one]) or similarity.get((detection, one), -1) < best:
                    continue
                best, best_object = similarity[detection, one], one
            if best_object is not None:
                partners[detection] = (best_object, counts)
                taken.add(best_object)
                break
    return partners


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("threshold", [0.1, 0.5])
def test_the_table_equals_coco_s_loop(seed: int, threshold: float) -> None:
    generator = np.random.default_rng(seed)
    count, others = int(generator.integers(1, 15)), int(generator.integers(1, 7))
    own = detections(np.round(generator.random(count), 1).tolist())
    other = objects(others, crowd=(generator.random(others) < 0.2).tolist(), ignored=generator.random(others) < 0.2)
    matrix = np.round(generator.random((count, others)), 1) * (generator.random((count, others)) < 0.4)
    rows, columns_met = np.nonzero(matrix >= 0.05)
    met = Pairs(rows, columns_met, matrix[rows, columns_met])
    table = match(other, own, met, threshold)
    expected = by_loop(own, other, met, threshold)
    assert [(int(table.object[n]), bool(table.hit[n])) if table.met[n] else None for n in range(count)] == expected
    assert table.excused.tolist() == [one is not None and not one[1] for one in expected]
    assert set(np.flatnonzero(table.found).tolist()) == {one[0] for one in expected if one and one[1]}
    for n in np.flatnonzero(table.met):
        assert table.similarity[n] == matrix[n, table.object[n]]


def test_a_crowd_takes_many_and_an_ignored_object_one() -> None:
    crowd = match(objects(1, crowd=[True]), detections([0.9, 0.8]), pairs((0, 0, 0.9), (1, 0, 0.7)), 0.5)
    assert (crowd.excused.tolist(), crowd.hit.tolist()) == ([True, True], [False, False])
    single = match(objects(1, ignored=[True]), detections([0.9, 0.8]), pairs((0, 0, 0.9), (1, 0, 0.7)), 0.5)
    assert (single.excused.tolist(), single.met.tolist()) == ([True, False], [True, False])
    assert not single.found.any()


def test_shielded_detections_without_an_object_are_excused() -> None:
    own = detections([0.9, 0.8, 0.7], shielded=[True, True, False])
    table = match(objects(1), own, pairs((0, 0, 0.9)), 0.5)
    assert (table.hit.tolist(), table.excused.tolist()) == ([True, False, False], [False, True, False])


def test_detections_beyond_the_best_are_left_out() -> None:
    table = match(objects(1), detections([0.1, 0.9]), pairs((0, 0, 0.9)), 0.5, most=1)
    assert (table.hit.tolist(), table.excused.tolist()) == ([False, False], [True, False])


def test_pairs_come_in_any_order() -> None:
    truths, predictions = random_problem(np.random.default_rng(3), 6, 3, 10, 30)
    (other, other_boxes), (own, own_boxes) = object_columns(truths), detection_columns(predictions)
    met = box_pairs(other, own, other_boxes, own_boxes)
    order = np.random.default_rng(0).permutation(len(met))
    mixed = Pairs(met.detection[order], met.object[order], met.similarity[order])
    first, second = (match(other, own, one, 0.5) for one in (met, mixed))
    for name in ("hit", "excused", "met", "object", "similarity", "found"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_pairs_hold_every_iou_from_the_lowest_on() -> None:
    truths, predictions = random_problem(np.random.default_rng(4), 5, 2, 8, 20)
    (other, other_boxes), (own, own_boxes) = object_columns(truths), detection_columns(predictions)
    met = box_pairs(other, own, other_boxes, own_boxes, lowest=0.1)
    found = {(int(a), int(b)): s for a, b, s in zip(met.detection, met.object, met.similarity, strict=True)}
    expected = {}
    for a in range(len(own)):
        for b in range(len(other)):
            if (own.image[a], own.class_index[a]) == (other.image[b], other.class_index[b]):
                iou = _iou(own_boxes, a, other_boxes, b, bool(other.crowd[b]))
                if iou >= 0.1:
                    expected[a, b] = iou
    assert found == pytest.approx(expected, rel=1e-12)


def _iou(own: Boxes, a: int, other: Boxes, b: int, crowd: bool) -> float:
    sides = np.minimum(own.corners[a, 2:], other.corners[b, 2:]) - np.maximum(own.corners[a, :2], other.corners[b, :2])
    shared = float(np.maximum(sides, 0).prod())
    union = own.extent[a] if crowd else own.extent[a] + other.extent[b] - shared
    return shared / union if shared else 0.0


def test_ignored_objects_and_regions_cost_nothing() -> None:
    boxes = [[0, 0, 10, 10], [50, 50, 60, 60]]
    plain = truth_boxes(boxes)
    found = predicted_boxes([*boxes, [200, 200, 210, 210]], [0.7, 0.9, 0.8])
    ignoring = BoxLabels(
        plain.boxes, plain.class_index, plain.crowd, plain.area,
        ignored=np.array([False, True]), regions=np.array([[190.0, 190.0, 206.0, 230.0]]),
    )  # fmt: skip
    assert coco_numbers([plain], [found], [0]).metrics["map"] == pytest.approx(0.83, abs=0.01)
    assert coco_numbers([ignoring], [found], [0]).metrics["map"] == pytest.approx(1.0)


def test_figures_of_classes_and_curves() -> None:
    truth = truth_boxes([[0, 0, 10, 10], [50, 50, 60, 60]], [0, 2])
    numbers = coco_numbers([truth], [predicted_boxes([[0, 0, 10, 10]], [0.9], [0])], [2, 1, 0])
    assert numbers.per_class("map") == {2: 0.0, 1: None, 0: pytest.approx(1.0)}
    assert numbers.per_class("mar_100") == {2: 0.0, 1: None, 0: 1.0}
    curve = numbers.curve(0, 0.75)
    assert curve is not None
    assert curve.tolist() == pytest.approx([1.0] * 101)
    assert numbers.curve(1) is None


@pytest.mark.parametrize("values", [100_000, 50, 1 << 40])
def test_scores_are_sorted_stably(values: int) -> None:
    generator = np.random.default_rng(0)
    scores = generator.integers(0, values, 5000) / values
    scores[:200] = scores[200:400] * (1 + 1e-15)
    scores[400:420], scores[420:440] = 0.0, -0.0
    scores[440:500] *= -1
    assert order_of_scores(scores).tolist() == np.argsort(-scores, kind="stable").tolist()


def test_images_and_classes_beyond_16_bits_are_sorted() -> None:
    generator = np.random.default_rng(1)
    image, class_index = generator.integers(0, 1 << 20, 400), generator.integers(0, 70_000, 400)
    scores = np.round(generator.random(400), 1)
    own = Detections(image, class_index, scores, np.ones(400))
    ranking = rank_detections(own, 100)
    assert ranking.order.tolist() == np.lexsort((-scores, class_index, image)).tolist()
    by_class = ranking.order[ranking.by_class]
    assert by_class.tolist() == np.lexsort((image, -scores, class_index)).tolist()
