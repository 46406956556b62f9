"""pycocotools' COCOeval over objects and results of plain dicts, as the oracle of masks and keypoints."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

MASK_NAMES = (
    "map", "map_50", "map_75", "map_small", "map_medium", "map_large",
    "mar_1", "mar_10", "mar_100", "mar_small", "mar_medium", "mar_large",
)  # fmt: skip
KEYPOINT_NAMES = (
    "oks_map", "oks_map_50", "oks_map_75", "oks_map_medium", "oks_map_large",
    "oks_mar", "oks_mar_50", "oks_mar_75", "oks_mar_medium", "oks_mar_large",
)  # fmt: skip


def coco_numbers(
    kind: str,
    images: Sequence[Mapping[str, Any]],
    objects: Sequence[Mapping[str, Any]],
    results: Sequence[Mapping[str, Any]],
    classes: int,
    sigmas: Sequence[float] | None = None,
) -> dict[str, float | None]:
    """The numbers by COCOeval, its -1 as None; IDs of the objects are given here, from 1. `kind`: segm, keypoints."""
    annotations = [{**row, "id": number} for number, row in enumerate(objects, start=1)]
    categories = [{"id": number, "name": str(number)} for number in range(classes)]
    with contextlib.redirect_stdout(io.StringIO()):
        ground, detected = COCO(), COCO()
        ground.dataset = {"info": {}, "images": list(images), "annotations": annotations, "categories": categories}
        ground.createIndex()
        if results:
            detected = ground.loadRes([dict(row) for row in results])
        else:
            detected.dataset = {"images": list(images), "annotations": [], "categories": categories}
            detected.createIndex()
        evaluation = COCOeval(ground, detected, kind)
        if sigmas is not None:
            evaluation.params.kpt_oks_sigmas = np.array(sigmas)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    names = KEYPOINT_NAMES if kind == "keypoints" else MASK_NAMES
    return {name: None if value == -1 else float(value) for name, value in zip(names, evaluation.stats, strict=True)}
