"""What readers of one file for each sample share, where the classes are the manifest's."""

from __future__ import annotations

from functools import cached_property

from pytest_vizart.golden.formats import LabelSource
from pytest_vizart.golden.formats.class_lookup import ClassLookup
from pytest_vizart.records.labels import ClassMap


class PerSampleReader:
    """Base of such readers: a subclass gives `tasks` and `read`."""

    per_sample = True

    def __init__(self, source: LabelSource) -> None:
        self._source = source

    def classes(self) -> ClassMap:
        return self._source.required_classes()

    @cached_property
    def _lookup(self) -> ClassLookup:
        return ClassLookup(self.classes())
