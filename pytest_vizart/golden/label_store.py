"""The labels of a dataset: read when asked for; the latest sample's are kept, so that its digest costs no decoding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.class_maps import told_in
from pytest_vizart.golden.digests import digest_label
from pytest_vizart.golden.files import is_file
from pytest_vizart.golden.formats import LabelReader, LabelSource
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.golden.recorded import RecordedStore
from pytest_vizart.records.labels import Label, LabelSpec


@dataclass(frozen=True, slots=True)
class StageSource:
    """One source of a stage's labels: its reader, and the table that tells its classes in the stage's class map."""

    source: LabelSource
    reader: LabelReader
    table: NDArray[np.int64] | None = None

    def read(self, key: SampleKey) -> Label | None:
        label = self.reader.read(key)
        return None if label is None else told_in(label, self.table)

    def may_label(self, key: SampleKey) -> bool:
        """Whether the source has a file for the sample, or one file for all.

        Beside other sources an absent file says nothing, also where alone it means that there are no objects (YOLO).
        """
        return not self.source.per_sample or is_file(self.source.path_for(key))


class LabelStore:
    """Labels by stage and sample."""

    def __init__(
        self,
        specs: Mapping[str, LabelSpec],
        sources: Mapping[str, Sequence[StageSource]],
        recorded: RecordedStore | None = None,
    ) -> None:
        self.specs = specs
        self.sources = sources
        self._recorded = recorded
        self._latest: tuple[str, dict[str, Label | None]] = ("", {})
        self._digests: dict[tuple[str, str], str | None] = {}

    def label(self, stage: str, key: SampleKey) -> Label | None:
        """Return the label, its arrays read-only; None if there is none. Raises GoldenFormatError."""
        latest_id, labels = self._latest
        if latest_id != key.id:
            labels = {}
            self._latest = (key.id, labels)
        if stage not in labels:
            label = self._read(stage, key)
            for array in arrays_of(label):
                array.flags.writeable = False
            labels[stage] = label
        return labels[stage]

    def digest(self, stage: str, key: SampleKey) -> str | None:
        """Return the label's digest, None if there is no label. Raises GoldenFormatError."""
        if (stage, key.id) not in self._digests:
            label = self.label(stage, key)
            self._digests[stage, key.id] = None if label is None else digest_label(label, self.specs[stage].classes)
        return self._digests[stage, key.id]

    def _read(self, stage: str, key: SampleKey) -> Label | None:
        if self._recorded is not None and self.specs[stage].recorded:
            return self._recorded.read(stage, key.id)
        sources = self.sources[stage]
        if len(sources) == 1:
            return sources[0].read(key)
        found = [(one, label) for one in sources if one.may_label(key) and (label := one.read(key)) is not None]
        if len(found) > 1:
            (first, _), (second, _), *_ = found
            raise GoldenFormatError(
                f"two sources have a label for sample {key.id!r}",
                file=second.source.manifest,
                place=f"{second.source.place}.path",
                expected=f"one label of stage {stage} for each sample",
                found=f"{first.source.place} ({first.source.entry.path}), {second.source.place} "
                f"({second.source.entry.path})",
                hint="remove one of the two, or label another stage with it",
            )
        return found[0][1] if found else None


def arrays_of(value: object) -> Iterator[NDArray[np.generic]]:
    """Yield the arrays of a label, those of its parts too."""
    if isinstance(value, np.ndarray):
        yield value
    elif is_dataclass(value):
        for column in fields(value):
            yield from arrays_of(getattr(value, column.name))
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from arrays_of(part)
