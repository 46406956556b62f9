"""The labels of a dataset: read when asked for; the latest sample's are kept, so that its digest costs no decoding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

import numpy as np

from pytest_vizart.golden.digests import digest_label
from pytest_vizart.golden.formats import LabelReader
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import Label, LabelSpec


class LabelStore:
    """Labels by stage and sample."""

    def __init__(self, specs: Mapping[str, LabelSpec], readers: Mapping[str, LabelReader]) -> None:
        self.specs = specs
        self._readers = readers
        self._latest: tuple[str, dict[str, Label | None]] = ("", {})
        self._digests: dict[tuple[str, str], str | None] = {}

    def label(self, stage: str, key: SampleKey) -> Label | None:
        """Return the label, its arrays read-only; None if there is none. Raises GoldenFormatError."""
        latest_id, labels = self._latest
        if latest_id != key.id:
            labels = {}
            self._latest = (key.id, labels)
        if stage not in labels:
            label = self._readers[stage].read(key)
            if label is not None:
                _freeze(label)
            labels[stage] = label
        return labels[stage]

    def digest(self, stage: str, key: SampleKey) -> str | None:
        """Return the label's digest, None if there is no label. Raises GoldenFormatError."""
        if (stage, key.id) not in self._digests:
            label = self.label(stage, key)
            self._digests[stage, key.id] = None if label is None else digest_label(label, self.specs[stage].classes)
        return self._digests[stage, key.id]


def _freeze(label: Label) -> None:
    for column in fields(label):
        value = getattr(label, column.name)
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
