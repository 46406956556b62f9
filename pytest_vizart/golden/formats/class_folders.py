"""Classes by folder, as torchvision's ImageFolder and ImageNet have them: `cat/001.jpg` shows a cat."""

from __future__ import annotations

from functools import cached_property
from pathlib import PurePosixPath

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats import LabelSource
from pytest_vizart.golden.formats.class_lookup import ClassLookup
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.golden.manifest_values import MAX_CLASSES
from pytest_vizart.records.labels import ClassLabel, ClassMap, Task


class ClassFolderReader:
    """The class of a sample is the first folder below `path` that it lies in, "." for the dataset's own folder.

    A sample outside of `path`, or directly in it, is unlabeled. Folders are called by names of classes or by their IDs.
    Without `classes` in the manifest every folder that holds samples is a class; their IDs count from 0 in the order of
    their names, as torchvision numbers them.
    """

    tasks: tuple[Task, ...] = ("classes",)
    per_sample = False

    def __init__(self, source: LabelSource) -> None:
        self._source = source
        self._root = source.only_path()
        self._above = PurePosixPath(source.entry.path)
        self._classes: ClassMap | None = None

    def classes(self) -> ClassMap:
        if self._classes is None:
            self._classes = self._source.classes or self._folders()
        return self._classes

    def read(self, key: SampleKey) -> ClassLabel | None:
        folder = self._folder_of(key)
        if folder is None:
            return None
        return ClassLabel(self._lookup.by_name_or_id(folder, file=self._root / folder, place="name of the folder"))

    @cached_property
    def _lookup(self) -> ClassLookup:
        return ClassLookup(self.classes())

    def _folder_of(self, key: SampleKey) -> str | None:
        path = PurePosixPath(key.relative_path)
        if not path.is_relative_to(self._above):
            return None
        inner = path.relative_to(self._above).parts
        return inner[0] if len(inner) > 1 else None

    def _folders(self) -> ClassMap:
        names = sorted({folder for key in self._source.samples if (folder := self._folder_of(key)) is not None})
        if not 0 < len(names) <= MAX_CLASSES:
            raise GoldenFormatError(
                "folders cannot serve as classes",
                file=self._source.manifest,
                place=f"{self._source.place}.path",
                expected=f"1 to {MAX_CLASSES} folders with samples below {self._source.entry.path}",
                found=f"{len(names)} folders",
                hint="name the folder that the folders of the classes lie in",
            )
        return ClassMap(names=tuple(names), ids=tuple(range(len(names))))
