"""Runs of every task as the scorer makes them: labels, predictions with known errors, scores, outcomes and cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pytest_vizart.accuracy.geometry import masks as masks_module
from pytest_vizart.accuracy.predicted import (
    BoxPredictions,
    ClassPrediction,
    InstancePredictions,
    KeypointPredictions,
    OrientedBoxPredictions,
    PanopticPrediction,
    Prediction,
    SemanticPrediction,
)
from pytest_vizart.accuracy.scoring import StageScorer
from pytest_vizart.records.labels import (
    NO_CLASSES,
    BoxLabels,
    ClassLabel,
    ClassMap,
    InstanceLabels,
    KeypointLabels,
    Label,
    LabelSpec,
    OrientedBoxLabels,
    PanopticLabels,
    SemanticLabels,
    Task,
)
from pytest_vizart.records.outcome import ObjectChanges
from pytest_vizart.records.run import RunResult, SessionResult
from pytest_vizart.records.span import SpanTable

from . import builders, space_builders

Sample = tuple[Label, Prediction, str | None]
Samples = Iterator[Sample]

WIDTH, HEIGHT = 320, 240
ANIMALS = ClassMap(("cat", "dog", "horse"), (0, 1, 2), (True, True, True))
GROUNDS = ClassMap(("road", "grass", "car"), (0, 1, 2), (False, False, True))
LETTERS = ClassMap(tuple("ABCDEFGH"), tuple(range(8)))
PERSON = ClassMap(("person",), (0,), (True,))
SKELETON = ((0, 1), (1, 2), (1, 3), (0, 4))


def task_session(folder: Path, prefix: str = "") -> SessionResult:
    """One run for each task, every one with something wrong in it."""
    return SessionResult(builders.session(), tuple(task_run(folder, task, prefix) for task in MAKERS))


def task_run(folder: Path, task: Task, prefix: str = "") -> RunResult:
    """Return the run of one task, with samples of two tags and objects that changed since a baseline.

    prefix: of every name: stage, classes, keypoints, samples, tags.
    """
    spec, samples = MAKERS[task](folder)
    spec = replace(
        spec,
        stage=prefix + spec.stage,
        classes=replace(spec.classes, names=tuple(prefix + name for name in spec.classes.names)),
        keypoint_names=tuple(prefix + name for name in spec.keypoint_names),
    )
    scorer = StageScorer(spec)
    for number, (truth, prediction, path) in enumerate(samples):
        tags = (f"{prefix}night",) if number % 2 else (f"{prefix}day", f"{prefix}rain")
        xyz = (lambda: space_builders.street()[0]) if task in ("points", "boxes_3d") else None
        scorer.add(f"{prefix}{task}-{number:02d}", truth, prediction, input_path=path, tags=tags, xyz=xyz)
    wrong = [outcome for outcome in scorer.outcomes if outcome.status == "wrong"]
    objects = {
        outcome.sample_id: ObjectChanges(outcome.missed[:1], (f"{prefix}cat 1 2 3 4",), outcome.false_positives[:1])
        for outcome in wrong
        if outcome.missed or outcome.false_positives
    }
    score = replace(
        scorer.score(), newly_wrong=tuple(one.sample_id for one in wrong[:1]), negative_flip_rate=1 / 6, objects=objects
    )
    return RunResult(
        builders.run_info(f"tests/test_tasks.py::{prefix}test_{task}", dataset=task, samples=len(scorer.outcomes)),
        SpanTable(),
        scores=(score,),
        outcomes=scorer.outcomes,
        cases=scorer.cases,
    )


def photo(path: Path, places: NDArray[np.float64]) -> str:
    """A grey picture with a light rectangle at each (N, 4) place."""
    ground = np.linspace(40, 110, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)
    image = Image.fromarray(ground.astype(np.uint8)).convert("RGB")
    draw = ImageDraw.Draw(image)
    for number, place in enumerate(places.tolist()):
        draw.rectangle(place, fill=(150 + 20 * number, 170, 200 - 20 * number))
    image.save(path)
    return str(path)


def _boxes(number: int) -> tuple[BoxLabels, BoxPredictions]:
    """Six objects, one a crowd; predictions: right, Cls, Loc, Both, Dupe, Bkg, a suspect label; one is missed."""
    shift = 4.0 * number
    places = np.array(
        [[20, 20, 80, 70], [100, 20, 160, 80], [180, 20, 240, 70], [20, 110, 80, 170], [100, 110, 160, 170],
         [250, 110, 315, 230]], dtype=float,
    )  # fmt: skip
    places[:5] += shift
    area = (places[:, 2] - places[:, 0]) * (places[:, 3] - places[:, 1])
    crowd = np.array([False] * 5 + [True])
    truth = BoxLabels(places, np.array([0, 1, 2, 0, 1, 1]), crowd, area)
    if not number:
        return truth, BoxPredictions(places[:5].copy(), np.linspace(0.9, 0.7, 5), np.array([0, 1, 2, 0, 1]))
    found = np.array(
        [places[0] + 2, places[1] + 1, places[2] + (20, 14, 20, 14), places[3] + (30, 20, 30, 20), places[0] - 3,
         [170, 150, 230, 220], [100, 180, 150, 230], places[1] + (1, 2, 3, 4)], dtype=float,
    )  # fmt: skip
    scores = np.array([0.97, 0.83, 0.88, 0.71, 0.66, 0.77, 0.95, 0.62])
    return truth, BoxPredictions(found, scores, np.array([0, 2, 2, 1, 0, 1, 2, 1]))


def _box_samples(folder: Path) -> tuple[LabelSpec, Samples]:
    def samples() -> Samples:
        for number in range(6):
            truth, prediction = _boxes(number)
            yield truth, prediction, photo(folder / f"boxes-{number}.png", truth.boxes)

    return LabelSpec("detect", "boxes", ANIMALS), samples()


def _ellipses(places: NDArray[np.float64]) -> tuple[bytes, ...]:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    drawn = []
    for x1, y1, x2, y2 in places.tolist():
        reach = np.hypot((x - (x1 + x2) / 2) / max(x2 - x1, 1), (y - (y1 + y2) / 2) / max(y2 - y1, 1))
        drawn.append((reach < 0.5) & (reach > 0.12))  # a ring: its hole must stay one
    return masks_module.encode(np.array(drawn))


def _instance_samples(folder: Path) -> tuple[LabelSpec, Samples]:
    def samples() -> Samples:
        for number in range(4):
            truth, found = _boxes(number)
            path = photo(folder / f"instances-{number}.png", truth.boxes)
            size = (HEIGHT, WIDTH)
            yield (
                InstanceLabels(truth, _ellipses(truth.boxes), size),
                InstancePredictions(found, _ellipses(found.boxes), size),
                path,
            )

    return LabelSpec("segment objects", "instances", ANIMALS), samples()


def _body(x: float, y: float) -> NDArray[np.float64]:
    """Head, hip, two feet, a hand."""
    points = [(0, 0), (0, 40), (-14, 80), (14, 80), (24, 24)]
    return np.array([[x + dx, y + dy, 1 if at == 4 else 2] for at, (dx, dy) in enumerate(points)], dtype=float)


def _keypoint_samples(folder: Path) -> tuple[LabelSpec, Samples]:
    def samples() -> Samples:
        for number in range(3):
            bodies = np.array([_body(60, 40), _body(160, 60), _body(260, 50)])
            around = np.concatenate([bodies[:, :, :2].min(axis=1) - 8, bodies[:, :, :2].max(axis=1) + 8], axis=1)
            area = (around[:, 2] - around[:, 0]) * (around[:, 3] - around[:, 1])
            truth = BoxLabels(around, np.zeros(3, dtype=np.int64), np.zeros(3, dtype=bool), area)
            moved = bodies[:2].copy()
            moved[1, 3:, :2] += 12.0 + 10 * number
            moved[0, :, :2] += 1
            found = BoxPredictions(around[:2] + 2, np.array([0.95, 0.8]), np.zeros(2, dtype=np.int64))
            yield (
                KeypointLabels(truth, bodies),
                KeypointPredictions(found, moved),
                photo(folder / f"keypoints-{number}.png", around),
            )

    names = ("head", "hip", "left foot", "right foot", "hand")
    return LabelSpec("pose", "keypoints", PERSON, keypoint_names=names, skeleton=SKELETON), samples()


def _oriented_samples(folder: Path) -> tuple[LabelSpec, Samples]:
    def samples() -> Samples:
        for number in range(3):
            true = np.array([[70, 70, 90, 30, 0.4], [200, 80, 80, 40, -0.6], [120, 180, 100, 36, 0.1]])
            found = true[[0, 1, 1]] + [[2, 1, 0, 0, 0.02], [18, 10, 0, 0, 0.5], [60, 90, 0, 0, 0.9]]
            yield (
                OrientedBoxLabels(true, np.array([0, 1, 2]), np.array([False, False, False])),
                OrientedBoxPredictions(found, np.array([0.9, 0.8, 0.6 + number / 10]), np.array([0, 1, 1])),
                photo(folder / f"oriented-{number}.png", np.empty((0, 4))),
            )

    return LabelSpec("detect ships", "oriented_boxes", ANIMALS), samples()


def _ground() -> NDArray[np.int32]:
    mask = np.zeros((HEIGHT, WIDTH), dtype=np.int32)
    mask[:110] = 1
    mask[120:170, 40:120] = mask[150:200, 180:290] = 2
    return mask


def _semantic_samples(folder: Path) -> tuple[LabelSpec, Samples]:
    def samples() -> Samples:
        for number in range(4):
            truth = _ground()
            predicted = np.roll(truth, (10 * number, 25 * number), axis=(0, 1))
            predicted[:, 200:] = 1 if number else truth[:, 200:]
            truth[:, :12] = -1
            path = photo(folder / f"semantic-{number}.png", np.array([[40.0, 120, 120, 170], [180, 150, 290, 200]]))
            yield SemanticLabels(truth), SemanticPrediction(predicted), path

    return LabelSpec("segment", "semantic", GROUNDS), samples()


def _panoptic_samples(folder: Path) -> tuple[LabelSpec, Samples]:
    def samples() -> Samples:
        for number in range(3):
            segments = _ground()
            segments[150:200, 180:290] = 3
            predicted = segments.copy()
            if number:
                predicted[120:170, 40:70] = 4
                predicted[150:200, 180:290] = 0
                predicted[20:60, 200:300] = 5
            truth = PanopticLabels(segments, np.array([0, 1, 2, 2]), np.zeros(4, dtype=bool))
            path = photo(folder / f"panoptic-{number}.png", np.array([[40.0, 120, 120, 170], [180, 150, 290, 200]]))
            yield truth, PanopticPrediction(predicted, np.array([0, 1, 2, 2, 2, 0])), path

    return LabelSpec("panoptic", "panoptic", GROUNDS, iou_threshold=0.9), samples()


def _class_samples(folder: Path) -> tuple[LabelSpec, Samples]:
    def samples() -> Samples:
        random = np.random.default_rng(5)
        for number in range(60):
            truth = number % len(LETTERS)
            values = random.dirichlet(np.full(len(LETTERS), 0.3))
            values[truth] += random.choice([0.1, 1.5])
            values /= values.sum()
            path = folder / f"letter-{number}.png"
            image = Image.new("L", (32, 32), 10)
            ImageDraw.Draw(image).text((11, 8), LETTERS.names[truth], fill=240)
            image.save(path)
            best = int(values.argmax())
            yield ClassLabel(truth), ClassPrediction(best, float(values[best]), values), str(path)

    return LabelSpec("read", "classes", LETTERS), samples()


def _plain(task: Task, stage: str, classes: ClassMap = NO_CLASSES, **tolerances: float) -> LabelSpec:
    return LabelSpec(stage, task, classes, tolerances=tolerances)


MAKERS: dict[Task, Callable[[Path], tuple[LabelSpec, Samples]]] = {
    "classes": _class_samples,
    "boxes": _box_samples,
    "oriented_boxes": _oriented_samples,
    "instances": _instance_samples,
    "keypoints": _keypoint_samples,
    "semantic": _semantic_samples,
    "panoptic": _panoptic_samples,
    "points": lambda _: (_plain("points", "label points", space_builders.STREET), space_builders.point_samples()),
    "boxes_3d": lambda _: (_plain("boxes_3d", "detect in 3-D", space_builders.STREET), space_builders.cuboid_samples()),
    "cloud": lambda _: (_plain("cloud", "reconstruct", distance_m=0.05), space_builders.cloud_samples()),
    "image": lambda folder: (_plain("image", "denoise", psnr_db=40.0), space_builders.image_samples(folder)),
    "text": lambda _: (_plain("text", "read text"), space_builders.text_samples()),
    "array": lambda _: (_plain("array", "embed", rtol=1e-3), space_builders.array_samples()),
}
