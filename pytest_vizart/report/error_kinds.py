"""What each kind of error means, and what its cost is counted in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

KIND_MEANING: dict[str, str] = {
    "Cls": "the right place, a wrong class",
    "Loc": "the right class, too far off its place",
    "Both": "a wrong class, and too far off",
    "Dupe": "a second detection of an object that is found already",
    "Bkg": "a detection where no object is",
    "Miss": "an object that nothing found",
    "label-suspect": "a confident detection that no label explains: look whether the label lacks it",
    "confused": "one class taken for another",
    "region": "one of the places that are most wrong",
    "difference": "values out of tolerance",
    "shape": "another shape, type or name than the label's",
}

_COST_METRIC = {"panoptic": "PQ", "classes": "accuracy"}
_SIMILARITY = {"instances": "mask IoU", "keypoints": "OKS", "boxes_3d": "closeness"}
_AVERAGED = ("boxes", "oriented_boxes", "instances", "keypoints", "boxes_3d")


def cost_metric(task: str, headline: str) -> str:
    """What the cost of an error is counted in: average precision for objects, as TIDE does."""
    return "AP" if task in _AVERAGED else _COST_METRIC.get(task, headline)


def cost_facts(tide: Mapping[str, Any], task: str) -> str:
    """How errors of objects were told apart and what their costs rest on, out of `Score.details["tide"]`."""
    threshold, base = tide.get("score_threshold"), tide.get("base_ap")
    if threshold is None or base is None:
        return ""
    similarity = _SIMILARITY.get(task, "IoU")
    return (
        f"Errors are those of predictions with a score of {threshold:g} or more; a prediction meets an object from "
        f"{similarity} {tide['tf']:g} on, and has nothing to do with it under {tide['tb']:g}. Costs are TIDE's: what "
        f"average precision (101 points, at {similarity} {tide['tf']:g}, of these predictions alone; now {base:.3f}) "
        "would gain if the errors of one kind were mended and all others stayed."
    )
