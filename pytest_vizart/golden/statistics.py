"""What a golden dataset holds, in numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.class_counts import class_counts, object_areas
from pytest_vizart.golden.dataset import GoldenDataset, GoldenSample
from pytest_vizart.golden.recorded import FOLDER, RecordedStore
from pytest_vizart.records.labels import LabelSpec

SMALL_PX2, LARGE_PX2 = 32.0**2, 96.0**2
"""COCO's bounds of small, medium and large objects, in square pixels (Lin et al., 2014)."""

_COUNTED = {"classes": "samples", "semantic": "pixels", "panoptic": "segments", "points": "points"}

_WITH_AREAS = frozenset({"boxes", "oriented_boxes", "instances", "keypoints"})


@dataclass(frozen=True, slots=True)
class StageStatistics:
    """One labelled stage.

    per_class: class name -> how many `counted` ("objects", "samples", "segments", "pixels" or "points") it has, all
    classes of the map. sizes: "small", "medium", "large" -> objects, by COCO's bounds; empty for labels without areas.
    is_recorded: the labels are outputs that were accepted, not a human's.
    """

    stage: str
    task: str
    labelled: int
    unlabeled: int
    unreadable: int
    counted: str
    per_class: dict[str, int]
    sizes: dict[str, int]
    is_recorded: bool


@dataclass(frozen=True, slots=True)
class DatasetStatistics:
    """One dataset. tags, splits: name -> samples. recorded: name -> files below `recorded/`, those of stages too."""

    name: str
    root: str
    digest: str
    samples: int
    tags: dict[str, int]
    splits: dict[str, int]
    stages: tuple[StageStatistics, ...]
    recorded: dict[str, int]


def statistics(dataset: GoldenDataset) -> DatasetStatistics:
    """Read every label of a dataset and count. Raises GoldenFormatError only where a label file is not there."""
    tags = Counter(tag for sample in dataset for tag in sample.tags)
    splits = Counter(split for sample in dataset for split in sample.splits)
    return DatasetStatistics(
        name=dataset.name,
        root=str(dataset.root),
        digest=dataset.digest,
        samples=len(dataset),
        tags={tag: tags[tag] for tag in dataset.tags},
        splits={split: splits[split] for split in dataset.splits},
        stages=tuple(_stage(dataset, spec) for spec in dataset.specs),
        recorded=dict(Counter(name for name, _, _ in RecordedStore(dataset.root / FOLDER).entries())),
    )


def _stage(dataset: GoldenDataset, spec: LabelSpec) -> StageStatistics:
    counts = np.zeros(len(spec.classes), dtype=np.int64)
    sizes = np.zeros(3, dtype=np.int64)
    state: Counter[str] = Counter()
    for sample in dataset:
        state[_add(sample, spec, counts, sizes)] += 1
    has_areas = spec.task in _WITH_AREAS
    return StageStatistics(
        stage=spec.stage,
        task=spec.task,
        labelled=state["labelled"],
        unlabeled=state["unlabeled"],
        unreadable=state["unreadable"],
        counted=_COUNTED.get(spec.task, "objects") if len(spec.classes) else "labels",
        per_class=dict(zip(spec.classes.names, map(int, counts), strict=True)),
        sizes=dict(zip(("small", "medium", "large"), map(int, sizes), strict=True)) if has_areas else {},
        is_recorded=spec.recorded,
    )


def _add(sample: GoldenSample, spec: LabelSpec, counts: NDArray[np.int64], sizes: NDArray[np.int64]) -> str:
    """Add a sample's label to the counts; return what became of it."""
    try:
        label = sample.label(spec.stage)
    except GoldenFormatError:
        return "unreadable"
    if label is None:
        return "unlabeled"
    counts += class_counts(label, len(spec.classes))
    areas = object_areas(label)
    sizes += np.array(
        [
            np.count_nonzero(areas < SMALL_PX2),
            np.count_nonzero((areas >= SMALL_PX2) & (areas < LARGE_PX2)),
            np.count_nonzero(areas >= LARGE_PX2),
        ]
    )
    return "labelled"
