"""Two states of a golden dataset held against each other, by the digests of inputs and labels."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.dataset import GoldenDataset, GoldenSample
from pytest_vizart.golden.files import content_digest
from pytest_vizart.golden.recorded import FOLDER, RecordedStore

_UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class StageDifference:
    """Labels of one stage that both sides have; IDs of samples that both sides have.

    added: labelled only on the second side. removed: only on the first. changed: on both, and they do not mean the
    same. classes: names of classes that only one of the two maps has, or that have another ID.
    """

    stage: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """What the second dataset has otherwise than the first; IDs of samples, names of stages.

    stages: those with labels of both sides. recorded_added, recorded_removed, recorded_changed: recorded outputs, by
    content, "name/sample".
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed_inputs: tuple[str, ...]
    added_stages: tuple[str, ...]
    removed_stages: tuple[str, ...]
    stages: tuple[StageDifference, ...]
    recorded_added: tuple[str, ...]
    recorded_removed: tuple[str, ...]
    recorded_changed: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        parts = (self.added, self.removed, self.changed_inputs, self.added_stages, self.removed_stages)
        of_stages = (part for one in self.stages for part in (one.added, one.removed, one.changed, one.classes))
        recorded = (self.recorded_added, self.recorded_removed, self.recorded_changed)
        return not any(parts) and not any(recorded) and not any(of_stages)


def compare(first: GoldenDataset, second: GoldenDataset) -> Difference:
    """Return how the second dataset differs from the first. Files are compared by content, labels by what they mean."""
    known, now = set(first.ids), set(second.ids)
    both = [sample_id for sample_id in second.ids if sample_id in known]
    stages = {spec.stage for spec in first.specs}
    other_stages = {spec.stage for spec in second.specs}
    labelled = [spec.stage for spec in second.specs if spec.stage in stages and not spec.recorded]
    before, after = _recorded(first), _recorded(second)
    return Difference(
        added=tuple(sample_id for sample_id in second.ids if sample_id not in known),
        removed=tuple(sample_id for sample_id in first.ids if sample_id not in now),
        changed_inputs=tuple(one for one in both if _input(first[one]) != _input(second[one])),
        added_stages=tuple(spec.stage for spec in second.specs if spec.stage not in stages),
        removed_stages=tuple(spec.stage for spec in first.specs if spec.stage not in other_stages),
        stages=tuple(_stage(first, second, stage, both) for stage in labelled),
        recorded_added=tuple(one for one in after if one not in before),
        recorded_removed=tuple(one for one in before if one not in after),
        recorded_changed=tuple(one for one in after if one in before and before[one] != after[one]),
    )


def _stage(first: GoldenDataset, second: GoldenDataset, stage: str, both: list[str]) -> StageDifference:
    digests = [(one, _label(first[one], stage), _label(second[one], stage)) for one in both]
    own, other = first.spec(stage).classes, second.spec(stage).classes
    pairs = set(zip(own.names, own.ids, strict=True)) ^ set(zip(other.names, other.ids, strict=True))
    return StageDifference(
        stage=stage,
        added=tuple(one for one, before, after in digests if before is None and after is not None),
        removed=tuple(one for one, before, after in digests if before is not None and after is None),
        changed=tuple(one for one, before, after in digests if before and after and before != after),
        classes=tuple(sorted({name for name, _ in pairs})),
    )


def _recorded(dataset: GoldenDataset) -> dict[str, str]:
    """ "name/sample" -> digest of the file that its output is recorded in; files of equal outputs are equal."""
    found: dict[str, str] = {}
    for name, sample_id, path in RecordedStore(dataset.root / FOLDER).entries():
        try:
            digest = content_digest(path, sampled=False)
        except GoldenFormatError:
            digest = _UNREADABLE
        found[f"{name}/{sample_id}"] = f"{path.suffix} {digest}"
    return found


def _input(sample: GoldenSample) -> str:
    try:
        return sample.input_digest()
    except GoldenFormatError:
        return _UNREADABLE


def _label(sample: GoldenSample, stage: str) -> str | None:
    try:
        return sample.label_digest(stage)
    except GoldenFormatError:
        return _UNREADABLE
