"""The six kinds of TIDE's errors over all images of a file at once: what `errors.tide` says of each image alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.coco.columns import HIGHEST_THRESHOLD, Detections, MatchTable, Objects, Pairs
from pytest_vizart.accuracy.detection.scene import NEVER, SceneMatch
from pytest_vizart.accuracy.errors.suspects import SUSPECT_SCORE
from pytest_vizart.accuracy.errors.tide import BACKGROUND_THRESHOLD, Kind, SceneErrors


def scene_match(table: MatchTable, objects: Objects, detections: Detections) -> SceneMatch:
    """Return what met what, as one scene."""
    found_score = np.full(len(objects), NEVER)
    found_score[table.object[table.hit]] = detections.scores[table.hit]
    return SceneMatch(table.hit, np.where(table.hit, table.object, 0), table.excused, found_score)


def wrong_detections(match: SceneMatch, scores: NDArray[np.float64], score_threshold: float) -> NDArray[np.int64]:
    """Return the positions of the detections that reach the threshold, count, and met nothing."""
    return np.flatnonzero((scores >= score_threshold) & ~match.hit & ~match.excused)


def whatever_their_class(
    objects: Objects, detections: Detections, chosen: NDArray[np.int64]
) -> tuple[Objects, Detections]:
    """Return objects and the chosen detections as if there were one class, so that pairs of all classes are found."""
    one = Detections(
        image=detections.image[chosen],
        class_index=np.zeros(len(chosen), dtype=np.int64),
        scores=detections.scores[chosen],
        area=detections.area[chosen],
    )
    return replace(objects, class_index=np.zeros(len(objects), dtype=np.int64)), one


def file_errors(
    objects: Objects,
    detections: Detections,
    match: SceneMatch,
    wrong: NDArray[np.int64],
    near: Pairs,
    *,
    score_threshold: float,
    foreground: float,
) -> SceneErrors:
    """Sort out the errors of all images, which stand one after the other, as one scene.

    Args:
        wrong: see `wrong_detections`.
        near: pairs of these, as positions in `wrong`, with objects of any class, of a similarity from
            BACKGROUND_THRESHOLD on. What is less decides nothing but `overlap`, which is 0 then.
    """
    foreground = min(foreground, HIGHEST_THRESHOLD)
    counting = objects.counting
    free = counting & ~(match.found_score >= score_threshold)
    errors = SceneErrors(
        kind=np.zeros(len(detections), dtype=np.int8),
        target=np.zeros(len(detections), dtype=np.int64),
        overlap=np.zeros(len(detections)),
        explained=np.zeros(len(detections), dtype=bool),
        missed=free.copy(),
        mended=np.zeros(len(detections), dtype=bool),
    )
    errors.explained[wrong[near.detection[near.similarity > BACKGROUND_THRESHOLD]]] = True
    kept = counting[near.object]
    same = detections.class_index[wrong[near.detection]] == objects.class_index[near.object]
    own_target, own = _best(near, kept & same, len(wrong))
    other_target, other = _best(near, kept & ~same, len(wrong))
    rules = [(own >= BACKGROUND_THRESHOLD) & (own < foreground), other >= foreground, own >= foreground]
    rules.append(np.maximum(own, other) <= BACKGROUND_THRESHOLD)
    kind = np.select(rules, [Kind.LOC, Kind.CLS, Kind.DUPE, Kind.BKG], Kind.BOTH)
    about_own, about_other = np.isin(kind, (Kind.LOC, Kind.DUPE)), np.isin(kind, (Kind.CLS, Kind.BOTH))
    errors.kind[wrong] = kind
    errors.target[wrong] = np.where(about_own, own_target, np.where(about_other, other_target, 0))
    errors.overlap[wrong] = np.where(about_own, own, np.where(about_other, other, np.maximum(own, other)))
    _mend(errors, wrong, free, detections.scores)
    return errors


def suspects(errors: SceneErrors, detections: Detections, images: int) -> NDArray[np.bool_]:
    """Return (D,): what `label_suspects` says of each image."""
    graded = np.zeros(images, dtype=bool)
    graded[detections.image[detections.scores != 1.0]] = True
    confident = (detections.scores >= SUSPECT_SCORE) & (errors.kind == Kind.BKG) & ~errors.explained
    found: NDArray[np.bool_] = confident & graded[detections.image]
    return found


def _best(near: Pairs, chosen: NDArray[np.bool_], count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return for each detection the object that it resembles most, the earlier of equal ones, and how much; 0, 0."""
    detection, other, similarity = near.detection[chosen], near.object[chosen], near.similarity[chosen]
    order = np.lexsort((other, -similarity, detection))
    detections, first = np.unique(detection[order], return_index=True)
    target, value = np.zeros(count, dtype=np.int64), np.zeros(count)
    target[detections] = other[order][first]
    value[detections] = similarity[order][first]
    return target, value


def _mend(errors: SceneErrors, wrong: NDArray[np.int64], free: NDArray[np.bool_], scores: NDArray[np.float64]) -> None:
    if not len(free):
        return
    rows = wrong[np.isin(errors.kind[wrong], (Kind.CLS, Kind.LOC)) & free[errors.target[wrong]]]
    rows = rows[np.argsort(-scores[rows], kind="stable")]
    objects, first = np.unique(errors.target[rows], return_index=True)
    errors.mended[rows[first]] = True
    errors.missed[objects] = False
