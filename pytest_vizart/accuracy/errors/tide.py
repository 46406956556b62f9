"""The six kinds of detection errors of TIDE (Bolya et al., "TIDE: A General Toolbox for Identifying Object Detection
Errors", ECCV 2020).

Only predictions that reach the score threshold are looked at: below it the number of background errors swamps all
else. With tf the similarity at which a prediction meets an object and tb = .1, a prediction that met nothing is, by the
first rule that holds,

    Loc   tb <= similarity < tf with an object of its class
    Cls   similarity >= tf with an object of another class
    Dupe  similarity >= tf with an object of its class, which a better one has met
    Bkg   similarity <= tb with every object
    Both  anything else: the wrong class at the wrong place

and an object that was not met, and is not the nearest one of a Loc or Cls, is a Miss. Predictions that meet ignored
objects, crowds or regions count neither way and are no errors; TIDE's own library counts them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.coco.columns import HIGHEST_THRESHOLD
from pytest_vizart.accuracy.detection.scene import Scene, SceneMatch
from pytest_vizart.records.outcome import ErrorKind

BACKGROUND_THRESHOLD = 0.1


class Kind(IntEnum):
    """A kind of error as a number, for columns; NONE where there is no error."""

    NONE = 0
    CLS = 1
    LOC = 2
    BOTH = 3
    DUPE = 4
    BKG = 5
    MISS = 6


NAMES: dict[Kind, ErrorKind] = {
    Kind.CLS: "Cls",
    Kind.LOC: "Loc",
    Kind.BOTH: "Both",
    Kind.DUPE: "Dupe",
    Kind.BKG: "Bkg",
    Kind.MISS: "Miss",
}


NAME_OF_NUMBER: tuple[ErrorKind | None, ...] = tuple(NAMES.get(kind) for kind in Kind)
"""Names by the numbers of columns, None for NONE."""


@dataclass(frozen=True, slots=True)
class SceneErrors:
    """Errors of one image.

    kind: (N,) int8 of Kind for the predictions, NONE for right ones and those that do not count. target: (N,) int64,
    the object that a Cls, Loc, Dupe or Both is about; 0 elsewhere. overlap: (N,) float64, similarity with the target,
    of a Bkg with the nearest object; 0 where kind is NONE. explained: (N,) bool, errors that some label is near to, be
    it an ignored one. missed: (G,) bool, objects that are a Miss. mended: (N,) bool, predictions of kind Cls or Loc
    that would be right without their error: of those about one free object the one with the best score.
    """

    kind: NDArray[np.int8]
    target: NDArray[np.int64]
    overlap: NDArray[np.float64]
    explained: NDArray[np.bool_]
    missed: NDArray[np.bool_]
    mended: NDArray[np.bool_]


def scene_errors(
    scene: Scene,
    match: SceneMatch,
    *,
    score_threshold: float,
    foreground: float,
    background: float = BACKGROUND_THRESHOLD,
) -> SceneErrors:
    """Sort out the errors of one image.

    Args:
        scene, match: the image, and what met what at similarity `foreground`.
        score_threshold: predictions that score less are left out, and what they met was not found.
        foreground, background: tf and tb, the similarities from which on a prediction is at the right place, and at
            least near it.
    """
    foreground = min(foreground, HIGHEST_THRESHOLD)
    count = len(scene.scores)
    found = match.found_score >= score_threshold
    free = scene.counting & ~found
    errors = SceneErrors(
        kind=np.zeros(count, dtype=np.int8),
        target=np.zeros(count, dtype=np.int64),
        overlap=np.zeros(count),
        explained=np.zeros(count, dtype=bool),
        missed=free.copy(),
        mended=np.zeros(count, dtype=bool),
    )
    wrong = np.flatnonzero((scene.scores >= score_threshold) & ~match.hit & ~match.excused)
    if len(wrong):
        _classify(errors, wrong, scene, foreground, background)
    if len(wrong) and free.any():
        _mend(errors, wrong, free, scene)
    return errors


def _classify(
    errors: SceneErrors, wrong: NDArray[np.int64], scene: Scene, foreground: float, background: float
) -> None:
    objects = np.flatnonzero(scene.counting)
    near = scene.similarity[wrong]
    if near.shape[1]:
        errors.explained[wrong] = near.max(axis=1) > background
    if not len(objects):
        errors.kind[wrong] = Kind.BKG
        return
    near = near[:, objects]
    same = scene.predicted_class[wrong][:, None] == scene.true_class[objects][None, :]
    own_place, own = _best(np.where(same, near, 0.0))
    other_place, other = _best(np.where(same, 0.0, near))
    # Who is at the right place of an object of its class and did not meet it came too late.
    rules = [(own >= background) & (own < foreground), other >= foreground, own >= foreground]
    rules.append(np.maximum(own, other) <= background)
    kind = np.select(rules, [Kind.LOC, Kind.CLS, Kind.DUPE, Kind.BKG], Kind.BOTH)
    about_own = (kind == Kind.LOC) | (kind == Kind.DUPE)
    about_other = (kind == Kind.CLS) | (kind == Kind.BOTH)
    errors.kind[wrong] = kind
    errors.overlap[wrong] = np.where(about_own, own, np.where(about_other, other, np.maximum(own, other)))
    target = np.where(about_own, objects[own_place], objects[other_place])
    errors.target[wrong] = np.where(about_own | about_other, target, 0)


def _best(similarity: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    place = similarity.argmax(axis=1)
    return place, similarity[np.arange(len(place)), place]


def _mend(errors: SceneErrors, wrong: NDArray[np.int64], free: NDArray[np.bool_], scene: Scene) -> None:
    """Find which Cls and Loc would be right without their error, and take their objects out of the missed ones."""
    mendable = np.isin(errors.kind[wrong], (Kind.CLS, Kind.LOC)) & free[errors.target[wrong]]
    rows = wrong[mendable]
    rows = rows[np.argsort(-scene.scores[rows], kind="stable")]
    objects, first = np.unique(errors.target[rows], return_index=True)
    errors.mended[rows[first]] = True
    errors.missed[objects] = False
