"""Plain values, out of a file or in memory, to predictions: the accepted forms of docs/predictions.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_vizart.accuracy.forms.arrays import as_array
from pytest_vizart.accuracy.predicted import Prediction
from pytest_vizart.accuracy.predictions import read_prediction
from pytest_vizart.errors import PredictionError
from pytest_vizart.golden.image_size import Size
from pytest_vizart.records.labels import Label, LabelSpec
from pytest_vizart.workflow.evaluation.label_files import read_names
from pytest_vizart.workflow.evaluation.options import Options
from pytest_vizart.workflow.evaluation.truths import Truths, size_of_label


class ValueReader:
    """Reads values of one source of predictions."""

    def __init__(self, truths: Truths, options: Options, file: Path | None = None) -> None:
        self._spec: LabelSpec = truths.spec
        self._options = options
        self.file = file
        self._sizes = truths.sizes
        self.names: dict[int, str] | None = None
        if options.prediction_classes is not None:
            own = read_names(options.prediction_classes, "prediction_classes")
            self.names = dict(zip(own.ids, own.names, strict=True))

    def read(
        self,
        value: Any,
        label: Label | None,
        place: str,
        *,
        box_format: str | None = None,
        class_numbers: str | None = None,
        file: Path | None = None,
    ) -> Prediction:
        """Return a prediction; PredictionError with file and place.

        Args:
            box_format, class_numbers: what the file's own form says, where it does.
        """
        try:
            return read_prediction(
                value,
                self._spec,
                box_format=box_format or self._options.box_format or "xyxy",  # type: ignore[arg-type]
                labels=self._options.class_numbers or class_numbers,  # type: ignore[arg-type]
                image_size=self._size(label),
            )
        except PredictionError as error:
            raise located(error, file or self.file, place) from error

    def classes(self, labels: Any, place: str, file: Path | None = None) -> Any:
        """Return the model's class numbers as names, where the caller said what they mean; as they are otherwise."""
        if self.names is None or labels is None:
            return labels
        try:
            numbers = as_array(labels, "labels").reshape(-1).tolist()
        except PredictionError as error:
            raise located(error, file or self.file, place) from error
        return [one if isinstance(one, str) else self._name(one, place, file) for one in numbers]

    def _name(self, number: Any, place: str, file: Path | None) -> str:
        assert self.names is not None
        if number not in self.names:
            raise PredictionError(
                "class number is not in the list of the model's classes",
                file=file or self.file,
                place=place,
                expected=f"one of {', '.join(map(str, list(self.names)[:12]))}",
                found=str(number),
                hint="complete --prediction-classes",
            )
        return self.names[number]

    def _size(self, label: Label | None) -> Size | None:
        # Of panoptic and semantic labels the metric itself compares sizes; polygons need one to be painted.
        return size_of_label(label) if self._spec.task == "instances" else None


def located(error: PredictionError, file: Path | None, place: str) -> PredictionError:
    """Return the error with the file and the place in it that it concerns, its hint in this command's words."""
    hint = error.hint
    if hint == "say which with labels=":
        hint = (
            "say which: --class-numbers id or index; or name the model's classes: --prediction-classes "
            "(class_numbers=, prediction_classes= in Python)"
        )
    where = ", ".join(part for part in (place, error.place) if part)
    expected = error.expected
    if expected is not None and expected.startswith("labels='id'"):
        expected = "to be told whether they are IDs of the class map or its positions from 0"
    return PredictionError(
        error.problem, file=file or error.file, place=where, expected=expected, found=error.found, hint=hint
    )


def with_classes(value: Mapping[str, Any], reader: ValueReader, place: str) -> dict[str, Any]:
    """Return a mapping of columns, or one row, with the model's class numbers as names."""
    changed = dict(value)
    if reader.names is None:
        return changed
    if "labels" in changed:
        changed["labels"] = reader.classes(changed["labels"], place)
    if isinstance(changed.get("label"), int):
        changed["label"] = reader.classes([changed["label"]], place)[0]
    return changed
