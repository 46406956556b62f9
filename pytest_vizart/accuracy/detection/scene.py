"""Objects and predictions of one image, and which met which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.coco.columns import HIGHEST_THRESHOLD, Detections, Objects, Pairs
from pytest_vizart.accuracy.coco.matching import match

NEVER = -np.inf
"""Score of the prediction that met an object, where none did."""


@dataclass(frozen=True, slots=True)
class Scene:
    """N predictions and G objects of one image or cloud.

    similarity: (N, G) float64, 0 to 1, whatever tells how near a prediction is to an object: IoU, OKS, or a distance
    turned round (1 where it is 0). Of a crowd object: the share of the prediction that lies in it. scores: (N,)
    float64. predicted_class: (N,) int64. true_class: (G,) int64. crowd: (G,) bool, objects that take many predictions
    and are never missed. ignored: (G,) bool, objects that count neither as found nor as missed, nor do the predictions
    that meet them. shielded: (N,) bool, predictions that do not count where they meet nothing, because nobody labelled
    the place in which they lie; None where there are none.
    """

    similarity: NDArray[np.float64]
    scores: NDArray[np.float64]
    predicted_class: NDArray[np.int64]
    true_class: NDArray[np.int64]
    crowd: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    shielded: NDArray[np.bool_] | None = None

    @property
    def counting(self) -> NDArray[np.bool_]:
        """(G,) bool: objects that a model has to find."""
        return ~(self.crowd | self.ignored)


@dataclass(frozen=True, slots=True)
class SceneMatch:
    """What met what in one image, at any score: predictions under a threshold take nothing from those above it.

    hit: (N,) bool, predictions that met an object of their class. partner: (N,) int64, that object; 0 where not hit.
    excused: (N,) bool, predictions that count neither way. found_score: (G,) float64, the score of the prediction that
    met the object, NEVER where none did.
    """

    hit: NDArray[np.bool_]
    partner: NDArray[np.int64]
    excused: NDArray[np.bool_]
    found_score: NDArray[np.float64]


def match_scene(scene: Scene, threshold: float) -> SceneMatch:
    """Match predictions as COCO does, best score first, each with the free object of its class that it resembles most.

    A prediction that meets no free object, but an ignored one or a crowd of its class, counts neither way; an ignored
    object that is no crowd takes one prediction.
    """
    count, objects = scene.similarity.shape
    near = (scene.predicted_class[:, None] == scene.true_class[None, :]) & (
        scene.similarity >= min(threshold, HIGHEST_THRESHOLD)
    )
    rows, columns = np.nonzero(near)
    table = match(
        Objects(np.zeros(objects, np.int64), scene.true_class, np.zeros(objects), scene.crowd, scene.ignored),
        Detections(np.zeros(count, np.int64), scene.predicted_class, scene.scores, np.zeros(count), scene.shielded),
        Pairs(rows, columns, scene.similarity[rows, columns]),
        threshold,
    )
    found_score = np.full(objects, NEVER)
    found_score[table.object[table.hit]] = scene.scores[table.hit]
    return SceneMatch(table.hit, np.where(table.hit, table.object, 0), table.excused, found_score)
