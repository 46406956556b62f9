"""Objects of one sample as the browser draws them: boxes, turned boxes, outlines, keypoints, cuboids."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from pytest_vizart.records.outcome import Case
from pytest_vizart.report.drawings_points import drawn_points

Side = dict[str, Any]

_MOST_OBJECTS = 500  # of each side
_MOST_NUMBERS = 20_000  # coordinates of the outlines of one side
_MOST_BONES = 200
_PIXEL_DECIMALS, _METRE_DECIMALS = 1, 3


def boxes(case: Case) -> Side:
    """Both sides; "boxes" as in the Case, rounded."""
    return {"truth": _side(case.truth, 4), "predicted": _side(case.predicted, 4)}


def oriented_boxes(case: Case) -> Side:
    """As boxes, of four corners each."""
    return {"truth": _side(case.truth, 8), "predicted": _side(case.predicted, 8)}


def instances(case: Case) -> Side:
    """As boxes, with "polygons": of each object its rings; the last objects have none where there are too many."""
    return {side: _side(data, 4) | {"polygons": _outlines(data)} for side, data in _sides(case)}


def keypoints(case: Case) -> Side:
    """As boxes, with "keypoints" and the one "skeleton" of both sides."""
    shown = case.truth or case.predicted
    bones = [[int(start), int(end)] for start, end in islice(shown.get("skeleton", ()), _MOST_BONES)]
    drawn = {side: _side(data, 4) | {"keypoints": _points(data)} for side, data in _sides(case)}
    return drawn | {"skeleton": bones}


def boxes_3d(case: Case) -> Side:
    """As boxes, but cuboids in metres; "cloud" is there where the Case has points."""
    drawn = {side: _side(data, 7, _METRE_DECIMALS) for side, data in _sides(case)}
    return drawn | {"cloud": drawn_points([case.truth["xyz_mm"]]) if case.truth.get("xyz_mm") else None}


def _sides(case: Case) -> tuple[tuple[str, dict[str, Any]], tuple[str, dict[str, Any]]]:
    return ("truth", case.truth), ("predicted", case.predicted)


def _side(side: dict[str, Any], numbers: int, decimals: int = _PIXEL_DECIMALS) -> Side:
    places = [_place(box, numbers, decimals) for box in side.get("boxes", ())[:_MOST_OBJECTS]]
    count = len(places)
    scores = [None if score is None else round(float(score), 3) for score in side.get("scores", ())]
    return {
        "boxes": places,
        "labels": _filled(side.get("labels"), count),
        "scores": _filled(scores, count),
        "matched": _filled(side.get("matched"), count),
        "crowd": _filled(side.get("crowd"), count),
        "errors": _filled(side.get("errors"), count),
        "threshold": side.get("score_threshold"),
        "left_out": max(0, len(side.get("boxes", ())) - _MOST_OBJECTS),
    }


def _place(box: Iterable[Any], numbers: int, decimals: int) -> list[float]:
    place = [round(float(edge), decimals) for edge in box]
    if len(place) != numbers:
        raise ValueError(f"{len(place)} numbers, expected {numbers}")
    return place


def _filled(values: Iterable[Any] | None, count: int) -> list[Any]:
    known = list(values or ())[:count]
    return known + [None] * (count - len(known))


def _outlines(side: dict[str, Any]) -> list[list[list[int]]]:
    left = _MOST_NUMBERS
    outlines: list[list[list[int]]] = []
    for polygon in side.get("polygons", ())[:_MOST_OBJECTS]:
        rings = [[round(float(edge)) for edge in ring] for ring in polygon]
        left -= sum(len(ring) for ring in rings)
        outlines.append(rings if left >= 0 else [])
    return outlines


def _points(side: dict[str, Any]) -> list[list[list[float]]]:
    return [
        [[round(float(x), 1), round(float(y), 1), int(visible)] for x, y, visible in body]
        for body in side.get("keypoints", ())[:_MOST_OBJECTS]
    ]
