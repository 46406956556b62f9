"""Labels read by a format's reader, with no dataset around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats import LabelSource, open_reader
from pytest_vizart.golden.listing import list_samples
from pytest_vizart.golden.manifest import LabelEntry
from pytest_vizart.golden.manifest_values import read_classes
from pytest_vizart.records.labels import Label, Task


class Labels:
    """Labels of the samples `images/*` in a folder; `entry` is the manifest's of their source."""

    def __init__(
        self,
        root: Path,
        path: str,
        task: Task,
        *,
        format: str,  # noqa: A002 - the manifest's own key
        classes: Sequence[str] | Mapping[int, str] | None = None,
        samples: str = "images/*",
        **entry: Any,
    ) -> None:
        manifest = root / "golden.yaml"
        data = {"stage": "detect", "task": task, "path": path, "format": format, **entry}
        keys = list_samples(root, [samples], manifest=manifest)
        given = None if classes is None else read_classes(classes)
        self.source = LabelSource(root, manifest, "labels[0]", LabelEntry.model_validate(data), given, keys)
        self.reader = open_reader(self.source)
        self.keys = {key.id: key for key in keys}

    def __getitem__(self, sample_id: str) -> Any:
        """The label; typed loosely, since each test knows what it is."""
        return self.reader.read(self.keys[sample_id])


def read_or_refuse(labels: Labels, sample_id: str) -> Label | GoldenFormatError | None:
    """Read a label whose file may be anything; every exception but GoldenFormatError fails the test."""
    try:
        labels.reader.classes()
        label: Label | None = labels[sample_id]
    except GoldenFormatError as error:
        return error
    return label
