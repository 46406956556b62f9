"""What the manifest says of each stage, from all of its label sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_vizart.golden.manifest import LabelEntry, RecordedEntry
from pytest_vizart.records.labels import NO_CLASSES, ClassMap, LabelSpec

CPU = "cpu"
_NO_CUDA = (CPU, "mps")


def make_spec(entries: Sequence[LabelEntry], classes: ClassMap, *, device: str | None = None) -> LabelSpec:
    """Return the spec of the stage that the entries label, one or more; a key counts where one of them gives it."""
    first = entries[0]
    return LabelSpec(
        stage=first.stage,
        task=first.task,
        classes=classes,
        score_threshold=_given(entries, "score_threshold"),
        iou_threshold=_given(entries, "iou_threshold"),
        distance_threshold_m=_given(entries, "distance_threshold_m"),
        keypoint_names=tuple(_given(entries, "keypoints")),
        keypoint_sigmas=tuple(_given(entries, "keypoint_sigmas")),
        skeleton=tuple(_given(entries, "skeleton")),
        tolerances=resolve_tolerances(_with_tolerances(entries), device),
        correct_when=_given(entries, "correct_when"),
    )


def recorded_spec(entry: RecordedEntry, *, device: str | None = None) -> LabelSpec:
    """Return the spec of a stage that is held to its recorded outputs."""
    return LabelSpec(
        entry.stage,
        entry.task,
        NO_CLASSES,
        tolerances=resolve_tolerances(entry, device),
        correct_when=entry.correct_when,
        recorded=True,
    )


def resolve_tolerances(entry: LabelEntry | RecordedEntry, device: str | None = None) -> dict[str, float]:
    """Return the tolerances that hold on a device.

    Args:
        device: "cpu" (also where it is None), "mps", "cuda", or the name of a GPU ("NVIDIA H200"), which "cuda" means
            too. What names the device more closely goes before what names it less: `tolerances`, then the kind of
            device, then parts of its name, the longest last.
    """
    name = (device or CPU).lower()
    kind = name if name in _NO_CUDA else "cuda"
    fitting = [key for key in entry.device_tolerances if key.lower() == kind]
    fitting += sorted((key for key in entry.device_tolerances if _is_part(key, name, kind)), key=len)
    resolved: dict[str, float] = {}
    for tolerances in (entry.tolerances, *(entry.device_tolerances[key] for key in fitting)):
        resolved.update((str(measure), value) for measure, value in tolerances.items())
    return resolved


def _is_part(key: str, name: str, kind: str) -> bool:
    return key.lower() != kind and kind not in _NO_CUDA and key.lower() in name


def _given(entries: Sequence[LabelEntry], key: str) -> Any:
    giving = next((entry for entry in entries if key in entry.model_fields_set), entries[0])
    return getattr(giving, key)


def _with_tolerances(entries: Sequence[LabelEntry]) -> LabelEntry:
    keys = ("tolerances", "device_tolerances")
    return entries[0].model_copy(update={key: _given(entries, key) for key in keys})
